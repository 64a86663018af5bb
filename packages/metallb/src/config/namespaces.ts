import type { Labels, Namespace } from "#api";
import type { PoolAllocation } from "./config.ts";
import type { AllocationReading } from "./pools.ts";

interface Resolved {
  readonly reading: AllocationReading;
  readonly allocation: PoolAllocation;
}

/**
 * Turns namespace selectors into names. It remembers what they selected, so that a namespace that comes,
 * goes or changes is asked of each selector alone, and one that no selector matches changes nothing.
 */
export class Namespaces {
  private readonly labels: ReadonlyMap<string, Labels>;
  /** Names whose labels are not what they were; null: nothing is known of before. */
  private readonly changed: ReadonlySet<string> | null;
  private readonly before: ReadonlyMap<string, Resolved>;
  private readonly now = new Map<string, Resolved>();

  constructor(namespaces: Iterable<Namespace>, before: Namespaces | null) {
    const labelsOf = new Map<string, Labels>();
    for (const { name, labels } of namespaces) labelsOf.set(name, labels);
    this.labels = labelsOf;
    this.before = before?.now ?? new Map();
    this.changed = before && differences(before.labels, this.labels);
  }

  /** The same object as before when it says the same. */
  resolve(pool: string, reading: AllocationReading): PoolAllocation {
    const before = this.before.get(pool);
    const same = before?.reading === reading ? before.allocation : null;
    const allocation = same && this.changed ? this.update(same, reading, this.changed) : this.all(reading);
    this.now.set(pool, { reading, allocation });
    return allocation;
  }

  private all(reading: AllocationReading): PoolAllocation {
    const { priority, namespaces, namespaceSelectors, services, hasServiceSelectors } = reading;
    const names = new Set(namespaces);
    if (namespaceSelectors) for (const [name, labels] of this.labels) if (namespaceSelectors(labels)) names.add(name);
    // Limited to nothing is closed, not open.
    const limited = namespaces.length > 0 || namespaceSelectors !== null;
    return { priority, namespaces: limited ? names : null, services, hasServiceSelectors };
  }

  private update(
    allocation: PoolAllocation,
    { namespaces, namespaceSelectors }: AllocationReading,
    changed: ReadonlySet<string>,
  ): PoolAllocation {
    if (!namespaceSelectors || !allocation.namespaces) return allocation;
    const names = new Set(allocation.namespaces);
    let differs = false;
    for (const name of changed) {
      const labels = this.labels.get(name);
      const selected = namespaces.includes(name) || (labels !== undefined && namespaceSelectors(labels));
      if (selected === names.has(name)) continue;
      differs = true;
      if (selected) names.add(name);
      else names.delete(name);
    }
    return differs ? { ...allocation, namespaces: names } : allocation;
  }
}

function differences(before: ReadonlyMap<string, Labels>, now: ReadonlyMap<string, Labels>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, labels] of now) if (!sameLabels(before.get(name), labels)) names.add(name);
  for (const name of before.keys()) if (!now.has(name)) names.add(name);
  return names;
}

/** Without making texts of them: all namespaces are compared at each change of one. */
function sameLabels(a: Labels | undefined, b: Labels): boolean {
  if (a === b || a === undefined) return a === b;
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length && keys.every((key) => Object.hasOwn(a, key) && a[key] === b[key]);
}
