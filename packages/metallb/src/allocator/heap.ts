/** A binary min-heap of distinct numbers: putting one in that is there already changes nothing. */
export class DistinctHeap {
  private readonly items: bigint[] = [];
  private readonly present = new Set<bigint>();

  peek(): bigint | undefined {
    return this.items[0];
  }

  push(item: bigint): void {
    if (this.present.has(item)) return;
    this.present.add(item);
    const items = this.items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as bigint;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.items;
    const last = items.pop();
    if (last === undefined) return;
    this.present.delete(items[0] ?? last);
    if (items.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && (items[child + 1] as bigint) < (items[child] as bigint)) child++;
      if ((items[child] as bigint) >= last) break;
      items[at] = items[child] as bigint;
      at = child;
    }
    items[at] = last;
  }
}
