import type { Ip } from "#net";
import type { GossipConfig } from "./config.ts";
import { LAN } from "./config.ts";
import type { Endpoint, ExchangeId, GossipEffect, GossipEvent, Instant, MemberReport } from "./events.ts";
import { checksSums, endpointOf, type Member, reportOf } from "./machine/member.ts";
import { MemberTable } from "./machine/member-table.ts";
import { Prober } from "./machine/probe.ts";
import { Spread } from "./machine/spread.ts";
import { TableSync } from "./machine/table-sync.ts";
import { Watch } from "./machine/watch.ts";
import { decodeWatch, encodeWatch } from "./wire/heartbeat.ts";
import { encodeMessage, type GossipMessage } from "./wire/messages.ts";
import { decodePacket, encodePacket, type GossipCipher } from "./wire/packet.ts";
import type { NodeState, StreamMessage } from "./wire/stream.ts";

export interface GossipEngineOptions {
  /** The name of this node: the others know it by this name. */
  readonly name: string;
  readonly random: () => number;
  /** Null: in clear text. */
  readonly cipher: GossipCipher | null;
  readonly config?: GossipConfig;
  /** What others are told of us. */
  readonly meta?: Uint8Array;
  /** Port of the others, for joining. */
  readonly port: number;
  /** Members that are known from the start: nobody is told of them. */
  readonly known?: readonly NodeState[];
}

/** memberlist's protocol and our own heartbeats, without sockets and without a clock. */
export interface GossipEngine {
  step(event: GossipEvent, now: Instant): readonly GossipEffect[];
  members(): readonly MemberReport[];
}

export const createGossipEngine = (options: GossipEngineOptions): GossipEngine => new Engine(options);

/** Those who are gone are forgotten after a day. */
const FORGET_AFTER = 86_400_000;
const FORGET_EVERY = 3_600_000;

class Engine implements GossipEngine {
  private readonly options: GossipEngineOptions;
  private config: GossipConfig;
  private effects: GossipEffect[] = [];
  private readonly spread: Spread;
  private readonly table: MemberTable;
  private readonly prober: Prober;
  private readonly watch: Watch;
  private readonly sync: TableSync;
  private watchedNames: ReadonlySet<string> = new Set();
  private readonly byEndpoint = new Map<number | string, Member>();
  private nextExchange: ExchangeId = 1;
  private isStarted = false;
  private forgetAt: Instant = 0;
  private wakeAt: Instant | null = null;
  private now: Instant = 0;

  constructor(options: GossipEngineOptions) {
    this.options = options;
    this.config = options.config ?? LAN;
    const { random } = options;
    this.spread = new Spread({
      config: () => this.config,
      random,
      send: (to, messages) => this.send(to, messages),
    });
    this.table = new MemberTable(options.name, options.meta ?? new Uint8Array(), {
      config: () => this.config,
      broadcast: (about, message) => {
        if (this.isStarted) this.spread.add(about, encodeMessage(message));
      },
      changed: (member) => this.changed(member),
      hears: ({ name }, now) => this.watch.hears(name, now),
      accuse: (member, message) => this.send(member, [encodeMessage(message)]),
      doubted: () => this.prober.doubt(1),
      conflict: (member, claimed) =>
        this.log("warn", claimed, `another host says that it is this node, which is known at ${String(member.port)}`),
    });
    this.prober = new Prober(this.table, {
      config: () => this.config,
      random,
      send: (to, messages) => this.send(to, messages.map(encodeMessage)),
      ping: (member, sequence, limit) => this.exchange(endpointOf(member), pingOver(member.name, sequence), limit),
      heard: () => {},
      unreachable: (member, now) =>
        this.table.suspect(
          { kind: "suspect", incarnation: member.incarnation, node: member.name, from: options.name },
          now,
        ),
    });
    this.sync = new TableSync(this.table, {
      config: () => this.config,
      random,
      exchange: (to, message) => this.exchange(to, message),
      joined: () => this.effects.push({ kind: "joined", members: this.table.aliveCount }),
      log: (message) => this.log("debug", "", message),
    });
    this.watch = new Watch({
      some: (count, fits) => this.table.some(count, random, fits),
      send: (to, message) => this.send(to, [encodeMessage({ kind: "user", payload: encodeWatch(message) })]),
      members: () => this.table.members,
      welcomed: () => this.effects.push({ kind: "healed" }),
      silent: (member, quiet, now) => {
        member.silent = quiet !== null;
        member.quiet = quiet ?? 0;
        member.since = now;
        this.effects.push({ kind: "member", report: reportOf(member) });
      },
    });
    this.table.merge(options.known ?? [], 0);
  }

  step(event: GossipEvent, now: Instant): readonly GossipEffect[] {
    this.effects = [];
    this.now = now;
    this.handle(event, now);
    const next = this.nextDue();
    if (next !== this.wakeAt || event.kind === "time") this.effects.push({ kind: "wake", at: next });
    this.wakeAt = next;
    return this.effects;
  }

  members(): readonly MemberReport[] {
    return Array.from(this.table.members.values(), reportOf);
  }

  private handle(event: GossipEvent, now: Instant): void {
    switch (event.kind) {
      case "start":
        return this.start(event.self, now);
      case "config":
        this.config = event.config;
        return;
      case "meta":
        return this.table.setMeta(event.meta);
      case "join":
        return this.sync.join(event.addresses, this.options.port);
      case "watch":
        this.watchedNames = new Set(event.nodes);
        return this.setWatch(now);
      case "datagram":
        return this.datagram(event.from, event.bytes, now);
      case "exchanged":
        return this.exchanged(event.exchange, event.answer, event.reason, now);
      case "asked":
        return this.asked(event.exchange, event.message, now);
      case "leave":
        return this.leave(now);
      case "time":
        return this.time(now);
    }
  }

