import type { Family, Ip } from "./ip.ts";
import type { IpRange } from "./range.ts";

/**
 * An immutable set of addresses, held as sorted ranges that neither overlap nor touch.
 * Look-ups cost O(log ranges); building, union and subtraction O(ranges).
 */
export class RangeSet {
  static readonly empty: RangeSet = new RangeSet([]);

  readonly ranges: readonly IpRange[];

  private constructor(ranges: readonly IpRange[]) {
    this.ranges = ranges;
  }

  static of(ranges: Iterable<IpRange>): RangeSet {
    const sorted = [...ranges].sort(compareRange);
    const merged: IpRange[] = [];
    for (const range of sorted) {
      const before = merged.at(-1);
      if (before && before.family === range.family && range.first <= before.last + 1n) {
        if (range.last > before.last) merged[merged.length - 1] = { ...before, last: range.last };
      } else merged.push(range);
    }
    return new RangeSet(merged);
  }

  has(address: Ip): boolean {
    return this.find(address) !== undefined;
  }

  /** The range that holds the address. */
  find(address: Ip): IpRange | undefined {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.ranges[middle] as IpRange;
      if (range.family < address.family || (range.family === address.family && range.last < address.value))
        low = middle + 1;
      else high = middle;
    }
    const range = this.ranges[low];
    return range && range.family === address.family && range.first <= address.value ? range : undefined;
  }

  get families(): ReadonlySet<Family> {
    return new Set(this.ranges.map(({ family }) => family));
  }

  /** How many addresses of the family the set has. */
  size(family: Family): bigint {
    let size = 0n;
    for (const range of this.ranges) if (range.family === family) size += range.last - range.first + 1n;
    return size;
  }

  union(other: RangeSet): RangeSet {
    return RangeSet.of([...this.ranges, ...other.ranges]);
  }

  /** The addresses of this set that the other has not. */
  subtract(other: RangeSet): RangeSet {
    const left: IpRange[] = [];
    let i = 0;
    for (const range of this.ranges) {
      while (i < other.ranges.length && endsBefore(other.ranges[i] as IpRange, range)) i++;
      let first = range.first;
      for (let j = i; j < other.ranges.length; j++) {
        const hole = other.ranges[j] as IpRange;
        if (hole.family !== range.family || hole.first > range.last) break;
        if (hole.first > first) left.push({ family: range.family, first, last: hole.first - 1n });
        first = hole.last + 1n;
      }
      if (first <= range.last) left.push({ family: range.family, first, last: range.last });
    }
    return new RangeSet(left);
  }

  intersect(other: RangeSet): RangeSet {
    return this.subtract(this.subtract(other));
  }
}

const compareRange = (a: IpRange, b: IpRange): number =>
  a.family !== b.family ? a.family - b.family : a.first < b.first ? -1 : a.first > b.first ? 1 : 0;

const endsBefore = (a: IpRange, b: IpRange): boolean =>
  a.family < b.family || (a.family === b.family && a.last < b.first);
