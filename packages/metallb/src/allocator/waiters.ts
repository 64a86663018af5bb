export interface Waiter {
  readonly key: string;
  /** Sorts oldest first: the creation timestamp, then the key. */
  readonly age: string;
  /** Waiters with equal signatures fail alike. */
  readonly signature: string;
  readonly needs: readonly string[];
}

/** Who waits for what, so that a release wakes only those that may gain from it, the oldest first. */
export class Waiters {
  readonly #byKey = new Map<string, Waiter>();
  readonly #byNeed = new Map<string, Waiter[]>();

  get size(): number {
    return this.#byKey.size;
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  set(waiter: Waiter): void {
    this.delete(waiter.key);
    this.#byKey.set(waiter.key, waiter);
    for (const need of new Set(waiter.needs)) {
      let list = this.#byNeed.get(need);
      if (!list) {
        list = [];
        this.#byNeed.set(need, list);
      }
      list.splice(firstAfter(list, waiter.age), 0, waiter);
    }
  }

  delete(key: string): void {
    const waiter = this.#byKey.get(key);
    if (!waiter) return;
    this.#byKey.delete(key);
    for (const need of new Set(waiter.needs)) {
      const list: Waiter[] = this.#byNeed.get(need) ?? [];
      const at: number = firstAfter(list, waiter.age) - 1;
      if (list[at] === waiter) list.splice(at, 1);
      if (list.length === 0) this.#byNeed.delete(need);
    }
  }

  /** The next one after this age that waits for the need; the list may change between calls. */
  next(need: string, age: string): Waiter | undefined {
    const list = this.#byNeed.get(need);
    return list?.[firstAfter(list, age)];
  }
}

function firstAfter(list: readonly Waiter[], age: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as Waiter).age <= age) low = middle + 1;
    else high = middle;
  }
  return low;
}
