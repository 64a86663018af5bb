import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Router, type RouterDescription, startRouter } from "@metallb-ts/lab/routers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, NAMESPACE, serviceObject, sliceObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

describeWith(["root", "namespaces", "bird", "kubectl"], "the password of a router in a Secret that is replaced", () => {
  let cluster: TestCluster;
  let folder: string;
  let told: RouterDescription;
  let next: Router | null = null;

  const withPassword = (description: RouterDescription, password: string): RouterDescription => ({
    ...description,
    neighbours: description.neighbours
      .filter(({ families }) => families.includes("ipv4-unicast"))
      .map((neighbour) => ({ ...neighbour, password })),
  });
  const secret = (password: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "router", namespace: NAMESPACE },
    type: "kubernetes.io/basic-auth",
    stringData: { password },
  });
  const established = (router: Router) =>
    eventually(
      () => router.sessions(),
      (all) => all.length === 1 && all.every((session) => session.established),
      { what: "the session is not established", limit: 60_000 },
    );

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-rotation-"));
    cluster = await startTestCluster({
      nodes: 1,
      kubernetes: "embedded",
      router: "bird",
      describe: (description) => {
        told = description;
        return withPassword(description, "first");
      },
    });
    await cluster.startController();
    await cluster.startSpeaker("node-1");
    const peer = { myASN: SPEAKER_ASN, peerASN: ROUTER_ASN, holdTime: "3s", keepaliveTime: "1s", connectTime: "1s" };
    const { address } = cluster.network.router;
    await cluster.apply(
      secret("first"),
      metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/24"] }),
      metallbObject("BGPAdvertisement", "all", {}),
      metallbObject("BGPPeer", "router", { ...peer, peerAddress: address, passwordSecret: { name: "router" } }),
      sliceObject("web", "IPv4", cluster.network.nodes),
      serviceObject("web", {}),
    );
    await established(cluster.router);
  });
  afterAll(async () => {
    await next?.close();
    await cluster?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("is used from then on, and comes back with its routes as soon as the router has it too", async () => {
    await cluster.apply(secret("second"));
    await eventually(
      () => cluster.router.sessions(),
      (all) => all.every((session) => !session.established),
      { what: "the session with the old password stays" },
    );
    await cluster.router.close();
    const { router } = await startRouter(
      "bird",
      cluster.network.router,
      withPassword(told, "second"),
      join(folder, "router"),
    );
    next = router;
    await established(next);
    const routes = await eventually(
      () => next?.routes() ?? [],
      (all) => all.length > 0,
      { what: "no route comes back" },
    );
    expect(routes.map(({ prefix }) => prefix)).toEqual(["198.51.100.0/32"]);
  });
});
