import type { Family, Ip } from "#net";
import type { Config, Pool } from "./config.ts";

interface Entry {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
  readonly pool: Pool;
}

/** Finds the pool of addresses in O(log ranges). Made once a configuration. */
export class PoolLookup {
  private readonly entries: readonly Entry[];
  private readonly byName: ReadonlyMap<string, Pool>;
  private readonly frozen: readonly Pool[];
  private readonly departed: Config["departed"] | null;

  constructor({ pools, departed }: Pick<Config, "pools"> & Partial<Pick<Config, "departed">>) {
    this.entries = pools
      .flatMap((pool) => pool.ranges.map(({ family, first, last }) => ({ family, first, last, pool })))
      .sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1));
    this.byName = new Map(pools.map((pool) => [pool.name, pool]));
    this.frozen = pools.filter(({ frozen }) => frozen !== null);
    this.departed = departed ?? null;
  }

  get(name: string): Pool | undefined {
    return this.byName.get(name);
  }

  /** The pool whose ranges hold the address; avoidBuggyIPs is not asked. A frozen one only where no other gives it out. */
  of({ family, value }: Ip): Pool | undefined {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.entries[middle] as Entry;
      if (entry.family < family || (entry.family === family && entry.last < value)) low = middle + 1;
      else high = middle;
    }
    const entry = this.entries[low];
    return entry && entry.family === family && entry.first <= value ? entry.pool : undefined;
  }

  /** The one pool that holds all the addresses. */
  ofAll(addresses: readonly Ip[]): Pool | undefined {
    const [pool, ...others] = addresses.map((address) => this.of(address));
    return others.every((other) => other === pool) ? pool : undefined;
  }

  /**
   * The pools from which a Service can hold the addresses, the best first: the one that its own status names,
   * the one that gives them out, frozen ones, and at last, whatever the addresses, the named one when its text
   * cannot be read. `named`: what the Service's annotation says, see {@link allocatedFrom} of `api`.
   */
  *holding(addresses: readonly Ip[], named: string | null): Generator<Pool, undefined> {
    const own = named === null ? undefined : this.byName.get(named);
    const told = new Set<Pool | undefined>([undefined]);
    const has = (pool: Pool): boolean => addresses.every((address) => pool.addresses.has(address));
    const news = (pool: Pool | undefined): pool is Pool => !told.has(pool) && told.add(pool) !== undefined;
    if (own && has(own) && news(own)) yield own;
    const giving = this.ofAll(addresses);
    if (news(giving)) yield giving;
    for (const pool of this.frozen) if (has(pool) && news(pool)) yield pool;
    if (own?.unreadable && news(own)) yield own;
  }

  /**
   * The pool whose advertisements speak of the addresses of a Service that holds them. When the addresses left
   * their pool, or the pool is gone, that is still the pool that the Service's status names: the routes stay until
   * the controller has moved the Service (contract 6.1).
   */
  carrying(addresses: readonly Ip[], named: string | null): Pool | undefined {
    for (const pool of this.holding(addresses, named)) return pool;
    return named === null ? undefined : (this.byName.get(named) ?? this.departed?.(named));
  }
}
