import { type Pool, PoolLookup } from "#config";
import { type Family, type Ip, ip, ipEquals } from "#net";
import { type Conflict, type Holder, type Holding, sameHolder } from "./holder.ts";
import { need } from "./need.ts";
import { PoolSpace } from "./pool-space.ts";
import { samePool } from "./same-pool.ts";

interface Usage {
  readonly family: Family;
  readonly value: bigint;
  space: PoolSpace | null;
  readonly users: Set<string>;
  /** Null where there is one user who shares with nobody. `ports`: port → who serves it. */
  readonly sharing: { readonly group: string; readonly ports: Map<string, string> } | null;
}

const NOBODY: ReadonlySet<string> = new Set();

/**
 * Who uses which address, and what is free. Derived state: it is rebuilt from the Services' own
 * status at start and kept by difference afterwards. An address may outlive its pool here, until its
 * Services are decided anew.
 */
export class AddressIndex {
  private readonly usage: Readonly<Record<Family, Map<bigint, Usage>>> = { 4: new Map(), 6: new Map() };
  private readonly byService = new Map<string, Holding>();
  private spaces = new Map<string, Readonly<Record<Family, PoolSpace>>>();
  private lookup = new PoolLookup({ pools: [] });
  private touched = new Set<Usage>();
  /** Needs of those whose namespace has fewer addresses now. */
  private eased = new Set<string>();
  /** Grows when something became possible that was not before. */
  gained = 0;

  /**
   * Takes over the pools; those that are the same object, or say the same, stay as they are. Returns the
   * Services that hold something of a pool that says something else now, or of which an address is
   * another pool's.
   */
  setPools(pools: readonly Pool[]): ReadonlySet<string> {
    const spaces = new Map<string, Readonly<Record<Family, PoolSpace>>>();
    const same = new Set<string>();
    for (const pool of pools) {
      const before = this.spaces.get(pool.name);
      if (before && samePool(before[4].pool, pool)) {
        same.add(pool.name);
        spaces.set(pool.name, before);
      } else spaces.set(pool.name, { 4: new PoolSpace(pool, 4), 6: new PoolSpace(pool, 6) });
    }
    if (same.size === pools.length && pools.length === this.spaces.size) return new Set();
    this.spaces = spaces;
    this.lookup = new PoolLookup({ pools: Array.from(spaces.values(), (space) => space[4].pool) });
    const affected = new Set<string>();
    for (const family of [4, 6] as const) {
      for (const usage of this.usage[family].values()) {
        const space = this.spaceOf(ip(family, usage.value));
        if (space === usage.space) continue;
        usage.space = space;
        if (space) occupy(space, usage);
        for (const user of usage.users) affected.add(user);
      }
    }
    for (const { key, pool } of this.byService.values()) if (!same.has(pool)) affected.add(key);
    return affected;
  }

  /** The pool that gives out the address; null for one in no pool, or left out by avoidBuggyIPs. */
  poolOf(address: Ip): Pool | null {
    return this.spaceOf(address)?.pool ?? null;
  }

  /**
   * The pools from which the addresses may be held, the best first: see `PoolLookup.holding`. `named`: the pool
   * that the Service's status names.
   */
  *holding(ips: readonly Ip[], named: string | null): Generator<Pool, undefined> {
    for (const pool of this.lookup.holding(ips, named))
      if (pool.frozen !== null || ips.every((address) => this.poolOf(address) === pool)) yield pool;
  }

  space(pool: string, family: Family): PoolSpace | null {
    return this.spaces.get(pool)?.[family] ?? null;
  }

  held(key: string): Holding | null {
    return this.byService.get(key) ?? null;
  }

  holdings(): ReadonlyMap<string, Holding> {
    return this.byService;
  }

  /** Who uses the address, ascending. */
  usersOf({ family, value }: Ip): readonly string[] {
    return [...(this.usage[family].get(value)?.users ?? NOBODY)].sort();
  }

  /** Why the Service may not have the address; null when it may. Its own use never hinders it. */
  conflict(holder: Holder, address: Ip): Conflict | null {
    const usage = this.usage[address.family].get(address.value);
    if (!usage || (usage.users.size === 1 && usage.users.has(holder.key))) return null;
    if (usage.sharing === null || usage.sharing.group !== holder.group) {
      const users = [...usage.users].filter((user) => user !== holder.key).sort();
      return { kind: "sharing", ip: address, users };
    }
    for (const port of holder.ports) {
      const owner = usage.sharing.ports.get(port);
      if (owner !== undefined && owner !== holder.key) return { kind: "port", ip: address, port };
    }
    return null;
  }

  /** An address of the pool that is reserved for the Service, and that it may have. */
  reserved(holder: Holder, pool: string, family: Family): Ip | null {
    const own = this.space(pool, family)?.pool.terms?.reserved.get(holder.key);
    return own?.find((address) => address.family === family && this.conflict(holder, address) === null) ?? null;
  }

  /** The Service that an address is reserved for; null: for none. */
  reservedFor(address: Ip): string | null {
    return this.spaceOf(address)?.reserved.get(address.value) ?? null;
  }

  /** Whether a Service of the namespace may have these addresses of the pool too, as far as quotas say. */
  allows(namespace: string, pool: Pool, ips: readonly Ip[]): boolean {
    const usersOf = ({ family, value }: Ip) => this.usage[family].get(value)?.users ?? NOBODY;
    return this.allowsMore(namespace, pool, () => ips.filter((each) => !isIn(namespace, usersOf(each))).length);
  }

