import { afterAll, beforeAll, expect, it } from "vitest";
import { whoAnswers } from "../support/client.ts";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, podObject, serviceObject, sliceObject, type TestObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn } from "../support/programs.ts";
import { forwardLocally } from "./forward-locally.ts";

const ADDRESS = "198.51.100.7";

describeWith(["root", "namespaces", "frr", "kubectl"], "link bandwidth with FRR", () => {
  let cluster: TestCluster;

  /** What Kubernetes makes of so many Pods on each node. */
  const slice = (counts: readonly number[]): TestObject => {
    const { nodes } = cluster.network;
    const made = sliceObject("web", "IPv4", nodes);
    const endpoints = nodes.flatMap((node, i) =>
      Array.from({ length: counts[i] ?? 0 }, (_, n) => ({
        addresses: [`10.200.${i}.${n + 1}`],
        nodeName: node.name,
        conditions: { ready: true, serving: true, terminating: false },
      })),
    );
    return { ...made, endpoints };
  };

  /** The next hops that the kernel of the router has, with their weights. */
  const weights = async (): Promise<ReadonlyMap<string, number>> => {
    const [route] = JSON.parse(
      await runIn(cluster.network.router, "ip", "-json", "route", "show", `${ADDRESS}/32`),
    ) as readonly { readonly nexthops?: readonly { readonly gateway: string; readonly weight: number }[] }[];
    return new Map((route?.nexthops ?? []).map(({ gateway, weight }) => [gateway, weight]));
  };

  const ratio = async (): Promise<number> => {
    const [one, two] = cluster.network.nodes.map(({ address }) => address);
    const found = await weights();
    return (found.get(one ?? "") ?? 0) / (found.get(two ?? "") ?? 0);
  };

  beforeAll(async () => {
    cluster = await startTestCluster({ nodes: 2, kubernetes: "embedded", router: "frr" });
    await forwardLocally(cluster, ADDRESS);
    await cluster.startController();
    for (const { name } of cluster.network.nodes) await cluster.startSpeaker(name);
    const { router, nodes } = cluster.network;
    await cluster.apply(
      metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/24"] }),
      metallbObject("BGPPeer", "router", { myASN: SPEAKER_ASN, peerASN: ROUTER_ASN, peerAddress: router.address }),
      metallbObject("BGPAdvertisement", "weighed", { linkBandwidth: "LocalEndpoints" }),
      ...nodes.map((node) => podObject("web", node)),
      slice([3, 1]),
      serviceObject("web", { externalTrafficPolicy: "Local" }, { "metallb.io/loadBalancerIPs": ADDRESS }),
    );
  });
  afterAll(() => cluster?.close());

  it("gives each node the weight of its endpoints, and the flows follow", async () => {
    await eventually(ratio, (found) => found === 3, { what: "the kernel's next hops are not weighed three to one" });
    const count = 200;
    const answers = await whoAnswers(cluster.network, ADDRESS, count);
    const [first = 0, second = 0] = cluster.network.nodes.map(({ name }) => answers.get(name) ?? 0);
    expect(first + second).toBe(count);
    // 150 with a standard deviation of 6: out of these bounds once in a million runs.
    expect(first).toBeGreaterThan(120);
    expect(first).toBeLessThan(180);
  });

  it("weighs anew when endpoints come and go, on the same session", async () => {
    await cluster.apply(slice([1, 4]));
    await eventually(ratio, (found) => found === 0.25, { what: "the weights do not follow the endpoints" });
  });

  it("weighs nothing with policy Cluster", async () => {
    await cluster.kubectl("patch", "service", "web", "-p", '{"spec":{"externalTrafficPolicy":"Cluster"}}');
    await eventually(ratio, (found) => found === 1, { what: "nodes are weighed that all reach every Pod" });
  });
});
