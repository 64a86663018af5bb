interface Aged {
  /** Sorts oldest first, and is nobody else's. */
  readonly age: string;
}

/** A longer part is split in two: so an insertion moves few items, however many there are. */
const MAX_PART = 512;

/** Items in order of age: put in, taken out and found in O(log n), and the few hundred moves of one part. */
export class AgeList<T extends Aged> {
  private readonly parts: T[][] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(item: T): void {
    this.count++;
    const at = Math.max(0, this.partOf(item.age));
    const part = this.parts[at];
    if (!part) {
      this.parts.push([item]);
      return;
    }
    part.splice(firstAfter(part, item.age), 0, item);
    // Stryker disable next-line ConditionalExpression,EqualityOperator: where a part is split changes only what a move costs.
    if (part.length > MAX_PART) this.parts.splice(at + 1, 0, part.splice(MAX_PART >> 1));
  }

  delete(age: string): void {
    const at = this.partOf(age);
    const part = this.parts[at];
    if (!part) return;
    const i = firstAfter(part, age) - 1;
    if ((part[i] as T).age !== age) return;
    this.count--;
    part.splice(i, 1);
    if (part.length === 0) this.parts.splice(at, 1);
  }

  /** The oldest that is younger than this age; "" finds the oldest of all. */
  after(age: string): T | undefined {
    const at = Math.max(0, this.partOf(age));
    const part = this.parts[at];
    return part && (part[firstAfter(part, age)] ?? this.parts[at + 1]?.[0]);
  }

  /** The last part that begins at or before this age; −1: none. */
  private partOf(age: string): number {
    let low = 0;
    let high = this.parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [first] = this.parts[middle] as [T];
      if (first.age <= age) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function firstAfter(list: readonly Aged[], age: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as Aged).age <= age) low = middle + 1;
    else high = middle;
  }
  return low;
}
