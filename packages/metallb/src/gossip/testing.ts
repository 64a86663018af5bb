import { type Duration, type Instant, type Ip, ip, ipToBytes } from "#net";
import {
  createGossipEngine,
  encodeMeta,
  type GossipConfig,
  type GossipEffect,
  type GossipEngine,
  type GossipEvent,
  type MemberReport,
} from "./index.ts";
import { VERSIONS } from "./machine/member.ts";
import type { TablePorts } from "./machine/member-table.ts";
import { MEMBER_STATE, type NodeState } from "./wire/stream.ts";

const PORT = 7_946;
const LATENCY = 1;

/** The ports of a table of members that tells nobody. */
export const silentPorts = (config: () => GossipConfig): TablePorts => ({
  config,
  broadcast: () => undefined,
  changed: () => undefined,
  hears: () => false,
  accuse: () => undefined,
  doubted: () => undefined,
  conflict: () => undefined,
});

/** A reproducible source of chance (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface SimulatedNode {
  readonly index: number;
  readonly name: string;
  readonly address: Ip;
  readonly engine: GossipEngine;
  /** Does nothing until then: stopped, or its machine is stuck. */
  frozenUntil: Instant;
  dead: boolean;
  /** The states of the others, as it told them. */
  readonly seen: Map<string, MemberReport>;
  readonly told: { readonly at: Instant; readonly report: MemberReport }[];
  joined: number | null;
  healed: number;
  wake: Instant;
}

const nameOf = (index: number): string => `node-${index}`;
const addressOf = (index: number): Ip => ip(4, BigInt(0x0a000001 + index));
const stateOf = (index: number, meta: Uint8Array): NodeState => ({
  name: nameOf(index),
  address: ipToBytes(addressOf(index)),
  port: PORT,
  meta,
  incarnation: 1,
  state: MEMBER_STATE.alive,
  versions: VERSIONS,
});

interface Timed {
  readonly at: Instant;
  readonly order: number;
  readonly run: () => void;
}

/** Many gossip engines on one virtual clock, on a LAN that loses, delays and parts. */
export class SimulatedLan {
  now = 0;
  /** Share of datagrams that is lost. */
  loss = 0;
  /** A datagram takes up to so much longer than another, which overtakes it. Milliseconds. */
  jitter: Duration = 0;
  /** Whether what `from` sends reaches `to`. */
  reaches: (from: number, to: number) => boolean = () => true;
  readonly nodes: SimulatedNode[] = [];
  datagrams = 0;
  private readonly random: () => number;
  private readonly queue: Timed[] = [];
  private readonly asked = new Map<string, (answer: Extract<GossipEffect, { kind: "answer" }>["message"]) => void>();
  private order = 0;

  constructor(seed: number) {
    this.random = chance(seed);
  }

  /** `know`: each knows all of them from the start, without the storm of those who join one by one. */
  add(
    count: number,
    options: { readonly config?: GossipConfig; readonly ours?: boolean; readonly know?: boolean } = {},
  ): void {
    const { config, ours = true, know = false } = options;
    const meta = ours ? encodeMeta([]) : new Uint8Array();
    const known = know ? Array.from({ length: count }, (_, i) => stateOf(this.nodes.length + i, meta)) : [];
    for (let i = 0; i < count; i += 1) {
      const index = this.nodes.length;
      const name = nameOf(index);
      const node: SimulatedNode = {
        index,
        name,
        address: addressOf(index),
        engine: createGossipEngine({
          name,
          random: this.random,
          cipher: null,
          port: PORT,
          ...(config ? { config } : {}),
          ...(ours ? { meta } : {}),
          known,
        }),
        frozenUntil: 0,
        dead: false,
        seen: new Map(),
        told: [],
        joined: null,
        healed: 0,
        wake: 0,
      };
      this.nodes.push(node);
      this.step(node, { kind: "start", self: { address: node.address, port: PORT } });
    }
  }

  node(index: number): SimulatedNode {
    const node = this.nodes[index];
    if (!node) throw new Error(`no node ${index}`);
    return node;
  }

