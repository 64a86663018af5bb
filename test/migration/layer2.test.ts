import { createHash } from "node:crypto";
import { afterEach, beforeAll, expect, it } from "vitest";
import { AnsweringNode } from "../layer2/answering-node.ts";
import { buildGoMember, GoMember } from "../layer2/go-member.ts";
import { Lan, VIP } from "../layer2/lan.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

const VIPS = [VIP, "172.20.0.101", "172.20.0.102"];
const PORT = 7_946;

/** Milliseconds that gossip may take on a busy machine, longer than it took before. */
const BUSY = 1_500;
const rank = (node: string, address: string): string => createHash("sha256").update(`${node}#${address}`).digest("hex");

/** MetalLB's speaker as the LAN sees it: the library that it gossips by, its election, and answers to ARP. */
class StandIn {
  readonly node: string;
  readonly owned = new Set<string>();
  private readonly member: GoMember;
  private readonly answering: AnsweringNode;
  private readonly alive = new Set<string>();
  private readonly looking: NodeJS.Timeout;
  private read = 0;

  constructor(lan: Lan, program: string, node: string) {
    this.node = node;
    const place = lan.cluster.node(node);
    const others = lan.cluster.network.nodes.filter(({ name }) => name !== node).map(({ address }) => address);
    const [command = "", ...args] = place.command([
      ...[program, "-name", node, "-bind", place.address, "-port", String(PORT)],
      ...["-join", others.map((each) => `${each}:${PORT}`).join(",")],
    ]);
    this.member = new GoMember(command, args);
    this.answering = new AnsweringNode(place);
    this.alive.add(node);
    this.looking = setInterval(() => this.look(), 10);
  }

  /** Decides once it has tried to join. */
  private look(): void {
    const { told } = this.member;
    for (; this.read < told.length; this.read++) {
      const { event, name } = told[this.read] ?? {};
      if (event === "join") this.alive.add(String(name));
      if (event === "leave") this.alive.delete(String(name));
    }
    if (!told.some(({ joined }) => joined !== undefined)) return;
    for (const address of VIPS) {
      const [winner] = [...this.alive].toSorted((a, b) => (rank(a, address) < rank(b, address) ? -1 : 1));
      if (winner === this.node && !this.owned.has(address)) {
        this.owned.add(address);
        void this.answering.announce(address);
      } else if (winner !== this.node && this.owned.delete(address))
        void this.answering.command({ kind: "withdraw", holder: "test", address, release: "at-once" });
    }
  }

  /** As at SIGTERM: it says so to the others. */
  async leave(): Promise<void> {
    this.member.say("leave");
    await this.member.until("it leaves", ({ gone }) => gone === true);
    await this.stop();
  }

  async stop(): Promise<void> {
    clearInterval(this.looking);
    this.owned.clear();
    await this.answering.stop();
    await this.member.stop();
  }
}

/** What a look at all nodes, again and again, has shown. */
interface Seen {
  /** The longest time for which some address had two owners, and had none, in milliseconds. */
  readonly two: number;
  readonly none: number;
}

describeWith(
  ["root", "namespaces", "bird", "kubectl", "go"],
  "a cluster moves over from MetalLB at layer 2, and back",
  () => {
    let program: string;
    let lan: Lan;
    const standIns = new Map<string, StandIn>();

    beforeAll(async () => {
      program = await buildGoMember();
    });
    afterEach(async () => {
      for (const each of standIns.values()) await each.stop();
      standIns.clear();
      await lan?.close();
    });

    const start = (node: string) => void standIns.set(node, new StandIn(lan, program, node));

    async function owners(): Promise<ReadonlyMap<string, readonly string[]>> {
      const found = new Map<string, string[]>(VIPS.map((address) => [address, []]));
      for (const { node, owned } of standIns.values()) for (const each of owned) found.get(each)?.push(node);
      const states = [...lan.speakers.keys()].map(async (node) => ({
        node,
        layer2: await lan.state(node).then(
          (state) => state.layer2,
          () => [],
        ),
      }));
      for (const { node, layer2 } of await Promise.all(states))
        for (const { address } of layer2) found.get(address)?.push(node);
      return found;
    }

    const settled = () =>
      eventually(owners, (all) => [...all.values()].every((nodes) => nodes.length === 1), {
        what: "not every address has one owner",
        limit: 60_000,
      });

    /** The election is the same among speakers of both kinds: each address is where it belongs. */
    async function agreed(): Promise<void> {
      const wanted = VIPS.map((address) =>
        lan.names.toSorted((a, b) => (rank(a, address) < rank(b, address) ? -1 : 1)).slice(0, 1),
      );
      await eventually(owners, (all) => JSON.stringify([...all.values()]) === JSON.stringify(wanted), {
        what: "the addresses are not where the election has them",
        limit: 60_000,
      });
    }

    async function watched(act: () => Promise<void>): Promise<Seen> {
      let isOver = false;
      const seen = { two: 0, none: 0 };
      const since = new Map<string, { readonly count: number; readonly at: number }>();
      const looking = (async () => {
        while (!isOver) {
          const at = performance.now();
          for (const [address, nodes] of await owners()) {
            const before = since.get(address);
            if (before?.count !== nodes.length) since.set(address, { count: nodes.length, at });
            const time = performance.now() - (since.get(address)?.at ?? at);
            if (nodes.length > 1) seen.two = Math.max(seen.two, time);
            if (nodes.length === 0) seen.none = Math.max(seen.none, time);
          }
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      try {
        await act();
      } finally {
        isOver = true;
        await looking;
      }
      return seen;
    }

    async function upstream(): Promise<void> {
      lan = await Lan.open(3);
      for (const [i, address] of VIPS.entries()) await lan.serve(`web-${i}`, [address]);
      for (const node of lan.names) start(node);
      await agreed();
    }

    async function toUpstream(): Promise<void> {
      for (const node of lan.names) {
        await lan.speakers.get(node)?.stop();
        lan.speakers.delete(node);
        await standIns.get(node)?.leave();
        standIns.delete(node);
        start(node);
        await settled();
        await agreed();
      }
    }

    async function toOurs(): Promise<void> {
      for (const node of lan.names) {
        await standIns.get(node)?.leave();
        standIns.delete(node);
        await lan.startSpeaker(node);
        // As a DaemonSet waits until the Pod is ready.
        await eventually(
          async () => (await lan.state(node)).members.filter(({ state }) => state === "alive").length,
          (count) => count === lan.names.length,
          { what: `the speaker of ${node} does not know the others`, limit: 60_000 },
        );
        await agreed();
      }
    }

    it.each(["controller", "speakers"] as const)(
      "%s first: every address stays where the election has it, with two owners no longer than among MetalLB's own",
      async (first) => {
        await upstream();
        // What a rolling update of MetalLB itself does on this machine.
        const own = await watched(toUpstream);
        if (first === "controller") await lan.cluster.startController();
        const there = await watched(toOurs);
        if (first === "speakers") await lan.cluster.startController();
        await agreed();
        const back = await watched(toUpstream);
        console.info(JSON.stringify({ own, there, back }));
        for (const each of [there, back]) {
          expect(each.two).toBeLessThan(own.two + BUSY);
          expect(each.none).toBeLessThan(own.none + BUSY);
        }
      },
    );
  },
);
