import type { GossipConfig } from "../config.ts";
import type { Endpoint, ExchangeId, Instant } from "../events.ts";
import type { GossipMessage } from "../wire/messages.ts";
import { addressOf, type Member, octetsOf } from "./member.ts";
import type { MemberTable } from "./member-table.ts";
import { shuffle } from "./pick.ts";

export interface ProbePorts {
  config(): GossipConfig;
  readonly random: () => number;
  send(to: Member | Endpoint, messages: readonly GossipMessage[]): void;
  /** A ping over TCP, for those whom UDP does not reach. */
  ping(member: Member, sequence: number, limit: number): ExchangeId;
  /** A member answered. */
  heard(member: Member, now: Instant): void;
  /** Nobody could reach it. */
  unreachable(member: Member, now: Instant): void;
}

interface Round {
  readonly member: Member;
  readonly sequence: number;
  readonly indirectAt: Instant;
  readonly endsAt: Instant;
  indirect: boolean;
  nacksExpected: number;
  nacks: number;
}

interface Relayed {
  readonly to: Endpoint;
  readonly sequence: number;
  readonly nackAt: Instant | null;
  readonly endsAt: Instant;
}

const NEVER: Instant = Number.POSITIVE_INFINITY;
/** Pings that are forwarded for others at a time. */
const MAX_RELAYED = 1_000;

/** SWIM's probing: one member a period, directly, then through others, then over TCP. */
export class Prober {
  /** Lifeguard's health score: 0 is healthy. Doubts slow us down, so that we accuse less. */
  awareness = 0;
  private nextAt: Instant | null = null;
  private round: Round | null = null;
  private order: Member[] = [];
  private sequence = 0;
  private readonly relayed = new Map<number, Relayed>();
  /** When the first of them is due; undefined: to be looked for. */
  private relayAt: Instant | undefined = NEVER;
  private readonly exchanges = new Map<ExchangeId, number>();
  private readonly table: MemberTable;
  private readonly ports: ProbePorts;

  constructor(table: MemberTable, ports: ProbePorts) {
    this.table = table;
    this.ports = ports;
  }

  start(now: Instant): void {
    this.nextAt = now + this.ports.random() * this.ports.config().probeInterval;
  }

  nextSequence(): number {
    this.sequence = (this.sequence + 1) >>> 0;
    return this.sequence;
  }

  doubt(by: number): void {
    const { awarenessMaxMultiplier } = this.ports.config();
    this.awareness = Math.min(Math.max(0, this.awareness + by), Math.max(0, awarenessMaxMultiplier - 1));
  }

  get nextDue(): Instant | null {
    const { round, nextAt } = this;
    const [roundAt, relayAt] = [round ? (round.indirect ? round.endsAt : round.indirectAt) : NEVER, this.relayDue()];
    const next = Math.min(nextAt ?? NEVER, roundAt, relayAt);
    return next === NEVER ? null : next;
  }

  /** Looked for when what is relayed differs, and not with each packet. */
  private relayDue(): Instant {
    if (this.relayAt === undefined) {
      this.relayAt = NEVER;
      for (const { nackAt, endsAt } of this.relayed.values()) this.relayAt = Math.min(this.relayAt, nackAt ?? endsAt);
    }
    return this.relayAt;
  }

  time(now: Instant): void {
    if (this.relayDue() <= now) this.relay(now);
    const { round } = this;
    if (round && !round.indirect && round.indirectAt <= now) this.askOthers(round);
    if (round && round.endsAt <= now) this.fail(round, now);
    if (this.nextAt !== null && this.nextAt <= now) this.probe(now);
  }

  private probe(now: Instant): void {
    const { probeInterval, probeTimeout } = this.ports.config();
    const scale = this.awareness + 1;
    this.nextAt = now + probeInterval * scale;
    if (this.round) return;
    const member = this.choose();
    if (!member) return;
    const sequence = this.nextSequence();
    this.round = {
      member,
      sequence,
      indirectAt: now + Math.min(probeTimeout * scale, probeInterval * scale),
      endsAt: now + probeInterval * scale,
      indirect: false,
      nacksExpected: 0,
      nacks: 0,
    };
    const { name, incarnation } = member;
    const messages: GossipMessage[] = [this.pingTo(member.name, sequence)];
    // One that is under suspicion hears of it, to refute.
    if (member.state === "suspect")
      messages.push({ kind: "suspect", incarnation, node: name, from: this.table.self.name });
    this.ports.send(member, messages);
  }