  step(node: SimulatedNode, event: GossipEvent): void {
    if (node.dead) return;
    for (const effect of node.engine.step(event, this.now)) this.perform(node, effect);
  }

  /** Everybody knows everybody, by the tables that they exchange. */
  joinAll(): void {
    for (const node of this.nodes)
      if (node.index > 0) this.step(node, { kind: "join", addresses: [this.node(0).address] });
  }

  run(milliseconds: Duration): void {
    const until = this.now + milliseconds;
    for (let next = this.queue[0]; next && next.at <= until; next = this.queue[0]) {
      this.pop();
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = until;
  }

  private perform(node: SimulatedNode, effect: GossipEffect): void {
    switch (effect.kind) {
      case "wake": {
        node.wake += 1;
        const { wake } = node;
        if (effect.at !== null) this.later(Math.max(effect.at, this.now), () => this.wakeUp(node, wake));
        return;
      }
      case "send": {
        this.datagrams += 1;
        const to = this.at(effect.to.address);
        if (!to || !this.reaches(node.index, to.index) || this.random() < this.loss) return;
        const bytes = effect.bytes.slice();
        const late = this.jitter === 0 ? 0 : this.jitter * this.random();
        return this.deliver(to, { kind: "datagram", from: { address: node.address, port: PORT }, bytes }, late);
      }
      case "exchange": {
        const to = this.at(effect.to.address);
        const { exchange } = effect;
        const fail = () => this.deliver(node, { kind: "exchanged", exchange, answer: null, reason: "no answer" });
        if (!to || to.dead || !this.reaches(node.index, to.index) || !this.reaches(to.index, node.index))
          return this.later(this.now + effect.limit, fail);
        this.order += 1;
        const id = this.order;
        this.asked.set(`${to.name} ${id}`, (answer) =>
          this.deliver(node, { kind: "exchanged", exchange, answer, reason: "" }),
        );
        return this.deliver(to, { kind: "asked", exchange: id, message: effect.message });
      }
      case "answer": {
        const key = `${node.name} ${effect.exchange}`;
        this.asked.get(key)?.(effect.message);
        this.asked.delete(key);
        return;
      }
      case "member":
        node.seen.set(effect.report.name, effect.report);
        node.told.push({ at: this.now, report: effect.report });
        return;
      case "joined":
        node.joined = this.now;
        return;
      case "healed":
        node.healed += 1;
        return;
    }
  }

  private wakeUp(node: SimulatedNode, wake: Instant): void {
    if (node.wake !== wake) return;
    if (node.frozenUntil > this.now) return this.later(node.frozenUntil + 0.001, () => this.wakeUp(node, wake));
    this.step(node, { kind: "time" });
  }

  /** What arrives at one that is frozen waits in its socket. */
  private deliver(to: SimulatedNode, event: GossipEvent, late: Duration = 0): void {
    this.later(Math.max(this.now + LATENCY + late, to.frozenUntil), () =>
      to.frozenUntil > this.now ? this.deliver(to, event) : this.step(to, event),
    );
  }

  private at({ value }: Ip): SimulatedNode | undefined {
    return this.nodes[Number(value) - 0x0a000001];
  }

  private later(at: Instant, run: () => void): void {
    this.order += 1;
    const entry = { at, order: this.order, run };
    let i = this.queue.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, this.queue[parent] as Timed)) break;
      this.queue[i] = this.queue[parent] as Timed;
      i = parent;
    }
    this.queue[i] = entry;
  }

  private pop(): void {
    const last = this.queue.pop();
    if (!last || this.queue.length === 0) return;
    let i = 0;
    for (;;) {
      let child = i * 2 + 1;
      const left = this.queue[child];
      const right = this.queue[child + 1];
      if (!left) break;
      if (right && before(right, left)) child += 1;
      if (!before(this.queue[child] as Timed, last)) break;
      this.queue[i] = this.queue[child] as Timed;
      i = child;
    }
    this.queue[i] = last;
  }
}

const before = (a: Timed, b: Timed): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
