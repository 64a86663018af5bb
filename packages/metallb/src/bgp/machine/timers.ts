import type { Instant } from "../events.ts";

/** What a session waits for: RFC 4271 section 8, IdleHoldTimer section 8.1.1, send hold: RFC 9687. */
export type TimerName = "idleHold" | "connectRetry" | "hold" | "keepalive" | "sendHold";

export interface Expired {
  readonly name: TimerName;
  /** When it was due. */
  readonly due: Instant;
}

/** Each timer is off or due at an instant. */
export class Timers {
  private readonly due = new Map<TimerName, Instant>();

  set(name: TimerName, at: Instant): void {
    this.due.set(name, at);
  }

  clear(name?: TimerName): void {
    if (name) this.due.delete(name);
    else this.due.clear();
  }

  /** When the timer is due; null: it is off. */
  at(name: TimerName): Instant | null {
    return this.due.get(name) ?? null;
  }

  /** The earliest, or null. */
  next(): Instant | null {
    let next: Instant | null = null;
    for (const at of this.due.values()) if (next === null || at < next) next = at;
    return next;
  }

  /** Takes out what is due, earliest first. */
  expired(now: Instant): readonly Expired[] {
    const expired = [...this.due].filter(([, at]) => at <= now).map(([name, due]) => ({ name, due }));
    for (const { name } of expired) this.due.delete(name);
    return expired.sort((a, b) => a.due - b.due);
  }
}
