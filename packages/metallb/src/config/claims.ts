import { formatRange, type IpRange, RangeSet, rangesOverlap } from "#net";
import { byAge } from "./age.ts";
import type { Frozen, Problem } from "./config.ts";
import type { PoolReading } from "./pools.ts";
import { ProblemList } from "./problems.ts";

/** Whether a pool counts, and what it gives out. */
export interface Standing {
  readonly frozen: Frozen | null;
  readonly ranges: readonly IpRange[];
}

export interface Standings {
  readonly of: readonly PoolReading[];
  readonly standing: ReadonlyMap<string, Standing>;
  readonly problems: readonly Problem[];
}

interface Claim {
  readonly range: IpRange;
  readonly pool: string;
}

/** Above this many, one sort costs less than so many insertions. */
const MANY = 64;

/**
 * Which pools count: of two that overlap the older one. The younger is frozen, and claims nothing from
 * those younger still. One that is wrong by itself is frozen too; what can be read of it stays claimed.
 */
export function standings(pools: readonly PoolReading[]): Standings {
  const problems: Problem[] = [];
  const claims = new Claims();
  const standing = new Map<string, Standing>();
  const losers: PoolReading[] = [];
  for (const pool of pools.toSorted(byAge)) {
    const overlap = claims.overlapOf(pool);
    if (overlap) {
      problems.push(...overlap.problems);
      losers.push(pool);
      continue;
    }
    const ranges = pool.entries.map(({ range }) => range);
    claims.take(pool.name, ranges);
    standing.set(pool.name, { frozen: pool.valid ? null : "invalid", ranges });
  }
  for (const { name, entries } of losers) {
    const ranges = claims.unclaimed(entries.map(({ range }) => range));
    claims.take(name, ranges);
    standing.set(name, { frozen: "overlapping", ranges });
  }
  return { of: pools, standing, problems };
}

/** The ranges that are claimed, in order, so that an overlap is found in O(log n). They never overlap. */
class Claims {
  private readonly sorted: Claim[] = [];

  /** The first range of the pool that another has, as a problem. */
  overlapOf({ name, entries }: PoolReading): ProblemList | null {
    for (const { index, range } of entries) {
      const at = this.position(range);
      const other = [this.sorted[at - 1], this.sorted[at]].find((claim) => claim && rangesOverlap(claim.range, range));
      if (!other) continue;
      const list = new ProblemList("IPAddressPool", name);
      list.add(
        "overlappingAddresses",
        `spec.addresses[${index}]`,
        `CIDR "${formatRange(range)}" in pool "${name}" overlaps with already defined CIDR "${formatRange(other.range)}" of pool "${other.pool}", which is older: nothing new is given out from pool "${name}"`,
      );
      return list;
    }
    return null;
  }

  take(pool: string, ranges: readonly IpRange[]): void {
    const claims = ranges.map((range) => ({ range, pool }));
    if (claims.length > MANY) {
      for (const claim of claims) this.sorted.push(claim);
      this.sorted.sort((a, b) => byFirst(a.range, b.range));
    } else for (const claim of claims) this.sorted.splice(this.position(claim.range), 0, claim);
  }

  /** What of the ranges nobody has claimed, in their order. */
  unclaimed(ranges: readonly IpRange[]): readonly IpRange[] {
    return ranges.flatMap((range) => {
      const taken: IpRange[] = [];
      let at = this.position(range);
      if (at > 0 && rangesOverlap((this.sorted[at - 1] as Claim).range, range)) at--;
      for (let claim = this.sorted[at]; claim && rangesOverlap(claim.range, range); claim = this.sorted[++at])
        taken.push(claim.range);
      return RangeSet.of([range]).subtract(RangeSet.of(taken)).ranges;
    });
  }

  /** How many claims begin at or before the range. */
  private position(range: IpRange): number {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byFirst((this.sorted[middle] as Claim).range, range) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const byFirst = (a: IpRange, b: IpRange): number =>
  a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
