import type { Instant } from "../events.ts";

/** What a connection waits for: RFC 4271 section 8, send hold: RFC 9687. */
export type TimerName = "hold" | "keepalive" | "sendHold";

/** Each timer is off or due at an instant. */
export class Timers {
  private readonly times = new Map<TimerName, Instant>();

  set(name: TimerName, at: Instant): void {
    this.times.set(name, at);
  }

  clear(name: TimerName): void {
    this.times.delete(name);
  }

  /** When the timer is due; null: it is off. */
  at(name: TimerName): Instant | null {
    return this.times.get(name) ?? null;
  }

  /** The earliest; infinity: none runs. */
  next(): Instant {
    return Math.min(Number.POSITIVE_INFINITY, ...this.times.values());
  }

  /** Whether the timer has expired; it stays so until it is set again or cleared. */
  due(name: TimerName, now: Instant): boolean {
    return (this.times.get(name) ?? Number.POSITIVE_INFINITY) <= now;
  }
}