  private pingTo(node: string, sequence: number): GossipMessage {
    const { self } = this.table;
    return {
      kind: "ping",
      sequence,
      node,
      sourceAddress: octetsOf(self.address),
      sourcePort: self.port,
      sourceNode: self.name,
    };
  }

  /** Each member once before any a second time. */
  private choose(): Member | undefined {
    for (let i = 0; i < 2; i += 1) {
      for (let member = this.order.pop(); member; member = this.order.pop()) if (this.isProbed(member)) return member;
      this.order = [...this.table.members.values()].filter((member) => this.isProbed(member));
      shuffle(this.order, this.ports.random);
    }
    return undefined;
  }

  /** One that was forgotten had died before. */
  private isProbed(member: Member): boolean {
    return member !== this.table.self && (member.state === "alive" || member.state === "suspect");
  }

  private askOthers(round: Round): void {
    round.indirect = true;
    const { member, sequence } = round;
    const { indirectChecks, disableTcpPings } = this.ports.config();
    const { self } = this.table;
    const helpers = this.table.some(
      indirectChecks,
      this.ports.random,
      (other) => other.state === "alive" && other !== member,
    );
    for (const helper of helpers) {
      round.nacksExpected += 1;
      this.ports.send(helper, [
        {
          kind: "indirect-ping",
          sequence,
          target: octetsOf(member.address),
          port: member.port,
          node: member.name,
          nack: true,
          sourceAddress: octetsOf(self.address),
          sourcePort: self.port,
          sourceNode: self.name,
        },
      ]);
    }
    if (!disableTcpPings)
      this.exchanges.set(this.ports.ping(member, sequence, round.endsAt - round.indirectAt), sequence);
  }

  private fail({ member, nacksExpected, nacks }: Round, now: Instant): void {
    this.round = null;
    // Helpers that did not even answer that they could not: it may be our own link.
    this.doubt(nacksExpected > 0 ? Math.max(0, nacksExpected - nacks) : 1);
    if (this.isProbed(member)) this.ports.unreachable(member, now);
  }

  acked(sequence: number, now: Instant): void {
    const relayed = this.relayed.get(sequence);
    if (relayed) {
      this.relayed.delete(sequence);
      this.relayAt = undefined;
      this.ports.send(relayed.to, [{ kind: "ack", sequence: relayed.sequence }]);
      return;
    }
    const { round } = this;
    if (round?.sequence !== sequence) return;
    this.round = null;
    this.doubt(-1);
    this.ports.heard(round.member, now);
  }

  nacked(sequence: number): void {
    if (this.round?.sequence === sequence) this.round.nacks += 1;
  }

  /** Gives whether the exchange was a ping of this prober. */
  exchanged(exchange: ExchangeId, answered: boolean, now: Instant): boolean {
    const sequence = this.exchanges.get(exchange);
    if (sequence === undefined) return false;
    this.exchanges.delete(exchange);
    if (answered) this.acked(sequence, now);
    return true;
  }

  pinged(message: Extract<GossipMessage, { kind: "ping" }>, from: Endpoint): void {
    if (message.node !== "" && message.node !== this.table.self.name) return;
    this.ports.send(sourceOf(message, from), [{ kind: "ack", sequence: message.sequence }]);
  }

  askedToPing(message: Extract<GossipMessage, { kind: "indirect-ping" }>, from: Endpoint, now: Instant): void {
    const address = addressOf(message.target);
    const to = this.table.members.get(message.node) ?? (address && { address, port: message.port });
    if (to === null) return;
    if (this.relayed.size >= MAX_RELAYED) return;
    const { probeTimeout } = this.ports.config();
    const sequence = this.nextSequence();
    this.relayAt = undefined;
    this.relayed.set(sequence, {
      to: sourceOf(message, from),
      sequence: message.sequence,
      nackAt: message.nack ? now + probeTimeout : null,
      endsAt: now + probeTimeout * 2,
    });
    this.ports.send(to, [this.pingTo(message.node, sequence)]);
  }

  private relay(now: Instant): void {
    this.relayAt = undefined;
    for (const [sequence, relayed] of this.relayed) {
      if (relayed.nackAt !== null && relayed.nackAt <= now) {
        this.ports.send(relayed.to, [{ kind: "nack", sequence: relayed.sequence }]);
        this.relayed.set(sequence, { ...relayed, nackAt: null });
      }
      if (relayed.endsAt <= now) this.relayed.delete(sequence);
    }
  }
}

/** Where the answer goes: to where the datagram came from, and to the port that the source names. */
function sourceOf({ sourcePort }: { readonly sourcePort: number }, from: Endpoint): Endpoint {
  return { address: from.address, port: sourcePort || from.port };
}
