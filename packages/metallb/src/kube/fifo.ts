/**
 * Keys in the order in which they came, each once. (A Set that is emptied from its head is walked from its
 * first slot each time, which costs as much as it once held.)
 */
export class Fifo {
  private items: (string | undefined)[] = [];
  /** Key → how many came before it, ever. */
  private readonly places = new Map<string, number>();
  /** How many places lie before the first of `items`. */
  private base = 0;
  private head = 0;

  get size(): number {
    return this.places.size;
  }

  add(key: string): void {
    if (this.places.has(key)) return;
    this.places.set(key, this.base + this.items.length);
    this.items.push(key);
  }

  delete(key: string): void {
    const place = this.places.get(key);
    if (place === undefined) return;
    this.places.delete(key);
    this.items[place - this.base] = undefined;
  }

  /** Takes out the first; null when there is none. */
  take(): string | null {
    while (this.head < this.items.length) {
      const key = this.items[this.head];
      this.items[this.head++] = undefined;
      if (this.head > 1024 && 2 * this.head > this.items.length) this.shrink();
      if (key === undefined) continue;
      this.places.delete(key);
      return key;
    }
    return null;
  }

  private shrink(): void {
    this.items = this.items.slice(this.head);
    this.base += this.head;
    this.head = 0;
  }
}