  private nextDue(): Instant | null {
    if (!this.isStarted) return null;
    const { prober, watch, sync, spread, table } = this;
    return [watch.nextDue, sync.nextDue, spread.nextDue, table.nextDue].reduce(earliest, prober.nextDue);
  }

  private start(self: Endpoint, now: Instant): void {
    this.isStarted = true;
    this.table.start(self, now);
    this.spread.start(now);
    this.sync.start(now);
    this.prober.start(now);
  }

  private time(now: Instant): void {
    if (!this.isStarted) return;
    this.watch.time(now);
    this.prober.time(now);
    this.table.expire(now);
    this.spread.time(this.table, now);
    this.sync.time(now);
    if (this.forgetAt <= now) {
      this.table.forget(now - FORGET_AFTER);
      this.forgetAt = now + FORGET_EVERY;
    }
  }

  private exchange(to: Endpoint, message: StreamMessage, limit = this.config.tcpTimeout): ExchangeId {
    const exchange = this.nextExchange;
    this.nextExchange += 1;
    this.effects.push({ kind: "exchange", exchange, to, message, limit });
    return exchange;
  }

  private exchanged(exchange: ExchangeId, answer: StreamMessage | null, reason: string, now: Instant): void {
    if (this.prober.exchanged(exchange, answer?.kind === "ack", now)) return;
    this.sync.exchanged(exchange, answer, reason, now);
  }

  private asked(exchange: ExchangeId, message: StreamMessage, now: Instant): void {
    let answer: StreamMessage | null = null;
    if (message.kind === "ping" && message.node === this.options.name)
      answer = { kind: "ack", sequence: message.sequence };
    if (message.kind === "push-pull") answer = this.sync.message(false);
    this.effects.push({ kind: "answer", exchange, message: answer });
    if (message.kind === "push-pull") this.table.merge(message.nodes, now);
  }

  private send(to: Member | Endpoint, messages: readonly Uint8Array[]): void {
    const isMember = "versions" in to;
    const { gossipVerifyOutgoing, enableCompression } = this.config;
    const options = { cipher: gossipVerifyOutgoing ? this.options.cipher : null, compress: enableCompression };
    const bytes = encodePacket(messages, options, isMember && checksSums(to));
    this.effects.push({ kind: "send", to: isMember ? endpointOf(to) : to, bytes });
  }

  private datagram(from: Endpoint, bytes: Uint8Array, now: Instant): void {
    if (!this.isStarted) return;
    this.tellSuspect(from, now);
    const { cipher } = this.options;
    const sealed = decodePacket(bytes, cipher);
    const messages = sealed ?? (cipher && !this.config.gossipVerifyIncoming ? decodePacket(bytes, null) : null);
    for (const message of messages ?? []) this.take(message, from, now);
  }

  /** One that is under suspicion and speaks is told of it at once, to refute: a cut that is healed moves nobody. */
  private tellSuspect(from: Endpoint, now: Instant): void {
    if (this.table.suspects.size === 0) return;
    const member = this.memberAt(from);
    if (!member?.suspicion?.mayTell(now)) return;
    const { incarnation, name } = member;
    this.send(member, [encodeMessage({ kind: "suspect", incarnation, node: name, from: this.options.name })]);
  }

  private take(message: GossipMessage, from: Endpoint, now: Instant): void {
    switch (message.kind) {
      case "ping":
        return this.prober.pinged(message, from);
      case "indirect-ping":
        return this.prober.askedToPing(message, from, now);
      case "ack":
        return this.prober.acked(message.sequence, now);
      case "nack":
        return this.prober.nacked(message.sequence);
      case "alive":
      case "suspect":
      case "dead":
        return this.table[message.kind](message as never, now);
      case "user": {
        const watch = decodeWatch(message.payload);
        const sender = watch && this.memberAt(from);
        if (watch && sender) this.watch.received(watch, sender, now);
      }
    }
  }

  private memberAt({ address, port }: Endpoint): Member | undefined {
    return this.byEndpoint.get(keyOf(address, port));
  }

  private leave(now: Instant): void {
    this.table.leave(now);
    const { name } = this.options;
    const { incarnation } = this.table.self;
    this.spread.farewell(this.table, encodeMessage({ kind: "dead", incarnation, node: name, from: name }));
  }

  private changed(member: Member): void {
    const key = keyOf(member.address, member.port);
    if (member.state === "alive" || member.state === "suspect") this.byEndpoint.set(key, member);
    else if (this.byEndpoint.get(key) === member) this.byEndpoint.delete(key);
    if (member.state === "dead" || member.state === "left") member.silent = false;
    this.effects.push({ kind: "member", report: reportOf(member) });
    if (this.watchedNames.has(member.name)) this.setWatch(this.now);
  }

  private setWatch(now: Instant): void {
    const members = [...this.watchedNames].flatMap((name) => this.table.members.get(name) ?? []);
    this.watch.set(
      members.filter(({ isSelf }) => !isSelf),
      now,
    );
  }

  private log(level: "debug" | "info" | "warn", subject: string, message: string): void {
    this.effects.push({ kind: "log", level, subject, message });
  }
}

const earliest = (a: Instant | null, b: Instant | null): Instant | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

/** A number where it fits: it is made for each datagram. */
const keyOf = ({ family, value }: Ip, port: number): number | string =>
  family === 4 ? Number(value) * 65_536 + port : `${value} ${port}`;

const pingOver = (node: string, sequence: number): StreamMessage => ({
  kind: "ping",
  sequence,
  node,
  sourceAddress: new Uint8Array(),
  sourcePort: 0,
  sourceNode: "",
});
