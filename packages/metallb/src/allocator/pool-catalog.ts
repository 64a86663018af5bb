import type { Service } from "#api";
import type { Pool, PoolAllocation } from "#config";
import type { Family } from "#net";
import { need } from "./need.ts";

/** The pools that a Service may be given addresses from without asking for one, and what all such Services share. */
export interface Candidates {
  /** Those pinned to what the Service is, best priority first. */
  readonly pinned: readonly Pool[];
  /** Those for everybody, by name. */
  readonly open: readonly Pool[];
  /** Those of which an IPAM outside chooses the addresses. */
  readonly outside: readonly Pool[];
  /** What Services of these families wait for while nothing is free: one list for all of them. */
  readonly free: (families: readonly Family[]) => readonly string[];
}

/** A pool, and for whom it is. */
interface Pinned {
  readonly pool: Pool;
  readonly allocation: PoolAllocation;
}

/** The pools in the orders in which they are asked. Frozen ones are not asked. */
export class PoolCatalog {
  /** By name. */
  readonly all: readonly Pool[];
  /** Those for everybody: autoAssign without serviceAllocation, by name. */
  private readonly open: readonly Pool[];
  /** One of which not all addresses are known, if there is any. */
  readonly unreadable: Pool | null;
  private readonly pinned: readonly Pinned[];
  private readonly reserving = new Map<string, readonly Pool[]>();
  private readonly byName: ReadonlyMap<string, Pool>;
  private readonly byNamespace = new Map<
    string,
    { readonly pinned: readonly Pinned[]; readonly found: Map<string, Candidates> }
  >();

  constructor(pools: readonly Pool[]) {
    this.all = pools.toSorted(byName);
    this.unreadable = this.all.find((pool) => pool.unreadable) ?? null;
    const giving = this.all.filter((pool) => pool.autoAssign && pool.frozen === null);
    this.open = giving.filter(({ allocation }) => allocation === null);
    // By name already, and a sort keeps the order of equals.
    this.pinned = giving
      .flatMap((pool) => (pool.allocation ? [{ pool, allocation: pool.allocation }] : []))
      .sort((a, b) => rank(a) - rank(b));
    for (const pool of this.all)
      if (pool.frozen === null)
        for (const service of pool.terms?.reserved.keys() ?? [])
          this.reserving.set(service, [...(this.reserving.get(service) ?? []), pool]);
    this.byName = new Map(pools.map((pool) => [pool.name, pool]));
  }

  /** The pools that have an address reserved for the Service, by name. */
  reservedFor(service: string): readonly Pool[] {
    return this.reserving.get(service) ?? [];
  }

  get(name: string): Pool | undefined {
    return this.byName.get(name);
  }

  /** The same object for all Services of a namespace that the same pools admit. */
  candidates({ namespace, labels }: Service): Candidates {
    let entry = this.byNamespace.get(namespace);
    if (!entry) {
      const pinned = this.pinned.filter(({ allocation }) => allocation.namespaces?.has(namespace) ?? true);
      entry = { pinned, found: new Map() };
      this.byNamespace.set(namespace, entry);
    }
    let admitted = "";
    for (const { allocation } of entry.pinned)
      if (allocation.hasServiceSelectors) admitted += allocation.services(labels) ? "1" : "0";
    let candidates = entry.found.get(admitted);
    if (!candidates) {
      const pinned = entry.pinned.filter(({ allocation }) => allocation.services(labels)).map(({ pool }) => pool);
      const all = [...pinned, ...this.open];
      const outside = all.filter(({ terms }) => terms?.ipam !== undefined);
      candidates = { pinned, open: this.open, outside, free: freeNeeds(all) };
      entry.found.set(admitted, candidates);
    }
    return candidates;
  }
}

function freeNeeds(pools: readonly Pool[]): Candidates["free"] {
  const lists = new Map<string, readonly string[]>();
  return (families) => {
    const key = families.join();
    let list = lists.get(key);
    if (!list) {
      list = pools.flatMap((pool) =>
        families.filter((family) => pool.families.has(family)).map((family) => need.free(pool.name, family)),
      );
      lists.set(key, list);
    }
    return list;
  };
}

const byName = (a: Pool, b: Pool): number => (a.name < b.name ? -1 : 1);

/** 1 is best; 0, which is "not set", comes last. */
const rank = ({ allocation }: Pinned): number => allocation.priority || Number.MAX_VALUE;
