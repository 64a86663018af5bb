import { afterAll, beforeAll, expect, it } from "vitest";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, podObject, serviceObject, sliceObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Each test has a Service of its own: one that changes again and again is told of every five seconds only. */
const NAMES = { first: "first", cut: "second", local: "third" } as const;

/** The same on the embedded API and on the real one, with a real router whose sessions come and go. */
function suite(kubernetes: "embedded" | "real"): void {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startTestCluster({ nodes: 2, kubernetes, router: "bird" });
    await cluster.startController();
    for (const { name } of cluster.network.nodes) await cluster.startSpeaker(name);
    await cluster.apply(
      metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/28"] }),
      ...Object.values(NAMES).map((name) => serviceObject(name, {})),
    );
    for (const name of Object.values(NAMES)) await serveOn(name, "node-1");
  });
  afterAll(() => cluster?.close());

  /** The one endpoint is on this node; null: there is none. */
  async function serveOn(name: string, at: string | null): Promise<void> {
    const nodes = cluster.network.nodes.filter((node) => node.name === at);
    if (kubernetes === "embedded") return await cluster.apply(sliceObject(name, "IPv4", nodes));
    await cluster.kubectl("delete", "pod", "-l", `app=${name}`, "--grace-period=0", "--force");
    for (const node of nodes) await cluster.apply(podObject(name, node));
  }

  const service = async (name: string): Promise<{ readonly status?: { readonly conditions?: readonly Condition[] } }> =>
    JSON.parse(await cluster.kubectl("get", "service", name, "-o", "json"));
  const announced = async (name: string): Promise<Condition | undefined> =>
    (await service(name)).status?.conditions?.find(({ type }) => type === "metallb.io/Announced");
  const says = (name: string, status: string, reason: string, message: RegExp) =>
    eventually(
      () => announced(name),
      (is) => is?.status === status && is.reason === reason && message.test(is.message),
      {
        what: `the condition of ${name} is not ${status}, ${reason}, ${message}`,
        limit: 40_000,
      },
    );

  it("tells what is missing, one thing after another, until a router has the route", async () => {
    await says(
      NAMES.first,
      "False",
      "noAdvertisement",
      /no BGPAdvertisement and no L2Advertisement speaks of pool pool/,
    );
    await cluster.apply(metallbObject("BGPAdvertisement", "all", {}));
    await says(NAMES.first, "False", "noPeer", /node-1, node-2/);
    const { router } = cluster.network;
    const peer = { myASN: SPEAKER_ASN, peerASN: ROUTER_ASN, holdTime: "3s", keepaliveTime: "1s", connectTime: "1s" };
    await cluster.apply(metallbObject("BGPPeer", "router", { ...peer, peerAddress: router.address }));
    await says(NAMES.first, "True", "Announced", /^198\.51\.100\.0 by BGP from node-1, node-2 to router$/);
  });

  it("names the session that is down while others stand, and that none is up", async () => {
    await cluster.network.cut("node-2");
    await says(NAMES.cut, "True", "Announced", /from node-1 to router, down: node-2 to router/);
    await cluster.network.cut("node-1");
    await says(NAMES.cut, "False", "noSession", /node-1 to router, node-2 to router/);
    for (const { name } of cluster.network.nodes) await cluster.network.heal(name);
    await says(NAMES.cut, "True", "Announced", /from node-1, node-2 to router$/);
  });

  it("policy Local, excluded nodes and missing endpoints", async () => {
    await cluster.kubectl("patch", "service", NAMES.local, "-p", '{"spec":{"externalTrafficPolicy":"Local"}}');
    await says(NAMES.local, "True", "Announced", /from node-1 to router$/);
    await serveOn(NAMES.local, null);
    await says(NAMES.local, "False", "noEndpoints", /no endpoint/);
    await serveOn(NAMES.local, "node-2");
    await says(NAMES.local, "True", "Announced", /from node-2 to router$/);
    const label = "node.kubernetes.io/exclude-from-external-load-balancers";
    await cluster.kubectl("label", "node", "node-1", "node-2", `${label}=`);
    await says(NAMES.local, "False", "nodesExcluded", /exclude-from-external-load-balancers/);
    await cluster.kubectl("label", "node", "node-1", "node-2", `${label}-`);
    await says(NAMES.local, "True", "Announced", /from node-2 to router$/);
  });

  it("is read by kubectl describe, beside an address and events that nothing touched", async () => {
    const { status } = (await service(NAMES.first)) as { readonly status?: { readonly loadBalancer?: object } };
    expect(status?.loadBalancer).toEqual({ ingress: [{ ip: "198.51.100.0", ipMode: "VIP" }] });
    const events = await cluster.kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason} {end}");
    expect([...new Set(events.trim().split(/\s+/))].toSorted()).toEqual(["IPAllocated", "nodeAssigned"]);
  });

  it("goes when the Service is no LoadBalancer any more", async () => {
    await cluster.kubectl(
      "patch",
      "service",
      NAMES.first,
      "-p",
      '{"spec":{"type":"ClusterIP","externalTrafficPolicy":null}}',
    );
    await eventually(
      () => announced(NAMES.first),
      (is) => is === undefined,
      { what: "the condition stays", limit: 40_000 },
    );
  });
}

describeWith(["root", "namespaces", "bird", "kubectl"], "by whom a Service is announced, with the embedded API", () =>
  suite("embedded"),
);
describeWith(
  ["root", "namespaces", "bird", "kubernetes", "kubectl"],
  "by whom a Service is announced, with the real API",
  () => suite("real"),
);
