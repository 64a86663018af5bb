import type { Instant } from "../events.ts";

export interface Due {
  readonly due: Instant;
}

/** A queue whose members fall due in the order in which they came: each has waited for the same time. */
export class Fifo<T extends Due> {
  private items: T[] = [];
  private head = 0;

  push(item: T): void {
    this.items.push(item);
  }

  /** The first, when it is due. */
  take(now: Instant): T | null {
    const first = this.items[this.head];
    if (first === undefined || first.due > now) return null;
    this.head += 1;
    if (this.head > 1_024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return first;
  }

  get nextDue(): Instant | null {
    return this.items[this.head]?.due ?? null;
  }
}
