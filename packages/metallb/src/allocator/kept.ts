import type { Pool } from "#config";
import type { Duration, Instant } from "#net";
import type { AddressIndex } from "./address-index.ts";
import type { Holding } from "./holder.ts";

/** What a deleted Service held, and until when it is kept for its name. */
export interface KeptRecord extends Holding {
  readonly until: Instant;
}

/**
 * Deleted Services whose addresses are kept for a while, so that they get them again when they come back. As long as
 * they are named here they go on holding them in the index. What the process before kept is recalled before the first
 * decision.
 */
export class KeptAddresses {
  /** Another number means that {@link records} differ. */
  version = 0;
  private readonly index: AddressIndex;
  private readonly until = new Map<string, Instant>();
  /** Time to keep → keys in the order in which they fall due; those that came back are skipped. */
  private readonly queues = new Map<Duration, { key: string; at: Instant }[]>();
  private recalled = new Map<string, KeptRecord>();

  constructor(index: AddressIndex) {
    this.index = index;
  }

  /** Everything that is kept, in the order in which it was given up. */
  records(): readonly KeptRecord[] {
    return [...this.until].flatMap(([key, until]) => {
      const holding = this.index.held(key);
      return holding ? [{ ...holding, until }] : [];
    });
  }

  /** What the process before kept: to be called before anything is decided. */
  recall(records: readonly KeptRecord[]): void {
    for (const each of records) this.recalled.set(each.key, each);
  }

  /** What a Service that is there held before it was deleted, if that was recalled. */
  heldBefore(key: string, now: Instant): Holding | null {
    const record = this.recalled.get(key);
    if (!record || record.until <= now) return null;
    const { until: _, ...holding } = record;
    return holding;
  }

  /** Whether the addresses are kept; `pool`: the one that gives them now. Looked at again, the time does not begin anew. */
  keep(key: string, pool: Pool | undefined, now: Instant): boolean {
    const time = pool?.terms?.keepFor ?? 0;
    if (time === 0) {
      this.forget(key);
      return false;
    }
    if (!this.until.has(key)) this.enter(key, time, now + time);
    return true;
  }

  /** The Service is back, or its addresses are nobody's any more. */
  forget(key: string): void {
    if (this.until.delete(key)) this.version++;
  }

  /**
   * Those who hold something hold it: what was recalled and nobody has is kept on, unless the Service is there again,
   * the pools say something else, or the time is over. `isThere`: whether there is such a Service.
   */
  resume(isThere: (key: string) => boolean, now: Instant): void {
    if (this.recalled.size === 0) return;
    for (const { until, ...holding } of [...this.recalled.values()].sort((a, b) => a.until - b.until)) {
      const [pool] = this.index.holding(holding.ips, holding.pool);
      const time = pool?.terms?.keepFor ?? 0;
      if (!pool || time === 0 || until <= now || isThere(holding.key) || !this.isFree(holding)) continue;
      this.index.hold({ ...holding, pool: pool.name });
      // The clocks of two processes may differ.
      this.enter(holding.key, time, Math.min(until, now + time));
    }
    this.recalled = new Map();
    this.version++;
  }

  /** Forgets those whose time is over, and names them. */
  takeDue(now: Instant): readonly string[] {
    const due: string[] = [];
    for (const queue of this.queues.values()) {
      const end = queue.findIndex(({ at }) => at > now);
      for (const { key, at } of queue.splice(0, end < 0 ? queue.length : end)) {
        if (this.until.get(key) !== at) continue;
        this.forget(key);
        due.push(key);
      }
    }
    return due;
  }

  /** When the next one falls due; null: none is kept. */
  get next(): Instant | null {
    let next: Instant | null = null;
    for (const [time, queue] of this.queues) {
      let gone = 0;
      while (gone < queue.length && this.until.get(queue[gone]?.key ?? "") !== queue[gone]?.at) gone++;
      queue.splice(0, gone);
      const first = queue[0];
      if (!first) this.queues.delete(time);
      else next = Math.min(first.at, next ?? first.at);
    }
    return next;
  }

  private enter(key: string, time: Duration, at: Instant): void {
    this.until.set(key, at);
    this.version++;
    const queue = this.queues.get(time);
    if (queue) queue.push({ key, at });
    else this.queues.set(time, [{ key, at }]);
  }

  private isFree(holding: Holding): boolean {
    return holding.ips.every(
      (address) =>
        this.index.conflict(holding, address) === null &&
        (this.index.reservedFor(address) ?? holding.key) === holding.key,
    );
  }
}
