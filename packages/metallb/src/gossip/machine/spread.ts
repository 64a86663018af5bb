import type { GossipConfig } from "../config.ts";
import type { Instant } from "../events.ts";
import { COMPOUND_OVERHEAD } from "../wire/packet.ts";
import { Broadcasts } from "./broadcasts.ts";
import type { Member } from "./member.ts";
import type { MemberTable } from "./member-table.ts";

const MAX_FAREWELLS = 64;

export interface SpreadPorts {
  config(): GossipConfig;
  readonly random: () => number;
  send(to: Member, messages: readonly Uint8Array[]): void;
}

/** Tells news to some members at a time, who tell it on. */
export class Spread {
  private readonly broadcasts = new Broadcasts();
  private readonly ports: SpreadPorts;
  private dueAt: Instant | null = null;

  constructor(ports: SpreadPorts) {
    this.ports = ports;
  }

  start(now: Instant): void {
    this.dueAt = now;
  }

  add(about: string, message: Uint8Array): void {
    this.broadcasts.add(about, message);
  }

  get nextDue(): Instant | null {
    return this.broadcasts.isEmpty ? null : this.dueAt;
  }

  time(table: MemberTable, now: Instant): void {
    if (this.dueAt === null || this.dueAt > now) return;
    const { gossipInterval, gossipNodes, gossipToTheDeadTime } = this.ports.config();
    this.dueAt = now + gossipInterval;
    if (this.broadcasts.isEmpty) return;
    const fresh = now - gossipToTheDeadTime;
    const some = table.some(
      gossipNodes,
      this.ports.random,
      ({ state, since }) => state !== "left" && (state !== "dead" || since > fresh),
    );
    this.tell(some, table.members.size);
  }

  private tell(to: readonly Member[], members: number): void {
    const { packet, part } = COMPOUND_OVERHEAD;
    const { retransmitMult, udpBufferSize } = this.ports.config();
    const limit = retransmitMult * Math.ceil(Math.log10(members + 1));
    for (const member of to) {
      const messages = this.broadcasts.take(udpBufferSize - packet, part, limit);
      if (messages.length === 0) return;
      this.ports.send(member, messages);
    }
  }

  /** Everybody hears it at once: who gossips of it later may come too late. */
  farewell(table: MemberTable, message: Uint8Array): void {
    for (const member of table.some(MAX_FAREWELLS, this.ports.random, ({ state }) => state === "alive"))
      this.ports.send(member, [message]);
  }
}
