import { expect, it } from "vitest";
import type { KubeClient } from "#kube";
import { admissionJudges } from "./admission.ts";

const NAMESPACE = "metallb-system";

const object = (kind: string, name: string, spec: object, version = "v1beta1") => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: NAMESPACE, creationTimestamp: "2026-01-01T00:00:00Z" },
  spec,
});
const pool = (name: string, ...addresses: string[]) => object("IPAddressPool", name, { addresses });
const peer = (name: string, spec: object = {}) =>
  object("BGPPeer", name, { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1", ...spec }, "v1beta2");

/** What is said of an object while these stand. */
function ask(kind: string, stands: Readonly<Record<string, readonly object[]>>) {
  const client = {
    request: async (_: string, path: string) => ({ items: stands[path.slice(path.lastIndexOf("/") + 1)] ?? [] }),
  } as unknown as KubeClient;
  const judge = admissionJudges(client, NAMESPACE)[`/validate-metallb-io-${kind}`];
  if (!judge) throw new Error(`no judge of ${kind}`);
  return (
    object: { metadata: { name: string } },
    operation: "CREATE" | "UPDATE" | "DELETE" = "CREATE",
    namespace = NAMESPACE,
  ) =>
    judge({
      operation,
      namespace,
      name: object.metadata.name,
      object: operation === "DELETE" ? null : object,
      oldObject: null,
    });
}

it("allows what is right, and denies what is wrong or overlaps", async () => {
  const judge = ask("v1beta1-ipaddresspool", { ipaddresspools: [pool("a", "192.0.2.0/24")] });
  expect(await judge(pool("b", "198.51.100.0/24"))).toEqual({ kind: "allowed", warnings: [] });
  expect(await judge(pool("b", "192.0.2.128/25"))).toMatchObject({
    kind: "denied",
    message: expect.stringContaining("overlaps"),
  });
  expect(await judge(pool("b", "nonsense"))).toMatchObject({
    kind: "denied",
    message: expect.stringContaining("nonsense"),
  });
  expect(await judge(object("IPAddressPool", "b", { addresses: 5 }))).toEqual({
    kind: "unreadable",
    message: "spec.addresses: Invalid input: expected array, received number",
  });
  // It takes its own place.
  expect(await judge(pool("a", "192.0.2.0/25"), "UPDATE")).toMatchObject({ kind: "allowed" });
});

it("denies an edit that makes another object wrong, and nothing for what was wrong before", async () => {
  const older = {
    ...pool("a", "192.0.2.0/25"),
    metadata: { ...pool("a").metadata, creationTimestamp: "2025-01-01T00:00:00Z" },
  };
  const judge = ask("v1beta1-ipaddresspool", {
    ipaddresspools: [older, pool("b", "192.0.2.128/25"), pool("broken", "x")],
  });
  expect(await judge({ ...older, spec: { addresses: ["192.0.2.0/24"] } } as never, "UPDATE")).toMatchObject({
    kind: "denied",
  });
  expect(await judge(pool("c", "198.51.100.0/24"))).toMatchObject({ kind: "allowed" });
});

it("takes references that may yet be fulfilled, and refuses what lies elsewhere", async () => {
  const judge = ask("v1beta2-bgppeer", {});
  expect(await judge(peer("p", { bfdProfile: "later", passwordSecret: { name: "later" } }))).toMatchObject({
    kind: "allowed",
  });
  expect(await judge(peer("p"), "CREATE", "default")).toEqual({
    kind: "denied",
    message: "resource must be created in metallb-system namespace",
  });
  expect(await judge(peer("p"), "UPDATE", "default")).toEqual({ kind: "allowed" });
  expect(await judge(peer("p", { peerAddress: "here" }))).toMatchObject({ kind: "denied" });
});

it("keeps a BFD profile that a peer uses", async () => {
  const profile = object("BFDProfile", "fast", {});
  const judge = ask("v1beta1-bfdprofile", { bgppeers: [peer("p", { bfdProfile: "fast" })], bfdprofiles: [profile] });
  expect(await judge(profile, "DELETE")).toEqual({
    kind: "denied",
    message: "failed to delete BFDProfile fast, used by BGPPeer p",
  });
  expect(await judge(object("BFDProfile", "other", {}), "DELETE")).toEqual({ kind: "allowed" });
});

it("judges nothing by a list that is none", async () => {
  const client = { request: async () => ({}) } as unknown as KubeClient;
  const judge = admissionJudges(client, NAMESPACE)["/validate-metallb-io-v1beta1-ipaddresspool"];
  const request = { operation: "CREATE" as const, namespace: NAMESPACE, name: "a", object: pool("a"), oldObject: null };
  await expect(judge?.(request)).rejects.toThrow("cannot be read");
});
