import type { Pool } from "#config";

/** The pools in the orders in which they are asked. */
export class PoolCatalog {
  /** By name. */
  readonly all: readonly Pool[];
  /** Those for everybody: autoAssign without serviceAllocation, by name. */
  readonly open: readonly Pool[];
  readonly #pinned: readonly Pool[];
  readonly #byName: ReadonlyMap<string, Pool>;
  readonly #byNamespace = new Map<string, readonly Pool[]>();

  constructor(pools: readonly Pool[]) {
    this.all = pools.toSorted(byName);
    this.open = this.all.filter((pool) => pool.autoAssign && pool.allocation === null);
    this.#pinned = this.all
      .filter((pool) => pool.autoAssign && pool.allocation !== null)
      .sort((a, b) => priority(a) - priority(b) || byName(a, b));
    this.#byName = new Map(pools.map((pool) => [pool.name, pool]));
  }

  get(name: string): Pool | undefined {
    return this.#byName.get(name);
  }

  /** The pinned pools that admit the namespace, best priority first. */
  pinnedFor(namespace: string): readonly Pool[] {
    let pools = this.#byNamespace.get(namespace);
    if (!pools) {
      pools = this.#pinned.filter(({ allocation }) => allocation?.namespaces?.has(namespace) ?? true);
      this.#byNamespace.set(namespace, pools);
    }
    return pools;
  }
}

const byName = (a: Pool, b: Pool): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** 1 is best; 0, which is "not set", comes last. */
const priority = ({ allocation }: Pool): number => allocation?.priority || Number.POSITIVE_INFINITY;
