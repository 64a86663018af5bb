/** Questions remembered per list; beyond it the oldest is forgotten and asked anew. */
const MAX_CURSORS = 64;

/**
 * The addresses (as positions) that the Services of one sharing group use, ascending. For each set of
 * ports it remembers below which position all are known to conflict, so that thousands of Services
 * with equal ports do not each walk all addresses of the others.
 */
export class SharedList {
  private readonly positions: bigint[] = [];
  private readonly cursors = new Map<string, bigint>();

  get size(): number {
    return this.positions.length;
  }

  add(position: bigint): void {
    const at = this.find(position);
    if (this.positions[at] === position) return;
    this.positions.splice(at, 0, position);
    this.improved(position);
  }

  remove(position: bigint): void {
    const at = this.find(position);
    if (this.positions[at] === position) this.positions.splice(at, 1);
  }

  /** Something that conflicted at the position may not do so any more. */
  improved(position: bigint): void {
    for (const [signature, cursor] of this.cursors) if (cursor > position) this.cursors.set(signature, position);
  }

  first(signature: string, passes: (position: bigint) => boolean): bigint | null {
    let at = this.find(this.cursors.get(signature) ?? 0n);
    while (at < this.positions.length && !passes(this.positions[at] as bigint)) at++;
    const found = this.positions[at];
    this.remember(signature, found ?? (this.positions.at(-1) as bigint) + 1n);
    return found ?? null;
  }

  private remember(signature: string, position: bigint): void {
    this.cursors.delete(signature);
    if (this.cursors.size >= MAX_CURSORS) this.cursors.delete(this.cursors.keys().next().value as string);
    this.cursors.set(signature, position);
  }

  /** Index of the first position that is not below. */
  private find(position: bigint): number {
    let low = 0;
    let high = this.positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.positions[middle] as bigint) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
