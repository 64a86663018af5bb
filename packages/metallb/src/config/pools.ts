import type { IPAddressPool, Labels } from "#api";
import { type Family, formatRange, type IpRange, parsePoolEntry, RangeSet, rangesOverlap } from "#net";
import type { LabelPredicate, Pool, PoolAllocation } from "./config.ts";
import { distinct } from "./distinct.ts";
import { type ProblemList, quoted } from "./problems.ts";
import { anyOf } from "./selectors.ts";
import { type PoolTerms, readTerms } from "./terms.ts";

/** What one IPAddressPool says by itself. Namespaces, other pools and advertisements are not asked. */
export interface PoolReading {
  readonly name: string;
  readonly created: string;
  readonly labels: Labels;
  /** What can be read of its addresses, in the order of the spec, each address once. */
  readonly entries: readonly PoolEntry[];
  readonly addresses: RangeSet;
  readonly families: ReadonlySet<Family>;
  readonly unreadable: boolean;
  /** Nothing is wrong with it. */
  readonly valid: boolean;
  readonly autoAssign: boolean;
  readonly avoidBuggyIPs: boolean;
  readonly allocation: AllocationReading | null;
  readonly terms: PoolTerms | null;
}

export interface PoolEntry {
  /** In `spec.addresses`. */
  readonly index: number;
  readonly range: IpRange;
}

/** `serviceAllocation` before its namespace selectors are resolved. */
export interface AllocationReading extends Omit<PoolAllocation, "namespaces"> {
  readonly namespaces: readonly string[];
  /** Null: no selectors. */
  readonly namespaceSelectors: LabelPredicate | null;
}

export function readPool(pool: IPAddressPool, problems: ProblemList): PoolReading {
  const { name, spec, labels, creationTimestamp, faults } = pool;
  const { entries, unreadable } = readEntries(pool, problems);
  const allocation = spec.serviceAllocation ? readAllocation(spec.serviceAllocation, problems) : null;
  const addresses = RangeSet.of(entries.map(({ range }) => range));
  const terms = readTerms(pool, addresses, problems);
  return {
    name,
    created: creationTimestamp,
    labels,
    entries,
    addresses,
    families: addresses.families,
    unreadable,
    valid: problems.isEmpty && faults.length === 0,
    autoAssign: spec.autoAssign,
    avoidBuggyIPs: spec.avoidBuggyIPs,
    allocation,
    terms,
  };
}

function readEntries(
  { name, spec, faults }: IPAddressPool,
  problems: ProblemList,
): Pick<PoolReading, "entries" | "unreadable"> {
  const { addresses } = spec;
  let unreadable = faults.some(({ path }) => addresses.length === 0 || path.startsWith("spec.addresses"));
  if (addresses.length === 0 && !unreadable) {
    problems.add("noAddresses", "spec.addresses", "pool has no prefixes defined");
    unreadable = true;
  }
  const read: PoolEntry[] = [];
  for (const [index, text] of addresses.entries()) {
    const entry = parsePoolEntry(text);
    if (entry.ok && entry.value) read.push({ index, range: entry.value });
    if (entry.ok) continue;
    unreadable = true;
    const message = `invalid CIDR ${quoted(text)} in pool "${name}": ${entry.error}`;
    problems.add("invalidAddresses", `spec.addresses[${index}]`, message);
  }
  return { entries: eachOnce(name, read, problems), unreadable };
}

/** The entries without what an earlier one of the same pool has already; that is told. */
function eachOnce(name: string, entries: readonly PoolEntry[], problems: ProblemList): readonly PoolEntry[] {
  const sorted = entries.toSorted(({ range: a }, { range: b }) => a.family - b.family || (a.first < b.first ? -1 : 1));
  let last: PoolEntry | undefined;
  const doubles: PoolEntry[] = [];
  for (const entry of sorted) {
    if (last && rangesOverlap(last.range, entry.range)) {
      const [early, late] = last.index < entry.index ? [last, entry] : [entry, last];
      doubles.push(late);
      problems.add(
        "overlappingAddresses",
        `spec.addresses[${late.index}]`,
        `CIDR "${formatRange(late.range)}" in pool "${name}" overlaps with already defined CIDR "${formatRange(early.range)}"`,
      );
    }
    if (!last || last.range.family !== entry.range.family || last.range.last < entry.range.last) last = entry;
  }
  if (doubles.length === 0) return entries;
  let taken = RangeSet.empty;
  return entries.flatMap(({ index, range }) => {
    const own = RangeSet.of([range]).subtract(taken);
    taken = taken.union(own);
    return own.ranges.map((part) => ({ index, range: part }));
  });
}

function readAllocation(
  spec: NonNullable<IPAddressPool["spec"]["serviceAllocation"]>,
  problems: ProblemList,
): AllocationReading {
  const path = "spec.serviceAllocation";
  distinct(spec.namespaces, `${path}.namespaces`, problems);
  const selectors = anyOf(spec.namespaceSelectors, `${path}.namespaceSelectors`, problems);
  return {
    priority: spec.priority ?? 0,
    namespaces: spec.namespaces ?? [],
    namespaceSelectors: (spec.namespaceSelectors ?? []).length > 0 ? selectors : null,
    services: anyOf(spec.serviceSelectors, `${path}.serviceSelectors`, problems),
    hasServiceSelectors: (spec.serviceSelectors ?? []).length > 0,
  };
}

/** A pool before its advertisements are attached. */
export type BarePool = Omit<Pool, "bgpAdvertisements" | "l2Advertisements">;
