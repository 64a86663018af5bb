import type { Instant } from "../events.ts";

export interface Due {
  readonly due: Instant;
}

/** A queue whose members fall due in the order in which they came: each has waited for the same time. */
export class Fifo<T extends Due> {
  private incoming: T[] = [];
  /** The first of all is the last of these. */
  private outgoing: T[] = [];

  push(item: T): void {
    this.incoming.push(item);
  }

  /** The first, when it is due. */
  take(now: Instant): T | null {
    const { first } = this;
    if (first === undefined || first.due > now) return null;
    this.outgoing.pop();
    return first;
  }

  get nextDue(): Instant | null {
    return this.first?.due ?? null;
  }

  private get first(): T | undefined {
    if (this.outgoing.length === 0) [this.incoming, this.outgoing] = [this.outgoing, this.incoming.reverse()];
    return this.outgoing.at(-1);
  }
}
