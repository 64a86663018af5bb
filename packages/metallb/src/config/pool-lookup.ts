import type { Ip } from "#net";
import type { Config, Pool } from "./config.ts";

interface Entry {
  readonly family: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly pool: Pool;
}

/** Finds the pool of an address in O(log ranges). Made once a configuration. */
export class PoolLookup {
  private readonly entries: readonly Entry[];

  constructor({ pools }: Pick<Config, "pools">) {
    this.entries = pools
      .flatMap((pool) => pool.addresses.ranges.map(({ family, first, last }) => ({ family, first, last, pool })))
      .sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1));
  }

  /** The pool whose ranges hold the address; avoidBuggyIPs is not asked. */
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
}
