import type { Instant } from "./events.ts";

/** RFC 4271 section 8: what a session waits for. Each is off or due at an instant. */
export type TimerName = "idleHold" | "connectRetry" | "hold" | "keepalive" | "sendHold";

export class Timers {
  private readonly due = new Map<TimerName, Instant>();

  set(name: TimerName, at: Instant): void {
    this.due.set(name, at);
  }

  clear(name?: TimerName): void {
    if (name) this.due.delete(name);
    else this.due.clear();
  }

  isSet(name: TimerName): boolean {
    return this.due.has(name);
  }

  /** The earliest, or null. */
  next(): Instant | null {
    let next: Instant | null = null;
    for (const at of this.due.values()) if (next === null || at < next) next = at;
    return next;
  }

  /** Takes out what is due, earliest first. */
  expired(now: Instant): TimerName[] {
    const names = [...this.due].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1]);
    for (const [name] of names) this.due.delete(name);
    return names.map(([name]) => name);
  }
}
