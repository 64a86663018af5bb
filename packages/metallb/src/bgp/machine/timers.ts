import type { Instant } from "../events.ts";

/** What a connection waits for: RFC 4271 section 8, send hold: RFC 9687. */
export type TimerName = "hold" | "keepalive" | "sendHold";

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

  clear(name: TimerName): void {
    this.due.delete(name);
  }

  /** When the timer is due; null: it is off. */
  at(name: TimerName): Instant | null {
    return this.due.get(name) ?? null;
  }

  /** The earliest; infinity: none runs. */
  next(): Instant {
    return Math.min(Number.POSITIVE_INFINITY, ...this.due.values());
  }

  /** Takes out what is due, earliest first. */
  expired(now: Instant): readonly Expired[] {
    const expired = [...this.due].filter(([, at]) => at <= now).map(([name, due]) => ({ name, due }));
    for (const { name } of expired) this.due.delete(name);
    return expired.sort((a, b) => a.due - b.due);
  }
}
