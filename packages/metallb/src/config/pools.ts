import type { IPAddressPool, Namespace } from "#api";
import { formatRange, type IpRange, parseRange, RangeSet } from "#net";
import type { Pool, PoolAllocation } from "./config.ts";
import type { ProblemList } from "./problems.ts";
import { anyOf } from "./selectors.ts";

/** A pool before its advertisements are attached. */
export type BarePool = Omit<Pool, "bgpAdvertisements" | "l2Advertisements">;

/** Reads one pool by itself; whether it overlaps another is asked by {@link Claims}. Null: it cannot count. */
export function compilePool(
  pool: IPAddressPool,
  namespaces: readonly Namespace[],
  problems: ProblemList,
): BarePool | null {
  const { addresses, autoAssign, avoidBuggyIPs, serviceAllocation } = pool.spec;
  if (addresses.length === 0) problems.add("noAddresses", "spec.addresses", "pool has no prefixes defined");
  const ranges: IpRange[] = [];
  for (const [i, text] of addresses.entries()) {
    const range = parseRange(text);
    if (range.ok) ranges.push(range.value);
    else
      problems.add(
        "invalidAddresses",
        `spec.addresses[${i}]`,
        `invalid CIDR "${text.slice(0, 100)}" in pool "${pool.name}": ${range.error}`,
      );
  }
  const allocation = serviceAllocation ? compileAllocation(serviceAllocation, namespaces, problems) : null;
  if (!problems.isEmpty) return null;
  const set = RangeSet.of(ranges);
  return {
    name: pool.name,
    ranges,
    addresses: set,
    families: new Set(ranges.map((range) => range.family)),
    autoAssign,
    avoidBuggyIPs,
    allocation,
  };
}

function compileAllocation(
  spec: NonNullable<IPAddressPool["spec"]["serviceAllocation"]>,
  namespaces: readonly Namespace[],
  problems: ProblemList,
): PoolAllocation {
  const path = "spec.serviceAllocation";
  const named = spec.namespaces ?? [];
  for (const [i, name] of named.entries())
    if (named.indexOf(name) !== i)
      problems.add("duplicateEntry", `${path}.namespaces[${i}]`, `duplicate definition in namespaces field: ${name}`);
  const bySelector = anyOf(spec.namespaceSelectors, `${path}.namespaceSelectors`, problems);
  const services = anyOf(spec.serviceSelectors, `${path}.serviceSelectors`, problems);
  const limited = named.length > 0 || (spec.namespaceSelectors ?? []).length > 0;
  const selected =
    (spec.namespaceSelectors ?? []).length > 0 ? namespaces.filter((namespace) => bySelector(namespace.labels)) : [];
  return {
    priority: spec.priority ?? 0,
    // Limited to nothing is closed, not open.
    namespaces: limited ? new Set([...named, ...selected.map((namespace) => namespace.name)]) : null,
    services,
    hasServiceSelectors: (spec.serviceSelectors ?? []).length > 0,
  };
}

/** Which pool has which addresses: ranges of all pools, sorted, so that an overlap is found in O(log n). */
export class Claims {
  private readonly sorted: { readonly range: IpRange; readonly pool: string }[] = [];

  /** Takes all ranges of the pool, or none and tells the first overlap: with another pool, or within. */
  take(pool: BarePool, problems: ProblemList): boolean {
    const taken: IpRange[] = [];
    for (const [i, range] of pool.ranges.entries()) {
      const at = this.position(range);
      const other = [this.sorted[at - 1], this.sorted[at]].find((entry) => entry && overlap(entry.range, range));
      if (other) {
        problems.add(
          "overlappingAddresses",
          `spec.addresses[${i}]`,
          `CIDR "${formatRange(range)}" in pool "${pool.name}" overlaps with already defined CIDR "${formatRange(other.range)}"${other.pool === pool.name ? "" : ` of pool "${other.pool}"`}`,
        );
        for (const each of taken) this.sorted.splice(this.position(each) - 1, 1);
        return false;
      }
      this.sorted.splice(at, 0, { range, pool: pool.name });
      taken.push(range);
    }
    return true;
  }

  /** How many claims begin at or before the range. */
  private position(range: IpRange): number {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = (this.sorted[middle] as { range: IpRange }).range;
      if (other.family < range.family || (other.family === range.family && other.first <= range.first))
        low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const overlap = (a: IpRange, b: IpRange): boolean => a.family === b.family && a.first <= b.last && b.first <= a.last;
