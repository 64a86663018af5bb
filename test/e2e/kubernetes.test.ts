import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, whoAnswers } from "../support/client.ts";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, podObject, serviceObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

const POOL = "198.51.100.0/28";
const POOL6 = "2001:db8:51::/124";

describeWith(
  ["root", "namespaces", "bird", "kubernetes", "kubectl", "iptables"],
  "a real Kubernetes with its kube-proxy, from kubectl apply to the client's curl",
  () => {
    let cluster: TestCluster;
    let addresses: readonly string[] = [];

    beforeAll(async () => {
      cluster = await startTestCluster({ nodes: 3, kubernetes: "real", router: "bird" });
      for (const { name } of cluster.network.nodes) await cluster.startProxy(name);
    });
    afterAll(() => cluster?.close());

    const ways = async (prefix: string) =>
      (await cluster.router.routes()).find((route) => route.prefix === prefix)?.paths.map((path) => path.nextHop) ?? [];
    const nodeAddresses = () => cluster.network.nodes.map((node) => node.address).toSorted();

    it("gives the Service an address of each family", async () => {
      await cluster.startController();
      for (const { name } of cluster.network.nodes) await cluster.startSpeaker(name);
      const { router, nodes } = cluster.network;
      const peer = { myASN: SPEAKER_ASN, peerASN: ROUTER_ASN, holdTime: "3s", keepaliveTime: "1s" };
      await cluster.apply(
        metallbObject("IPAddressPool", "pool", { addresses: [POOL, POOL6] }),
        metallbObject("BGPPeer", "router", { ...peer, peerAddress: router.address }),
        metallbObject("BGPPeer", "router-six", { ...peer, peerAddress: router.address6 }),
        metallbObject("BGPAdvertisement", "all", {}),
        ...nodes.map((node) => podObject("web", node)),
        serviceObject("web", { ipFamilyPolicy: "RequireDualStack" }),
      );
      const path = "jsonpath={.status.loadBalancer.ingress[*].ip}";
      const text = await eventually(
        () => cluster.kubectl("get", "service", "web", "-o", path),
        (ips) => ips.split(" ").length === 2,
        { what: "the Service has no two addresses" },
      );
      addresses = text.split(" ");
      expect(addresses.toSorted()).toEqual(["198.51.100.0", "2001:db8:51::"]);
    });

    it("leads the router to it through every node, in both families", async () => {
      const all = nodeAddresses();
      await eventually(
        () => ways("198.51.100.0/32"),
        (hops) => JSON.stringify(hops.toSorted()) === JSON.stringify(all),
        { what: "the router has not one way per node" },
      );
      await eventually(
        () => ways("2001:db8:51::/128"),
        (hops) => hops.length === all.length,
        { what: "the router has not one way per node in IPv6" },
      );
    });

    it("answers the client through the real kube-proxy, by more than one node", async () => {
      for (const address of addresses) {
        // Each node's proxy is ready in its own time; from then on each request is answered.
        await eventually(
          () => whoAnswers(cluster.network, address, 20),
          (answers) => answers.size > 1,
          { what: `not each request to ${address} is answered, or one node answers all` },
        );
      }
    });

    it("shows the client's address and only nodes with endpoints when the policy is Local", async () => {
      await cluster.kubectl("delete", "pod", "web-node-3", "--grace-period=0", "--force");
      await cluster.kubectl("patch", "service", "web", "-p", '{"spec":{"externalTrafficPolicy":"Local"}}');
      const [first = "", second = ""] = cluster.network.nodes.map((node) => node.address);
      await eventually(
        () => ways("198.51.100.0/32"),
        (hops) => JSON.stringify(hops.toSorted()) === JSON.stringify([first, second]),
        { what: "node-3 is still a way, without an endpoint" },
      );
      await eventually(
        async () => [...(await whoAnswers(cluster.network, "198.51.100.0", 20)).keys()].toSorted().join(),
        (answers) => answers === "node-1,node-2",
        { what: "others than the nodes with endpoints answer" },
      );
      // A node's proxy hides the client until it has heard of the policy, each in its own time.
      await eventually(
        () => Promise.all(Array.from({ length: 10 }, () => ask(cluster.network, "198.51.100.0"))),
        (answers) => answers.every((answer) => answer.endsWith(" to 192.0.2.10\n")),
        { what: "not each request shows the client's address" },
      );
    });

    it("goes on by the other node when a cable is cut, and comes back when it is healed", async () => {
      await cluster.network.cut("node-1");
      await eventually(
        () => ways("198.51.100.0/32"),
        (hops) => hops.length === 1,
        { what: "the router still sends to the node behind the cut cable", limit: 10_000 },
      );
      expect([...(await whoAnswers(cluster.network, "198.51.100.0", 10)).keys()]).toEqual(["node-2"]);
      await cluster.network.heal("node-1");
      await eventually(
        () => ways("198.51.100.0/32"),
        (hops) => hops.length === 2,
        { what: "the node behind the healed cable is no way again", limit: 60_000 },
      );
    });

    it("takes the routes away with the Service", async () => {
      await cluster.kubectl("delete", "service", "web");
      await eventually(
        () => cluster.router.routes(),
        (routes) => routes.length === 0,
        { what: "routes are left" },
      );
      await expect(ask(cluster.network, "198.51.100.0")).rejects.toThrow();
    });
  },
);
