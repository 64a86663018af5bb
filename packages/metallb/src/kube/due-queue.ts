import type { Instant } from "#net";

interface Due {
  readonly key: string;
  readonly at: Instant;
}

/** Keys by the time at which they are due: a binary heap, in which what was moved or taken out is skipped when met. */
export class DueQueue {
  private readonly heap: Due[] = [];
  private readonly current = new Map<string, Due>();

  set(key: string, at: Instant): void {
    const due = { key, at };
    this.current.set(key, due);
    this.heap.push(due);
    for (let i = this.heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (this.at(parent) <= this.at(i)) break;
      this.swap(i, parent);
      i = parent;
    }
    // Those that are skipped later must not pile up.
    if (this.heap.length > 64 && this.heap.length > 4 * this.current.size) this.rebuild();
  }

  delete(key: string): void {
    this.current.delete(key);
  }

  /** When the first is due; null when none is. */
  next(): Instant | null {
    this.skip();
    return this.heap[0]?.at ?? null;
  }

  /** Takes out the first that is due by now; null when none is. */
  take(now: Instant): string | null {
    this.skip();
    const first = this.heap[0];
    if (!first || first.at > now) return null;
    this.pop();
    this.current.delete(first.key);
    return first.key;
  }

  private skip(): void {
    for (let first = this.heap[0]; first && this.current.get(first.key) !== first; first = this.heap[0]) this.pop();
  }

  private pop(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (this.at(child) < this.at(least)) least = child;
      if (least === i) return;
      this.swap(i, least);
      i = least;
    }
  }

  private rebuild(): void {
    // A sorted array is a heap.
    const kept = [...this.current.values()].sort((a, b) => a.at - b.at);
    this.heap.length = 0;
    for (const due of kept) this.heap.push(due);
  }

  private at(i: number): Instant {
    return this.heap[i]?.at ?? Number.POSITIVE_INFINITY;
  }

  private swap(a: number, b: number): void {
    const [x, y] = [this.heap[a], this.heap[b]];
    if (x && y) [this.heap[a], this.heap[b]] = [y, x];
  }
}
