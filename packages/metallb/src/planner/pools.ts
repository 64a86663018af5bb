import { type Config, type L2Advertisement, type Pool, PoolLookup } from "#config";
import type { IpRange } from "#net";

/** The pools that classes refer to: of equal states of a pool the first, so that classes stay too. */
export class KeptPools {
  lookup = new PoolLookup({ pools: [] });
  /** All that speak of them. */
  layer2: ReadonlySet<L2Advertisement> = new Set();
  all: readonly Pool[] = [];
  private gone = new Map<string, Pool>();

  /** Takes the pools of another configuration; gives those that stayed. */
  adopt(config: Config): ReadonlySet<Pool> {
    const before = new Map(this.all.map((pool) => [pool.name, pool]));
    const kept = new Set<Pool>();
    const pools = config.pools.map((pool) => {
      const old = before.get(pool.name);
      if (!old || !samePool(old, pool)) return pool;
      kept.add(old);
      return old;
    });
    this.lookup = new PoolLookup({ pools, departed: this.departed(config) });
    this.all = pools;
    this.layer2 = new Set(pools.flatMap(({ l2Advertisements }) => l2Advertisements));
    return kept;
  }

  /** What speaks of pools that are gone, one object each as long as it says the same. */
  private departed(config: Config): (name: string) => Pool {
    const before = this.gone;
    this.gone = new Map();
    return (name) => {
      let pool = this.gone.get(name);
      if (!pool) {
        const [old, now] = [before.get(name), config.departed(name)];
        pool = old && samePool(old, now) ? old : now;
        this.gone.set(name, pool);
      }
      return pool;
    };
  }
}

/** Whether two states of a pool say the same to a speaker: who may give out an address does not matter here. */
const samePool = (a: Pool, b: Pool): boolean =>
  a === b ||
  (a.name === b.name &&
    sameList(a.bgpAdvertisements, b.bgpAdvertisements) &&
    sameList(a.l2Advertisements, b.l2Advertisements) &&
    sameList(a.addresses.ranges, b.addresses.ranges, sameRange));

const sameRange = (a: IpRange, b: IpRange): boolean =>
  a.family === b.family && a.first === b.first && a.last === b.last;

const sameList = <T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean = Object.is): boolean =>
  a === b || (a.length === b.length && a.every((each, i) => same(each, b[i] as T)));
