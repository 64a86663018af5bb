import type { PoolSpace } from "./pool-space.ts";
import type { Line, Waiter, Waiters } from "./waiters.ts";

interface Place {
  /** Whose turn it was last. */
  age: string;
  /** Where an address is free that the line waits for; null: something else became possible. */
  readonly spaces: (PoolSpace | null)[];
}

/** Those that may gain from what became possible, oldest first. Lines may change between the calls. */
export class Queue {
  private readonly places = new Map<Line, Place>();
  private readonly exhausted: (space: PoolSpace) => boolean;
  private current: Line | null = null;

  constructor(
    waiters: Waiters,
    gains: ReadonlyMap<string, PoolSpace | null>,
    exhausted: (space: PoolSpace) => boolean,
  ) {
    this.exhausted = exhausted;
    for (const [need, space] of gains)
      for (const line of waiters.linesFor(need)) {
        const place = this.places.get(line);
        if (place) place.spaces.push(space);
        else this.places.set(line, { age: "", spaces: [space] });
      }
  }

  next(): Waiter | undefined {
    for (;;) {
      const waiter = this.oldest();
      const place = this.current && this.places.get(this.current);
      if (!waiter || !place) return undefined;
      place.age = waiter.age;
      while (place.spaces[0] && this.exhausted(place.spaces[0])) place.spaces.shift();
      if (place.spaces.length > 0) return waiter;
      this.drop();
    }
  }

  /** The last one got nothing, and so will the others of its line. */
  drop(): void {
    if (this.current) this.places.delete(this.current);
  }

  private oldest(): Waiter | undefined {
    let oldest: Waiter | undefined;
    this.current = null;
    for (const [line, { age }] of this.places) {
      const waiter = line.waiters.after(age);
      if (!waiter) this.places.delete(line);
      else if (!oldest || waiter.age < oldest.age) {
        oldest = waiter;
        this.current = line;
      }
    }
    return oldest;
  }
}
