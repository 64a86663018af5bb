import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Family, type IpRange, ip, RangeSet } from "#net";
import { smallRange } from "./testing.ts";

/** The same set as texts, one an address. */
function naive(ranges: Iterable<IpRange>): Set<string> {
  const set = new Set<string>();
  for (const range of ranges) for (let v = range.first; v <= range.last; v++) set.add(`${range.family} ${v}`);
  return set;
}

const several = fc.array(smallRange, { maxLength: 8 });

describe("a set of ranges", () => {
  it("keeps its ranges sorted, parted and complete", () => {
    fc.assert(
      fc.property(several, (ranges) => {
        const set = RangeSet.of(ranges);
        expect(naive(set.ranges)).toEqual(naive(ranges));
        for (const { first, last } of set.ranges) expect(first <= last).toBe(true);
        for (let i = 1; i < set.ranges.length; i++) {
          const [before, after] = [set.ranges[i - 1], set.ranges[i]] as [IpRange, IpRange];
          expect(before.family < after.family || before.last + 1n < after.first).toBe(true);
        }
      }),
    );
  });

  it("finds what it has", () => {
    fc.assert(
      fc.property(several, fc.constantFrom<Family>(4, 6), fc.nat(80), (ranges, family, value) => {
        const set = RangeSet.of(ranges);
        const inside = naive(ranges).has(`${family} ${value}`);
        expect(set.has(ip(family, BigInt(value)))).toBe(inside);
        expect(set.find(ip(family, BigInt(value))) !== undefined).toBe(inside);
      }),
    );
  });

  it("counts, joins, subtracts and intersects like sets", () => {
    fc.assert(
      fc.property(several, several, (a, b) => {
        const [x, y] = [RangeSet.of(a), RangeSet.of(b)];
        const [p, q] = [naive(a), naive(b)];
        for (const family of [4, 6] as const) {
          const own = [...p].filter((text) => text.startsWith(`${family} `));
          expect([Number(x.size(family)), x.families.has(family)]).toEqual([own.length, own.length > 0]);
        }
        for (const { first, last } of [...x.subtract(y).ranges, ...x.intersect(y).ranges])
          expect(first <= last).toBe(true);
        expect(naive(x.union(y).ranges)).toEqual(p.union(q));
        expect(naive(x.subtract(y).ranges)).toEqual(p.difference(q));
        expect(naive(x.intersect(y).ranges)).toEqual(p.intersection(q));
      }),
    );
  });

  it("touching ranges become one", () => {
    const set = RangeSet.of([
      { family: 4, first: 5n, last: 9n },
      { family: 4, first: 1n, last: 4n },
    ]);
    expect(set.ranges).toEqual([{ family: 4, first: 1n, last: 9n }]);
  });
});
