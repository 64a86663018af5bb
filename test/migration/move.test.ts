import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createClient, type KubeClient, loadCluster, pathOf, RESOURCES } from "metallb/kube";
import { afterEach, expect, it } from "vitest";
import type { BareLine } from "../support/bare-speaker.ts";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, podObject, serviceObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, type Program, projectFile } from "../support/programs.ts";

/** What MetalLB gave these Services: not what a fresh allocation would give. */
const ADDRESSES: Readonly<Record<string, string>> = { one: "198.51.100.9", two: "198.51.100.4", three: "198.51.100.7" };
const PREFIXES = Object.values(ADDRESSES).map((ip) => `${ip}/32`);

/** MetalLB's speaker as a router sees it: a session that announces, and that dies without a word. */
class StandIn {
  private readonly child: ChildProcess;

  constructor(cluster: TestCluster, node: string) {
    const [program = "", ...args] = cluster
      .node(node)
      .command([projectFile("bin/node"), projectFile("test/support/bare-speaker.ts")]);
    this.child = spawn(program, args, { stdio: ["pipe", "ignore", "inherit"] });
    const { address } = cluster.network.router;
    this.say({
      peer: { address, localAs: SPEAKER_ASN, peerAs: ROUTER_ASN, connectTime: 1, families: ["ipv4-unicast"] },
    });
    this.say({ announce: PREFIXES });
  }

  private say(line: BareLine): void {
    this.child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  async die(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

/** Writes down every address that a Service ever shows. */
class AddressLog {
  readonly seen = new Map<string, Set<string>>();
  private readonly end = new AbortController();
  private readonly client: KubeClient;
  private readonly watching: Promise<void>;

  constructor(kubeconfig: string) {
    const cluster = loadCluster({ kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    this.client = createClient(cluster.value, { userAgent: "test" });
    const path = pathOf(RESOURCES.services, { namespace: "default" });
    this.watching = this.client
      .stream(path, { watch: true }, (line) => this.take(line), this.end.signal)
      .catch(() => {});
  }

  private take(line: string): void {
    const { object } = JSON.parse(line) as {
      readonly object: {
        readonly metadata: { readonly name: string };
        readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
      };
    };
    const { name } = object.metadata;
    const shown = (object.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).join();
    this.seen.set(name, (this.seen.get(name) ?? new Set()).add(shown));
  }

  async close(): Promise<void> {
    this.end.abort();
    await this.watching;
    this.client.close();
  }
}

describeWith(
  ["root", "namespaces", "bird", "kubernetes", "kubectl"],
  "a cluster moves over from MetalLB, and back",
  () => {
    const undo: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const step of undo.splice(0).reverse()) await step();
    });

    /** Two nodes as MetalLB left them: Services with addresses, and a session of each node that announces them. */
    async function upstream() {
      const cluster = await startTestCluster({ nodes: 2, kubernetes: "real", router: "bird" });
      undo.push(() => cluster.close());
      const { router, nodes } = cluster.network;
      const peer = { myASN: SPEAKER_ASN, peerASN: ROUTER_ASN, holdTime: "9s", connectTime: "1s" };
      await cluster.apply(
        metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/28"] }),
        metallbObject("BGPAdvertisement", "all", {}),
        metallbObject("BGPPeer", "router", { ...peer, peerAddress: router.address }),
        ...nodes.map((node) => podObject("web", node)),
        ...Object.keys(ADDRESSES).map((name) =>
          serviceObject(name, { selector: { app: "web" } }, { "metallb.io/ip-allocated-from-pool": "pool" }),
        ),
      );
      for (const [name, ip] of Object.entries(ADDRESSES)) {
        const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip }] } } });
        await cluster.kubectl("patch", "service", name, "--subresource=status", "--type=merge", "-p", status);
      }
      const standIns = new Map(nodes.map(({ name }) => [name, new StandIn(cluster, name)]));
      undo.push(() => Promise.all([...standIns.values()].map((each) => each.die())));
      await waysTo(cluster, nodes.length);
      const log = new AddressLog(cluster.kubeconfig);
      undo.push(() => log.close());
      return { cluster, nodes: nodes.map(({ name }) => name), standIns, log, routes: watchRoutes(cluster) };
    }

    const hops = async (cluster: TestCluster, prefix: string): Promise<number> =>
      (await cluster.router.routes()).find((route) => route.prefix === prefix)?.paths.length ?? 0;

    const waysTo = (cluster: TestCluster, count: number) =>
      eventually(
        () => Promise.all(PREFIXES.map((prefix) => hops(cluster, prefix))),
        (counts) => counts.every((each) => each === count),
        { what: `the router has not ${count} ways to each Service`, limit: 60_000 },
      );

    /** Counts the looks at which the router had no way to a Service. */
    function watchRoutes(cluster: TestCluster) {
      let isOver = false;
      const missing: string[] = [];
      const watching = (async () => {
        while (!isOver) {
          const present = new Set((await cluster.router.routes()).map(({ prefix }) => prefix));
          for (const prefix of PREFIXES) if (!present.has(prefix)) missing.push(prefix);
        }
      })();
      const stop = async () => {
        isOver = true;
        await watching;
        return missing;
      };
      undo.push(stop);
      return stop;
    }

    /** One node after the other, as a DaemonSet does it. */
    async function replaceSpeakers({ cluster, nodes, standIns }: Awaited<ReturnType<typeof upstream>>) {
      const speakers: Program[] = [];
      for (const node of nodes) {
        await standIns.get(node)?.die();
        speakers.push(await cluster.startSpeaker(node));
        await waysTo(cluster, nodes.length);
      }
      return speakers;
    }

    async function nothingMoved({ cluster, log, routes }: Awaited<ReturnType<typeof upstream>>): Promise<void> {
      // A Service that is new gets an address that nobody has: the controller works, and knows what is taken.
      await cluster.apply(serviceObject("new", { selector: { app: "web" } }));
      await eventually(
        () => cluster.kubectl("get", "service", "new", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"),
        (ip) => ip !== "" && !Object.values(ADDRESSES).includes(ip),
        { what: "a new Service gets no address of its own" },
      );
      expect(await routes()).toEqual([]);
      for (const [name, ip] of Object.entries(ADDRESSES))
        expect([name, ...(log.seen.get(name) ?? [])]).toEqual([name, ip]);
    }

    it("controller first: no Service changes its address, and the router has a way all the time", async () => {
      const run = await upstream();
      await run.cluster.startController();
      await replaceSpeakers(run);
      await nothingMoved(run);
    });

    it("speakers first: the same; and the way back as well", async () => {
      const run = await upstream();
      const speakers = await replaceSpeakers(run);
      const controller = await run.cluster.startController();
      await nothingMoved(run);
      await controller.stop();
      const routes = watchRoutes(run.cluster);
      for (const [i, node] of run.nodes.entries()) {
        await speakers[i]?.stop();
        const standIn = new StandIn(run.cluster, node);
        undo.push(() => standIn.die());
        await waysTo(run.cluster, run.nodes.length);
      }
      expect(await routes()).toEqual([]);
      for (const [name, ip] of Object.entries(ADDRESSES))
        expect([name, ...(run.log.seen.get(name) ?? [])]).toEqual([name, ip]);
    });
  },
);
