import { readMeta, type SpeakerMeta } from "#gossip";
import type { Duration, Instant } from "#net";
import type { LeaseHolders } from "#planner";

/** A speaker's Lease as the API tells it. */
export interface NodeLease {
  readonly node: string;
  /** Who renews it; empty: it was given up. */
  readonly holder: string;
  /** Another text at each renewal. */
  readonly renewTime: string;
  /** Another text whenever it was taken anew. */
  readonly acquireTime: string;
  readonly duration: Duration;
  /** What the speaker tells of its interfaces. */
  readonly meta: Uint8Array;
}

export interface NodeLeasesOptions {
  readonly node: string;
  /** Who this process is. */
  readonly identity: string;
  readonly duration: Duration;
  /** Whether gossip says that the other node's speaker is alive: then it hears what this one announces. */
  readonly isHeard: (node: string) => boolean;
}

interface Other {
  readonly lease: NodeLease;
  /** When this process saw the last renewal. */
  seenAt: Instant;
  /** When it saw that the Lease was taken. */
  readonly takenAt: Instant;
}

const NEVER: Instant = Number.NEGATIVE_INFINITY;

/** From when the Lease counts no more, unless it was renewed. */
const endOf = ({ lease, seenAt }: Other): Instant => seenAt + lease.duration;

/**
 * Which nodes hold their Lease, by the clock of this process alone; clocks of machines need not agree.
 *
 * The own one counts until its duration has passed since the renewal *began* that was last seen in the watch: so
 * what this process knows of the others is no older, and it stops before anybody else, who counts from when the
 * renewal was *seen*, may take over. One that lapsed is taken anew, and counts only after a whole duration more:
 * until then every other has seen that it was taken, or does not hold its own. Pure.
 */
export class NodeLeases {
  private readonly options: NodeLeasesOptions;
  private readonly others = new Map<string, Other>();
  /** When the renewals began that have not been seen yet, and whether each took the Lease anew. */
  private readonly begun = new Map<string, { readonly at: Instant; readonly takes: boolean }>();
  private ownUntil: Instant = NEVER;
  /** When the last renewal began, and when the last did that the API has shown: what it took before is known. */
  private begunAt: Instant = NEVER;
  private knownAt: Instant = NEVER;
  private countsFrom: Instant = Number.POSITIVE_INFINITY;
  private meta: Uint8Array = new Uint8Array();
  private isKnown = false;

  constructor(options: NodeLeasesOptions) {
    this.options = options;
  }

  /** Whether the next renewal must take the Lease anew. */
  mustTake(now: Instant): boolean {
    return now >= this.ownUntil;
  }

  /** A renewal is about to be sent. */
  begin(renewTime: string, takes: boolean, now: Instant): void {
    this.begun.set(renewTime, { at: now, takes });
    this.begunAt = now;
    // What the API never showed is forgotten.
    const [oldest] = this.begun.keys();
    if (this.begun.size > 16 && oldest !== undefined) this.begun.delete(oldest);
  }

  /** Whether the API has not shown this renewal. */
  isUnseen(renewTime: string): boolean {
    return this.begun.has(renewTime);
  }

  /** The own Lease is given up, or another process of this node has it. */
  drop(): void {
    this.ownUntil = NEVER;
    this.countsFrom = Number.POSITIVE_INFINITY;
    this.begun.clear();
  }

  /** The first list is whole: what comes later is news. */
  known(): void {
    this.isKnown = true;
  }

  /** What the API tells of a node; null: its Lease is deleted, which is no sign that it knows. */
  see(node: string, lease: NodeLease | null, now: Instant): void {
    if (node === this.options.node) return lease ? this.seeOwn(lease, now) : undefined;
    const old = this.others.get(node);
    if (lease === null) {
      if (old && this.isOver(old)) this.others.delete(node);
      return;
    }
    if (lease.holder === "") return void this.others.delete(node);
    if (old && old.lease.renewTime === lease.renewTime) return;
    const isTaken = !old || this.isOver(old) || old.lease.acquireTime !== lease.acquireTime;
    const takenAt = isTaken ? (this.isKnown ? now : NEVER) : old.takenAt;
    this.others.set(node, { lease, seenAt: now, takenAt });
  }

  private seeOwn({ holder, renewTime, meta }: NodeLease, now: Instant): void {
    const { identity, duration } = this.options;
    if (holder !== identity) return holder === "" ? undefined : this.drop();
    const renewal = this.begun.get(renewTime);
    this.meta = meta;
    if (!renewal) return;
    this.begun.delete(renewTime);
    this.knownAt = Math.max(this.knownAt, renewal.at);
    // It lapsed before this was seen: others may have taken over, so it must be taken anew.
    if (!renewal.takes && now >= this.ownUntil) return;
    if (renewal.takes) this.countsFrom = now + duration;
    this.ownUntil = Math.max(this.ownUntil, renewal.at + duration);
  }

  /** Until when this node may announce what is fenced, unless it renews; it may not yet say whether it does. */
  get until(): Instant {
    return this.ownUntil;
  }

  holds(now: Instant): boolean {
    return now < this.ownUntil && now >= this.countsFrom;
  }

  /** Whether the own Lease is not lapsed but does not count yet. */
  isWaiting(now: Instant): boolean {
    return now < this.ownUntil && now < this.countsFrom;
  }

  private isOver(other: Other): boolean {
    return this.knownAt >= endOf(other);
  }

  /** Whether a renewal is wanted now, to learn whether another's Lease has lapsed. */
  wantsProof(now: Instant): boolean {
    for (const other of this.others.values()) {
      const end = endOf(other);
      if (now >= end && this.begunAt < end) return true;
    }
    return false;
  }

  /** How long ago the last renewal began. */
  sinceBegun(now: Instant): Duration {
    return now - this.begunAt;
  }

  /**
   * One that was taken anew announces nothing for a whole duration. Where it will be heard when it does, what it
   * is to have is kept for it until then; where it would not, all is given up at once.
   */
  private counts(other: Other, now: Instant): boolean {
    const { lease, takenAt } = other;
    if (this.isOver(other)) return false;
    return now >= takenAt + lease.duration || !this.options.isHeard(lease.node);
  }

  /** Who holds a Lease, with what they told of their interfaces. */
  holders(now: Instant, why: string): LeaseHolders {
    const speakers = new Map<string, SpeakerMeta>();
    const put = (node: string, meta: Uint8Array): void =>
      void speakers.set(node, readMeta(meta) ?? { links: null, isWhole: false });
    if (this.holds(now)) put(this.options.node, this.meta);
    for (const [node, other] of this.others) if (this.counts(other, now)) put(node, other.lease.meta);
    return { holders: new Set(speakers.keys()), speakers, why };
  }

  /** When that differs by itself; null: never. */
  nextChange(now: Instant): Instant | null {
    const times = [this.ownUntil, this.countsFrom];
    for (const other of this.others.values()) times.push(endOf(other), other.takenAt + other.lease.duration);
    const next = times.reduce((least, at) => (at > now && at < least ? at : least), Number.POSITIVE_INFINITY);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** Whether each node that counts is heard: then an address may be handed over without a gap. */
  allHeard(now: Instant): boolean {
    return [...this.others].every(([node, other]) => !this.counts(other, now) || this.options.isHeard(node));
  }
}
