import type { Ip } from "#net";
import type { GossipConfig } from "../config.ts";
import type { Endpoint, ExchangeId, Instant } from "../events.ts";
import type { StreamMessage } from "../wire/stream.ts";
import { endpointOf } from "./member.ts";
import type { MemberTable } from "./member-table.ts";

/** After this a speaker that nobody answered takes part alone, milliseconds. */
const ALONE_AFTER = 3_000;
/** A cluster of so many exchanges tables at the period of the settings; a larger one less often. */
const SMALL = 32;

export interface TableSyncPorts {
  config(): GossipConfig;
  readonly random: () => number;
  /** Sends a message over TCP and waits for one answer. */
  exchange(to: Endpoint, message: StreamMessage): ExchangeId;
  /** The first answer came, or nobody is there to answer. */
  joined(): void;
  log(message: string): void;
}

/** Whole tables over TCP: with those who let us in, and with some member now and then. */
export class TableSync {
  private readonly table: MemberTable;
  private readonly ports: TableSyncPorts;
  private readonly exchanges = new Map<ExchangeId, "join" | "table">();
  private syncAt: Instant | null = null;
  private aloneAt: Instant | null = null;

  constructor(table: MemberTable, ports: TableSyncPorts) {
    this.table = table;
    this.ports = ports;
  }

  start(now: Instant): void {
    this.syncAt = now + this.ports.config().pushPullInterval * (0.5 + this.ports.random());
    this.aloneAt = now + ALONE_AFTER;
  }

  get nextDue(): Instant | null {
    if (this.syncAt === null || this.aloneAt === null) return this.syncAt ?? this.aloneAt;
    return Math.min(this.syncAt, this.aloneAt);
  }

  time(now: Instant): void {
    if (this.syncAt !== null && this.syncAt <= now) this.sync(now);
    if (this.aloneAt !== null && this.aloneAt <= now) this.joined();
  }

  /** Those who do not answer are asked again by whoever says where speakers run. */
  join(addresses: readonly Ip[], port: number): void {
    const known = new Set<string>();
    for (const { address, state } of this.table.members.values())
      if (state === "alive" || state === "suspect") known.add(`${address.family} ${address.value}`);
    for (const address of addresses)
      if (!known.has(`${address.family} ${address.value}`)) this.ask({ address, port }, "join");
    if (addresses.length === 0 && this.aloneAt !== null) this.joined();
  }

  /** An exchange of ours is over; null: without an answer. */
  exchanged(exchange: ExchangeId, answer: StreamMessage | null, reason: string, now: Instant): void {
    const purpose = this.exchanges.get(exchange);
    this.exchanges.delete(exchange);
    if (answer?.kind !== "push-pull") {
      if (purpose === "join") this.ports.log(`a speaker did not answer: ${reason}`);
      return;
    }
    this.table.merge(answer.nodes, now);
    if (purpose === "join" && this.aloneAt !== null) this.joined();
  }

  message(join: boolean): StreamMessage {
    return { kind: "push-pull", join, nodes: this.table.table(), userState: new Uint8Array() };
  }

  private joined(): void {
    this.aloneAt = null;
    this.ports.joined();
  }

  private sync(now: Instant): void {
    const count = this.table.members.size;
    const scale = count <= SMALL ? 1 : Math.ceil(Math.log2(count) - Math.log2(SMALL)) + 1;
    this.syncAt = now + this.ports.config().pushPullInterval * scale;
    const [member] = this.table.some(1, this.ports.random, ({ state }) => state === "alive");
    if (member) this.ask(endpointOf(member), "table");
  }

  private ask(to: Endpoint, purpose: "join" | "table"): void {
    this.exchanges.set(this.ports.exchange(to, this.message(purpose === "join")), purpose);
  }
}
