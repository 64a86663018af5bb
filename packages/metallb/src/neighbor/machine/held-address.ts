import type { Ip } from "#net";
import type { AddressReport, AddressState, ForeignClaim, Instant } from "../events.ts";
import type { Link } from "./link.ts";

/** One address and those for whom it is held. */
export class HeldAddress {
  readonly ip: Ip;
  state: AddressState;
  since: Instant;
  foreign: ForeignClaim | null = null;
  foreignHeardAt: Instant = Number.NEGATIVE_INFINITY;
  defendedAt: Instant = Number.NEGATIVE_INFINITY;
  requestsReceived = 0;
  responsesSent = 0;
  gratuitousSent = 0;
  /** What is queued for an earlier state or an earlier burst is void: it carries an older number. */
  epoch = 0;
  private readonly holders = new Map<string, readonly string[] | null>();
  /** Names of interfaces; null: all. */
  private interfaces: ReadonlySet<string> | null = null;

  constructor(ip: Ip, state: AddressState, now: Instant) {
    this.ip = ip;
    this.state = state;
    this.since = now;
  }

  /** What is queued is void from now on. */
  renew(): void {
    this.epoch += 1;
  }

  /** Whether it is answered for. */
  get isAnswered(): boolean {
    return this.state === "announced" || this.state === "yielding";
  }

  get isHeld(): boolean {
    return this.holders.size > 0;
  }

  /** Gives whether the interfaces changed. */
  hold(holder: string, interfaces: readonly string[] | null): boolean {
    this.holders.set(holder, interfaces);
    return this.union();
  }

  /** The last one's interfaces stay: a yielding address is answered for where it was. */
  release(holder: string): void {
    this.holders.delete(holder);
    if (this.isHeld) this.union();
  }

  private union(): boolean {
    const before = this.interfaces;
    const lists = [...this.holders.values()];
    this.interfaces = lists.every((list) => list !== null) ? new Set(lists.flat()) : null;
    const now = this.interfaces;
    if (before === null || now === null) return before !== now;
    return before.symmetricDifference(now).size > 0;
  }

  allows(name: string): boolean {
    return this.interfaces === null || this.interfaces.has(name);
  }

  /** Whether packets for it go in and out of the link. */
  speaksOn(link: Link): boolean {
    return link.usable && this.allows(link.name) && (this.ip.family === 4 ? link.arp : link.linkLocal !== null);
  }

  report(): AddressReport {
    const { ip, state, since, foreign } = this;
    return { address: ip, state, since, foreign };
  }
}
