import type { Place } from "@metallb-ts/lab/network";
import type { RouterKind } from "@metallb-ts/lab/routers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { type Flood, floodDuring, rcvbufErrors } from "../support/flooding.ts";
import { metallbObject, serviceObject, sliceObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, projectFile, runIn, startProgram } from "../support/programs.ts";

const VIP = "198.51.100.7";
const ALONE = "198.51.100.8";
const PORT = 9_999;
/** Datagrams a second. */
const RATE = 10_000;
const KINDS = ["frr", "bird"] as const satisfies readonly RouterKind[];

interface SpeakerState {
  readonly drain: { readonly phase: string } | null;
  readonly services: Readonly<
    Record<
      string,
      { readonly bgp: { readonly reason?: string; readonly notes?: readonly { readonly reason: string }[] } }
    >
  >;
}

async function overflown(places: readonly Place[]): Promise<number> {
  const counts = await Promise.all(places.map((place) => runIn(place, "cat", "/proc/net/snmp")));
  return counts.reduce((sum, text) => sum + rcvbufErrors(text), 0);
}

for (const kind of KINDS)
  describeWith(["root", "namespaces", kind, "kubectl"], `a node that is drained, with ${kind}`, () => {
    let cluster: TestCluster;

    const state = async (name: string) => (await cluster.speakerState(name)) as SpeakerState;
    const paths = async (address: string) => {
      const route = (await cluster.router.routes()).find(({ prefix }) => prefix === `${address}/32`);
      return (route?.paths ?? []).toSorted((a, b) => a.from.localeCompare(b.from));
    };
    const from = async (address: string) => (await paths(address)).map((path) => path.from);
    const becomes = (address: string, nodes: readonly string[]) =>
      eventually(
        () => from(address),
        (found) => String(found) === String(nodes),
        { what: `${address} is not announced from ${nodes.join(" and ")} alone`, limit: 30_000 },
      );

    /** Sends all the while, and gives what was lost on the way. */
    async function flooded(act: () => Promise<unknown>): Promise<{ readonly lost: number; readonly flood: Flood }> {
      const { client, nodes } = cluster.network;
      if (client === null) throw new Error("no client");
      const before = await overflown([client, ...nodes]);
      const { flood, answered } = await floodDuring({ at: client, address: VIP, port: PORT, rate: RATE }, act);
      const full = (await overflown([client, ...nodes])) - before;
      return { lost: flood.sent - flood.failed - answered - full, flood };
    }

    beforeAll(async () => {
      cluster = await startTestCluster({ nodes: 2, kubernetes: "embedded", router: kind });
      for (const node of cluster.network.nodes) {
        await runIn(node, "ip", "address", "add", `${VIP}/32`, "dev", "lo");
        const argv = [process.execPath, projectFile("test/layer2/echo.ts"), VIP, String(PORT), node.name];
        const echo = await startProgram(node, argv);
        await eventually(
          () => echo.output(),
          (text) => text.includes("ready"),
          { what: "the echo server runs" },
        );
      }
      await cluster.startController();
      for (const { name } of cluster.network.nodes) await cluster.startSpeaker(name);
      const { router, nodes } = cluster.network;
      const [first] = nodes;
      await cluster.apply(
        metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/24"] }),
        metallbObject("BGPPeer", "router", { myASN: SPEAKER_ASN, peerASN: ROUTER_ASN, peerAddress: router.address }),
        metallbObject("BGPAdvertisement", "all", {}),
        sliceObject("web", "IPv4", nodes),
        serviceObject("web", {}, { "metallb.io/loadBalancerIPs": VIP }),
        sliceObject("alone", "IPv4", first ? [first] : []),
        serviceObject("alone", { externalTrafficPolicy: "Local" }, { "metallb.io/loadBalancerIPs": ALONE }),
      );
      await becomes(VIP, ["node-1", "node-2"]);
      await becomes(ALONE, ["node-1"]);
    });
    afterAll(() => cluster?.close());

    it("keeps its routes when it is only cordoned", async () => {
      await cluster.kubectl("cordon", "node-1");
      const node = JSON.parse(await cluster.kubectl("get", "node", "node-1", "-o", "json")) as { spec: object };
      expect(node.spec).toMatchObject({ unschedulable: true });
      // The speaker reads the Node with the next Service: when that is announced, the other routes had their time.
      await cluster.apply(serviceObject("next", {}, { "metallb.io/loadBalancerIPs": "198.51.100.9" }));
      await cluster.apply(sliceObject("next", "IPv4", cluster.network.nodes));
      await becomes("198.51.100.9", ["node-1", "node-2"]);
      expect(await from(VIP)).toEqual(["node-1", "node-2"]);
      expect((await state("node-1")).drain).toBeNull();
      await cluster.kubectl("uncordon", "node-1");
    });

    it("gives its routes away without a loss at ten thousand datagrams a second, but for what no other announces", async () => {
      const { lost, flood } = await flooded(async () => {
        await cluster.kubectl("annotate", "node", "node-1", "metallb.io/drain=2s");
        const warned = await eventually(
          () => paths(VIP),
          (found) =>
            found.some(({ communities }) =>
              communities.some((each) => /65535:0$|gracefulShutdown|graceful-shutdown/.test(each)),
            ),
          { what: "the route does not carry GRACEFUL_SHUTDOWN" },
        );
        expect(warned.map((path) => path.from)).toEqual(["node-1", "node-2"]);
        expect((await state("node-1")).services["default/web"]?.bgp.notes).toMatchObject([{ reason: "nodeLeaving" }]);
        await becomes(VIP, ["node-2"]);
      });
      console.info(`${kind}: ${flood.sent} sent, ${lost} lost while node-1 was drained`);
      expect(lost).toBe(0);
      expect(Object.keys(flood.answers).toSorted()).toEqual(["node-1", "node-2"]);
      const { drain, services } = await state("node-1");
      expect(drain).toMatchObject({ phase: "withdrawn" });
      expect(services["default/web"]?.bgp.reason).toBe("nodeDraining");
      expect(services["default/alone"]?.bgp.notes).toMatchObject([{ reason: "lastAnnouncer" }]);
      expect(await from(ALONE)).toEqual(["node-1"]);
    });

    it("ends its sessions when another node announces the rest, with a word to the router", async () => {
      await cluster.apply(sliceObject("alone", "IPv4", cluster.network.nodes));
      await becomes(ALONE, ["node-2"]);
      const sessions = await eventually(
        () => cluster.router.sessions(),
        (all) => all.some(({ name, established }) => name === "node-1" && !established),
        { what: "the session stays" },
      );
      if (kind === "bird")
        expect(sessions.find(({ name }) => name === "node-1")?.state).toMatch(/Received: Administrative shutdown/);
      expect((await state("node-1")).drain).toMatchObject({ phase: "closed" });
    });

    it("comes back without a loss", async () => {
      const { lost, flood } = await flooded(async () => {
        await cluster.kubectl("annotate", "node", "node-1", "metallb.io/drain-");
        await becomes(VIP, ["node-1", "node-2"]);
        await becomes(ALONE, ["node-1", "node-2"]);
      });
      console.info(`${kind}: ${flood.sent} sent, ${lost} lost while node-1 came back`);
      expect(lost).toBe(0);
      expect((await state("node-1")).drain).toBeNull();
    });
  });