  /** The same of so many addresses that it does not use. */
  allowsMore(namespace: string, { name, terms }: Pool, more: () => number): boolean {
    const quota = terms?.quotas.get(namespace) ?? terms?.quotas.get("*");
    if (quota === undefined) return true;
    let all = more();
    for (const family of [4, 6] as const) all += this.space(name, family)?.byNamespace?.get(namespace) ?? 0;
    return all <= quota;
  }

  /** First fit: the lowest address of the pool that is free or that the Service may share. */
  first(holder: Holder, pool: string, family: Family): Ip | null {
    const space = this.space(pool, family);
    if (!space || space.pool.frozen !== null) return null;
    const free = this.firstFree(space);
    const shared = space.firstShared(
      holder,
      (value) =>
        (space.reserved.get(value) ?? holder.key) === holder.key && this.conflict(holder, ip(family, value)) === null,
    );
    if (shared === null) return free === null ? null : ip(family, free);
    if (free === null) return ip(family, shared);
    return ip(family, (space.position(shared) as bigint) < (space.position(free) as bigint) ? shared : free);
  }

  /** Sets what the Service holds. The caller has made sure that nothing conflicts. */
  hold(holding: Holding): void {
    const before = this.byService.get(holding.key);
    const same = before !== undefined && sameHolder(before, holding);
    for (const address of before?.ips ?? [])
      if (!same || !holding.ips.some((kept) => ipEquals(kept, address))) this.leave(before as Holding, address);
    this.byService.set(holding.key, holding);
    for (const address of holding.ips)
      if (!same || !before.ips.some((kept) => ipEquals(kept, address))) this.enter(holding, address);
  }

  release(key: string): Holding | null {
    const holding = this.byService.get(key);
    if (!holding) return null;
    this.byService.delete(key);
    for (const address of holding.ips) this.leave(holding, address);
    return holding;
  }

  /**
   * What became possible since the last call: {@link need} → the space that has a free address, or
   * null for other gains.
   */
  takeGains(): ReadonlyMap<string, PoolSpace | null> {
    const gains = new Map<string, PoolSpace | null>();
    const [touched, eased] = [this.touched, this.eased];
    this.touched = new Set();
    this.eased = new Set();
    for (const each of eased) gains.set(each, null);
    for (const { family, value, space, sharing, users } of touched) {
      gains.set(need.address(ip(family, value)), null);
      if (space && sharing) gains.set(need.shared(space.pool.name, family, sharing.group), null);
      if (space && users.size === 0) gains.set(need.free(space.pool.name, family), space);
    }
    return gains;
  }

  /** Whether the space has no address that nobody uses. */
  exhausted(space: PoolSpace): boolean {
    return this.firstFree(space) === null;
  }

  private firstFree(space: PoolSpace): bigint | null {
    // What an IPAM chooses is never free by itself.
    if (space.isOutside) return null;
    const usage = this.usage[space.family];
    return space.first((value) => usage.has(value) || space.reserved.has(value));
  }

  private spaceOf(address: Ip): PoolSpace | null {
    const pool = this.lookup.of(address);
    const space = pool && this.space(pool.name, address.family);
    return space && space.position(address.value) !== null ? space : null;
  }

  private enter(holder: Holder, address: Ip): void {
    const { family, value } = address;
    let usage = this.usage[family].get(value);
    if (!usage) {
      const space = this.spaceOf(address);
      usage = {
        family,
        value,
        space,
        users: new Set(),
        sharing: holder.group === null ? null : { group: holder.group, ports: new Map() },
      };
      this.usage[family].set(value, usage);
      if (space) occupy(space, usage);
    }
    const namespace = namespaceOf(holder.key);
    if (usage.space?.byNamespace && !isIn(namespace, usage.users)) count(usage.space.byNamespace, namespace, 1);
    usage.users.add(holder.key);
    if (!usage.sharing) return;
    for (const port of holder.ports) usage.sharing.ports.set(port, holder.key);
    this.touch(usage);
  }

  private touch(usage: Usage): void {
    this.touched.add(usage);
    this.gained++;
  }

  private leave(holder: Holder, address: Ip): void {
    const usage = this.usage[address.family].get(address.value) as Usage;
    usage.users.delete(holder.key);
    this.touch(usage);
    const { space, sharing, value } = usage;
    const namespace = namespaceOf(holder.key);
    if (space?.byNamespace && !isIn(namespace, usage.users)) {
      count(space.byNamespace, namespace, -1);
      this.eased.add(need.quota(space.pool.name, namespace));
    }
    for (const port of holder.ports) sharing?.ports.delete(port);
    if (usage.users.size > 0) {
      if (space && sharing) space.improved(sharing.group, value);
      return;
    }
    this.usage[address.family].delete(value);
    if (!space) return;
    space.used--;
    if (sharing) space.unshare(sharing.group, value);
    space.released(value);
  }
}

const namespaceOf = (key: string): string => key.slice(0, key.indexOf("/"));

function isIn(namespace: string, users: Iterable<string>): boolean {
  for (const user of users) if (namespaceOf(user) === namespace) return true;
  return false;
}

function count(counts: Map<string, number>, namespace: string, by: 1 | -1): void {
  const now = (counts.get(namespace) ?? 0) + by;
  if (now === 0) counts.delete(namespace);
  else counts.set(namespace, now);
}

function occupy(space: PoolSpace, usage: Usage): void {
  space.used++;
  if (space.byNamespace)
    for (const namespace of new Set([...usage.users].map(namespaceOf))) count(space.byNamespace, namespace, 1);
  if (usage.sharing) space.share(usage.sharing.group, usage.value);
}
