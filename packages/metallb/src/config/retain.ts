import { RangeSet } from "#net";
import { type Attachable, AttachableIndex } from "./advertisements.ts";
import { sameItems } from "./age.ts";
import { type AttachedBgp, BgpAttacher } from "./attach.ts";
import { type Standing, type Standings, standings } from "./claims.ts";
import type { BgpAdvertisement, Config, L2Advertisement, Pool } from "./config.ts";
import type { Namespaces } from "./namespaces.ts";
import type { BarePool, PoolReading } from "./pools.ts";

type Bgp = Attachable<BgpAdvertisement>;
type L2 = Attachable<L2Advertisement>;

/** What still counts of what was read. */
export interface Retained {
  readonly standings: Standings;
  readonly bgp: readonly Bgp[];
  readonly l2: readonly L2[];
  readonly attached: ReadonlyMap<string, Attached>;
  /** By name; the same list as before when nothing differs. */
  readonly pools: readonly Pool[];
  readonly departed: Config["departed"];
}

interface Attached {
  readonly reading: PoolReading;
  readonly pool: Pool;
  readonly candidates: readonly Bgp[];
  readonly bgp: AttachedBgp;
  readonly l2: readonly L2[];
}

/**
 * Which pools count, which are frozen, and what speaks of each. Every object that exists stays in; what
 * did not change is taken over from before.
 */
export function retain(
  readings: readonly PoolReading[],
  bgp: readonly Bgp[],
  l2: readonly L2[],
  namespaces: Namespaces,
  before: Retained | null,
): Retained {
  const found = before && sameItems(before.standings.of, readings) ? before.standings : standings(readings);
  const speakers = new Speakers(bgp, l2, before);
  const attached = new Map<string, Attached>();
  for (const reading of readings) {
    const bare = bareOf(reading, found.standing.get(reading.name), namespaces);
    attached.set(reading.name, speakers.attach(reading, bare, before?.attached.get(reading.name)));
  }
  const pools = [...attached.values()].map(({ pool }) => pool);
  return {
    standings: found,
    bgp,
    l2,
    attached,
    pools: before && sameItems(before.pools, pools) ? before.pools : pools,
    departed: before && speakers.areTheSame ? before.departed : (name) => speakers.departed(name),
  };
}

function bareOf(reading: PoolReading, standing: Standing | undefined, namespaces: Namespaces): BarePool {
  const { name, addresses, families, unreadable, autoAssign, avoidBuggyIPs, allocation, terms } = reading;
  return {
    name,
    ranges: standing?.ranges ?? [],
    addresses,
    frozen: standing?.frozen ?? null,
    unreadable,
    families,
    autoAssign,
    avoidBuggyIPs,
    allocation: allocation && namespaces.resolve(name, allocation),
    ...(terms ? { terms } : {}),
  };
}

/** More pools than this that are gone, and still named by Services, are looked up anew each time. */
const MAX_DEPARTED = 1_000;

/** The advertisements of pools, kept from before where neither they nor the pool changed. */
class Speakers {
  readonly areTheSame: boolean;
  private readonly bgp: AttachableIndex<BgpAdvertisement>;
  private readonly l2: AttachableIndex<L2Advertisement>;
  private readonly attacher = new BgpAttacher();
  private readonly gone = new Map<string, Pool>();

  constructor(bgp: readonly Bgp[], l2: readonly L2[], before: Retained | null) {
    this.areTheSame = before !== null && sameItems(before.bgp, bgp) && sameItems(before.l2, l2);
    this.bgp = new AttachableIndex(bgp);
    this.l2 = new AttachableIndex(l2);
  }

  attach(reading: PoolReading, bare: BarePool, before: Attached | undefined): Attached {
    const { name, labels } = reading;
    const sameReading = before?.reading === reading;
    const [candidates, l2] =
      sameReading && this.areTheSame
        ? [before.candidates, before.l2]
        : [this.bgp.of(name, labels), this.l2.of(name, labels)];
    const sameBgp = sameReading && before.pool.frozen === bare.frozen && sameItems(before.candidates, candidates);
    const bgp = sameBgp ? before.bgp : this.attacher.attach(bare, candidates);
    const sameL2 = before !== undefined && sameItems(before.l2, l2);
    const samePool =
      sameBgp && sameL2 && before.pool.allocation === bare.allocation && sameItems(before.pool.ranges, bare.ranges);
    const pool = samePool
      ? before.pool
      : {
          ...bare,
          bgpAdvertisements:
            before && sameItems(before.pool.bgpAdvertisements, bgp.advertisements)
              ? before.pool.bgpAdvertisements
              : bgp.advertisements,
          l2Advertisements: sameL2 ? before.pool.l2Advertisements : l2.map(({ advertisement }) => advertisement),
        };
    return { reading, pool, candidates, bgp, l2 };
  }

  /** A pool without labels or addresses, as far as its name alone says who speaks of it. */
  departed(name: string): Pool {
    const known = this.gone.get(name);
    if (known) return known;
    const pool: Pool = {
      name,
      ranges: [],
      addresses: RangeSet.empty,
      frozen: "invalid",
      unreadable: true,
      families: RangeSet.empty.families,
      autoAssign: false,
      avoidBuggyIPs: false,
      allocation: null,
      bgpAdvertisements: this.bgp.of(name, {}).map(({ advertisement }) => advertisement),
      l2Advertisements: this.l2.of(name, {}).map(({ advertisement }) => advertisement),
    };
    if (this.gone.size < MAX_DEPARTED) this.gone.set(name, pool);
    return pool;
  }
}
