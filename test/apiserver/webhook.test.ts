import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOrBuild, startRealControlPlane } from "@metallb-ts/lab/kubernetes";
import { Webhooks } from "metallb/controller";
import { ApiError, createClient, type KubeClient, type KubeObject, loadCluster, RESOURCES } from "metallb/kube";
import { createLogger } from "metallb/process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defineResources } from "../support/api.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

const NAMESPACE = "metallb-system";
const CONFIGURATION = "metallb-webhook-configuration";
const CRD = "bgppeers.metallb.io";

interface Hook {
  readonly clientConfig: { readonly caBundle?: string };
}

describeWith(["kubernetes"], "the webhooks behind a real kube-apiserver", () => {
  const undo: (() => unknown)[] = [];
  let client: KubeClient;
  let webhooks: Webhooks;

  const object = (
    kind: string,
    name: string,
    spec: object,
    version = "v1beta1",
    namespace = NAMESPACE,
  ): KubeObject => ({
    apiVersion: `metallb.io/${version}`,
    kind,
    metadata: { name, namespace },
    spec,
  });
  const pool = (name: string, ...addresses: string[]) => object("IPAddressPool", name, { addresses });
  const createPool = (made: KubeObject, namespace = NAMESPACE) =>
    client.create(RESOURCES.ipaddresspools, { namespace }, made);
  const refusal = async (promise: Promise<unknown>): Promise<string> => {
    const error = await promise.then(
      () => "accepted",
      (reason: unknown) => reason,
    );
    return error instanceof ApiError ? error.message : String(error);
  };
  const url = (path: string) => `https://127.0.0.1:${webhooks.port}${path}`;
  const bundles = async (): Promise<string[]> => {
    const found = await client.get(RESOURCES.validatingwebhookconfigurations, { name: CONFIGURATION });
    return (found.webhooks as Hook[]).map(({ clientConfig }) => clientConfig.caBundle ?? "");
  };
  const injected = (other: string) =>
    eventually(bundles, (all) => all.length === 2 && all.every((each) => each !== "" && each !== other), {
      what: "no caBundle was written",
      limit: 30_000,
    });

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-webhook-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const programs = await findOrBuild({ env: process.env, progress: () => {} });
    const plane = await startRealControlPlane({
      programs: { ...programs, controllerManager: null },
      folder: join(folder, "plane"),
    });
    undo.push(() => plane.close());
    const cluster = loadCluster({ kubeconfig: plane.kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    client = createClient(cluster.value, { userAgent: "metallb-test" });
    undo.push(() => client.close());
    await defineResources(client);
    webhooks = new Webhooks({
      client,
      namespace: NAMESPACE,
      log: createLogger("none"),
      tls: { minVersion: "TLSv1.3", ciphers: null, curves: null },
      flags: {
        "cert-dir": "",
        "cert-service-name": "metallb-webhook-service",
        "disable-cert-rotation": false,
        "webhook-secret": "metallb-webhook-cert",
        "webhook-http2": false,
      },
      port: 0,
      names: ["127.0.0.1"],
    });
    undo.push(() => webhooks.stop());
    webhooks.start();
    await eventually(() => webhooks.isServing, Boolean, { what: "the webhook does not serve", limit: 30_000 });
    const hook = (name: string, version: string, resource: string, kind: string, operations: string[]) => ({
      name: `${name}.metallb.io`,
      admissionReviewVersions: ["v1"],
      clientConfig: { url: url(`/validate-metallb-io-${version}-${kind}`) },
      failurePolicy: "Fail",
      sideEffects: "None",
      rules: [{ apiGroups: ["metallb.io"], apiVersions: [version], operations, resources: [resource] }],
    });
    await client.create(
      RESOURCES.validatingwebhookconfigurations,
      {},
      {
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "ValidatingWebhookConfiguration",
        metadata: { name: CONFIGURATION },
        webhooks: [
          hook("pools", "v1beta1", "ipaddresspools", "ipaddresspool", ["CREATE", "UPDATE"]),
          hook("profiles", "v1beta1", "bfdprofiles", "bfdprofile", ["CREATE", "DELETE"]),
        ],
      },
    );
    await injected("");
  });

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it("denies what is wrong, and lets pass what is right", async () => {
    await eventually(
      () => refusal(createPool(pool("a", "192.0.2.0/24"))),
      (words) => words === "accepted" || words.includes("already exists"),
      { what: "a right pool is not accepted", limit: 30_000 },
    );
    await eventually(
      () => refusal(createPool(pool("wrong", "nonsense"))),
      (words) => words.includes("nonsense"),
      {
        what: "a wrong pool is not denied",
      },
    );
    expect(await refusal(createPool(pool("b", "192.0.2.128/25")))).toContain("overlaps");
    const elsewhere = { ...pool("c", "198.51.100.0/24"), metadata: { name: "c", namespace: "default" } };
    expect(await refusal(createPool(elsewhere, "default"))).toContain(
      `resource must be created in ${NAMESPACE} namespace`,
    );
  });

  it("keeps a BFD profile that a peer uses", async () => {
    await client.create(RESOURCES.bfdprofiles, { namespace: NAMESPACE }, object("BFDProfile", "fast", {}));
    const peer = object(
      "BGPPeer",
      "p",
      { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1", bfdProfile: "fast" },
      "v1beta2",
    );
    await client.create(RESOURCES.bgppeers, { namespace: NAMESPACE }, peer);
    const remove = () => refusal(client.remove(RESOURCES.bfdprofiles, { namespace: NAMESPACE, name: "fast" }));
    expect(await remove()).toContain("failed to delete BFDProfile fast, used by BGPPeer p");
  });

  it("writes its authority again when somebody takes it out", async () => {
    const [before] = await bundles();
    const none = [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }];
    await client.patch(RESOURCES.validatingwebhookconfigurations, { name: CONFIGURATION }, "json", none);
    expect(await injected("")).toEqual([before, before]);
  });

  it("converts peers in both directions where the CRD asks for it", async () => {
    const conversion = {
      strategy: "Webhook",
      // As upstream's CRDs have it: names of versions of the resource, of which one is also a version of the review.
      webhook: { clientConfig: { url: url("/convert") }, conversionReviewVersions: ["v1beta1", "v1beta2"] },
    };
    await client.patch(RESOURCES.customresourcedefinitions, { name: CRD }, "merge", { spec: { conversion } });
    const older = { ...RESOURCES.bgppeers, version: "v1beta1" };
    const made = object("BGPPeer", "q", { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.2" });
    await eventually(
      async () => JSON.stringify((await client.get(RESOURCES.customresourcedefinitions, { name: CRD })).spec),
      (spec) => spec.includes('"caBundle":"'),
      { what: "the authority is not written into the CRD", limit: 30_000 },
    );
    // The API server takes a moment to see it, and does not trust us before.
    await eventually(
      () => refusal(client.create(older, { namespace: NAMESPACE }, made)),
      (words) => words === "accepted",
      { what: "no peer can be made in v1beta1", limit: 30_000 },
    );
    const shown = await client.get(older, { namespace: NAMESPACE, name: "p" });
    expect(shown.spec).toMatchObject({ myASN: 64500, peerAddress: "192.0.2.1" });
    expect((await client.get(RESOURCES.bgppeers, { namespace: NAMESPACE, name: "q" })).spec).toMatchObject({
      peerAddress: "192.0.2.2",
    });
  });

  it("goes on through a new authority without a restart", async () => {
    const [before = ""] = await bundles();
    await client.remove(RESOURCES.secrets, { namespace: NAMESPACE, name: "metallb-webhook-cert" });
    await injected(before);
    await eventually(
      () => refusal(createPool(pool("wrong", "nonsense"))),
      (words) => words.includes("nonsense"),
      {
        what: "the webhook is not called after its certificate was renewed",
        limit: 30_000,
      },
    );
  });
});
