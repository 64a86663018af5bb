import type { Pool } from "#config";
import type { Duration, Instant } from "#net";

/**
 * Deleted Services whose addresses are kept for a while, so that they get them again when they come back. As long as
 * they are named here they go on holding them in the index.
 */
export class KeptAddresses {
  private readonly until = new Map<string, Instant>();
  /** Time to keep → keys in the order in which they fall due; those that came back are skipped. */
  private readonly queues = new Map<Duration, { key: string; at: Instant }[]>();

  /** Whether the addresses are kept; `pool`: the one that gives them now. Looked at again, the time does not begin anew. */
  keep(key: string, pool: Pool | undefined, now: Instant): boolean {
    const time = pool?.terms?.keepFor ?? 0;
    if (time === 0) {
      this.forget(key);
      return false;
    }
    if (this.until.has(key)) return true;
    const at = now + time;
    this.until.set(key, at);
    const queue = this.queues.get(time);
    if (queue) queue.push({ key, at });
    else this.queues.set(time, [{ key, at }]);
    return true;
  }

  /** The Service is back, or its addresses are nobody's any more. */
  forget(key: string): void {
    this.until.delete(key);
  }

  /** Forgets those whose time is over, and names them. */
  takeDue(now: Instant): readonly string[] {
    const due: string[] = [];
    for (const queue of this.queues.values()) {
      const end = queue.findIndex(({ at }) => at > now);
      for (const { key, at } of queue.splice(0, end < 0 ? queue.length : end)) {
        if (this.until.get(key) !== at) continue;
        this.until.delete(key);
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
      else if (next === null || first.at < next) next = first.at;
    }
    return next;
  }
}
