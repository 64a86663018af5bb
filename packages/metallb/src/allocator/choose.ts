import type { Pool } from "#config";
import { err, type Family, formatIp, type Ip, ok, type Result } from "#net";
import type { AddressIndex } from "./address-index.ts";
import type { Claim } from "./claim.ts";
import { askOutside, type Grants } from "./grants.ts";
import { need } from "./need.ts";
import type { Candidates, PoolCatalog } from "./pool-catalog.ts";
import { MAX_VERDICTS, type PoolReasonCode, type PoolVerdict, poolVerdict, type Refusal, refuse } from "./reasons.ts";
import { admission, closed, conflictRefusal } from "./refusals.ts";
import { quotaWishes, signature, wishes } from "./wishes.ts";

export interface Choice {
  readonly pool: string;
  readonly ips: readonly Ip[];
}

/** Picks addresses for Services that hold none: requested ones, else from the requested pool, else by itself. */
export class Chooser {
  readonly index: AddressIndex;
  readonly grants: Grants;
  private readonly catalog: PoolCatalog;
  /** Who was refused by itself since an address became free: all that are alike are refused alike. */
  private readonly misses = new Map<Candidates, Map<string, Refusal>>();
  private at = 0;

  constructor(index: AddressIndex, catalog: PoolCatalog, grants: Grants) {
    this.index = index;
    this.grants = grants;
    this.catalog = catalog;
  }

  choose(claim: Claim): Result<Choice, Refusal> {
    if (claim.request) return claim.request.ok ? this.requested(claim, claim.request.value) : claim.request;
    const own = this.reserved(claim);
    if (own) return ok(own);
    return claim.pool === null ? this.any(claim) : this.fromPool(claim, claim.pool);
  }

  /** What is reserved for the Service, with a free address of the other family beside it where it needs one. */
  private reserved(claim: Claim): Choice | null {
    for (const pool of this.catalog.reservedFor(claim.holder.key)) {
      if ((claim.pool !== null && claim.pool !== pool.name) || closed(pool, claim.service)) continue;
      const reserved = claim.families.map((family) => this.index.reserved(claim.holder, pool.name, family));
      if (reserved.every((address) => address === null)) continue;
      const ips = claim.families.flatMap(
        (family, i) => reserved[i] ?? this.index.first(claim.holder, pool.name, family) ?? [],
      );
      if (ips.length < claim.families.length && claim.strict) continue;
      if (this.index.allows(claim.service.namespace, pool, ips)) return { pool: pool.name, ips };
    }
    return null;
  }

  /** Whether the Service may go on having exactly these addresses. `from`: the pool that they came from, as far as known. */
  keep(claim: Claim, ips: readonly Ip[], from: string | null): Result<Choice, Refusal> {
    let refusal: Refusal | null = null;
    for (const pool of this.index.holding(ips, from)) {
      const why = this.leaves(claim, pool, ips);
      if (why) refusal ??= why;
      else return this.unlessShared(claim, pool, ips);
    }
    return err(refusal ?? refuse("notInConfig", { ips: ips.map(formatIp) }));
  }

  /** An address of the other family beside the one that a dual-stack Service has; an error where one outside has none. */
  additional(claim: Claim, name: string, family: Family): Result<Ip, Refusal> | null {
    const { holder, service } = claim;
    const pool = this.catalog.get(name);
    if (pool && isOutside(pool)) {
      const found = this.outside(claim, pool, [family]);
      const [first] = found.ok ? found.value.ips : [];
      if (first) return ok(first);
      const why = found.ok ? found.value.refused : found.error;
      return why && err(why);
    }
    const address = pool && (this.index.reserved(holder, name, family) ?? this.index.first(holder, name, family));
    return address && this.index.allows(service.namespace, pool, [address]) ? ok(address) : null;
  }

  /** Why a dual-stack Service has only one address, and what it waits for. */
  lack(claim: Claim, { pool: name, ips }: Choice): Refusal {
    const families = claim.families.filter((family) => ips.every((address) => address.family !== family));
    const pool = this.catalog.get(name);
    const outside = pool && isOutside(pool) ? this.refusedOutside({ ...claim, families }, pool) : null;
    if (outside) return outside;
    const free = families.map((family) => need.free(name, family));
    return {
      ...refuse("poolExhaustedDual", { pool: name }),
      wishes: pool ? wishes({ ...claim, families }, free, [pool]) : [],
    };
  }

  /** What a Service asked for and cannot be given because the pool's object is wrong; null: it asked for no such thing. */
  frozenWish({ pool: named, request }: Claim): Refusal | null {
    const pool = named === null ? null : this.catalog.get(named);
    if (pool?.frozen) return refuse("poolFrozen", { pool: pool.name });
    if (!request?.ok) return null;
    const [wanted] = this.index.holding(request.value, null);
    // Addresses of no pool may be those of one that cannot be read.
    const frozen = wanted ? wanted.frozen && wanted : this.catalog.unreadable;
    return frozen ? refuse("poolFrozen", { pool: frozen.name }) : null;
  }

  /** Why addresses of the pool are not to be kept; null: they are. What a frozen pool gave is kept. */
  private leaves(claim: Claim, pool: Pool, ips: readonly Ip[]): Refusal | null {
    if (claim.pool !== null && claim.pool !== pool.name && !this.frozenWish(claim))
      return refuse("requestPool", { ips: ips.map(formatIp), pool: claim.pool });
    // Selectors that match no namespace close a pool for what is new; upstream keeps what it gave.
    return pool.frozen || pool.allocation?.namespaces?.size === 0 ? null : closed(pool, claim.service);
  }

  private requested(claim: Claim, ips: readonly Ip[]): Result<Choice, Refusal> {
    const pools = ips.map((address) => this.index.poolOf(address));
    const pool = pools[0];
    if (!pool || pools.some((other) => other?.name !== pool.name))
      return err(refuse("notInConfig", { ips: ips.map(formatIp) }));
    if (claim.pool !== null && claim.pool !== pool.name)
      return err(refuse("requestPool", { ips: ips.map(formatIp), pool: claim.pool }));
    if (pool.frozen) return err(refuse("poolFrozen", { pool: pool.name }));
    const why = closed(pool, claim.service) ?? this.withheld(claim, pool, ips);
    if (why) return err(why);
    const choice = this.unlessShared(claim, pool, ips);
    if (!choice.ok || !isOutside(pool)) return choice;
    const found = this.outside(claim, pool, ips);
    if (!found.ok) return found;
    return found.value.refused ? err(found.value.refused) : choice;
  }

  /** Why addresses that are asked for are not given beyond what upstream asks: somebody else's, or too many. */
  private withheld(claim: Claim, pool: Pool, ips: readonly Ip[]): Refusal | null {
    for (const address of ips) {
      const service = this.index.reservedFor(address);
      if (service !== null && service !== claim.holder.key)
        return refuse("reserved", { ip: formatIp(address), service });
    }
    const { namespace } = claim.service;
    return this.index.allows(namespace, pool, ips)
      ? null
      : { ...refuse("quota", { namespace, pool: pool.name }), wishes: quotaWishes(claim, [pool]) };
  }

  private unlessShared(claim: Claim, pool: Pool, ips: readonly Ip[]): Result<Choice, Refusal> {
    for (const address of ips) {
      const conflict = this.index.conflict(claim.holder, address);
      if (conflict) return err(conflictRefusal(claim, ips, conflict));
    }
    return ok({ pool: pool.name, ips });
  }

  private fromPool(claim: Claim, name: string): Result<Choice, Refusal> {
    const pool = this.catalog.get(name);
    if (!pool) return err(refuse("unknownPool", { pool: name }));
    if (pool.frozen) return err({ ...refuse("poolFrozen", { pool: name }), pools: [poolVerdict(name, "frozen")] });
    const why = closed(pool, claim.service);
    if (why) return err(why);
    const choice = this.best(claim, [pool]);
    if (choice) return choice;
    const refused = isOutside(pool) ? this.refusedOutside(claim, pool) : null;
    if (refused) return err(refused);
    const families = claim.families.filter((family) => pool.families.has(family));
    const { namespace } = claim.service;
    if (this.isAtQuota(claim, pool))
      return err({
        ...refuse("quota", { namespace, pool: name }),
        pools: [poolVerdict(name, "quota")],
        wishes: quotaWishes(claim, [pool]),
      });
    return err({
      ...refuse(claim.families.length === 2 ? "poolExhaustedDual" : "poolExhausted", { pool: name }),
      pools: [this.verdict(pool, claim, true)],
      wishes: wishes(
        claim,
        families.map((family) => need.free(name, family)),
        [pool],
      ),
    });
  }

  private any(claim: Claim): Result<Choice, Refusal> {
    const candidates = this.catalog.candidates(claim.service);
    if (this.at !== this.index.gained) this.misses.clear();
    this.at = this.index.gained;
    let misses = this.misses.get(candidates);
    if (!misses) {
      misses = new Map();
      this.misses.set(candidates, misses);
    }
    const like = signature(claim);
    const outside = candidates.outside;
    // What an IPAM says is said to one Service.
    const known = outside.length > 0 ? undefined : misses.get(like);
    if (known) return err(known);
    const choice = this.best(claim, candidates.pinned) ?? this.best(claim, candidates.open);
    if (choice) return choice;
    const asks = outside.flatMap((pool) => this.refusedOutside(claim, pool)?.asks ?? []);
    const usable = [...candidates.pinned, ...candidates.open];
    const refusal = {
      ...refuse("exhausted"),
      pools: this.catalog.all.slice(0, MAX_VERDICTS).map((pool) => this.verdict(pool, claim, false)),
      wishes: wishes(claim, candidates.free(claim.families), usable),
      ...(asks.length > 0 ? { asks } : {}),
    };
    misses.set(like, refusal);
    return err(refusal);
  }

  /**
   * The first pool that has what is asked for; where one family is enough, the first that has the better one. An
   * error: the Service waits for an answer from outside before later pools are looked at.
   */
  private best(claim: Claim, pools: readonly Pool[]): Result<Choice, Refusal> | null {
    const partial: Partial<Record<Family, Choice>> = {};
    const allows = (pool: Pool, ips: readonly Ip[]): boolean => this.index.allows(claim.service.namespace, pool, ips);
    for (const pool of pools) {
      const { name } = pool;
      const found = this.firstOf(claim, pool);
      if (!found.ok) return found;
      const ips = found.value;
      for (const address of ips)
        if (!partial[address.family] && allows(pool, [address]))
          partial[address.family] = { pool: name, ips: [address] };
      if (ips.length === claim.families.length && allows(pool, ips)) return ok({ pool: name, ips });
    }
    if (claim.strict || claim.families.length === 1) return null;
    const one = partial[claim.primary] ?? partial[claim.primary === 4 ? 6 : 4];
    return one ? ok(one) : null;
  }

  /** One address of each of the Service's families, where the pool has one. */
  private firstOf(claim: Claim, pool: Pool): Result<readonly Ip[], Refusal> {
    const { families, holder } = claim;
    if (!isOutside(pool)) return ok(families.flatMap((family) => this.index.first(holder, pool.name, family) ?? []));
    const found = this.outside(claim, pool, families);
    return found.ok ? ok(found.value.ips) : found;
  }

  /** What an IPAM says; nothing is asked for a namespace at its quota. */
  private outside(claim: Claim, pool: Pool, wanted: readonly (Ip | Family)[]): Result<Found, Refusal> {
    if (pool.frozen || !this.index.allowsMore(claim.service.namespace, pool, () => 1))
      return ok({ ips: [], refused: null });
    const answer = askOutside(this, claim, pool, wanted);
    return answer.kind === "waits" ? err(answer.refusal) : ok(answer);
  }

  private refusedOutside(claim: Claim, pool: Pool): Refusal | null {
    const found = this.outside(claim, pool, claim.families);
    return found.ok ? found.value.refused : found.error;
  }

  private isAtQuota({ service: { namespace }, holder, families }: Claim, pool: Pool): boolean {
    if (isOutside(pool)) return !this.index.allowsMore(namespace, pool, () => 1);
    const ips = families.flatMap((family) => this.index.first(holder, pool.name, family) ?? []);
    return ips.length > 0 && !this.index.allows(namespace, pool, ips);
  }

  /** Why the pool had nothing. */
  private verdict(pool: Pool, claim: Claim, named: boolean): PoolVerdict {
    const code: PoolReasonCode | null = pool.frozen
      ? "frozen"
      : !pool.autoAssign && !named
        ? "notAutoAssign"
        : admission(pool, claim.service);
    if (code) return poolVerdict(pool.name, code);
    const offered = claim.families.filter((family) => pool.families.has(family)).length;
    if (offered === 0) return poolVerdict(pool.name, "noFamily");
    if (offered < claim.families.length) return poolVerdict(pool.name, "oneFamilyOnly");
    const [refused] = (isOutside(pool) && this.refusedOutside(claim, pool)?.pools) || [];
    if (refused) return refused;
    return poolVerdict(pool.name, pool.terms && this.isAtQuota(claim, pool) ? "quota" : "full");
  }
}

/** Addresses that somebody outside lets a Service have; `refused`: why not one of each family, null where it can. */
interface Found {
  readonly ips: readonly Ip[];
  readonly refused: Refusal | null;
}

/** An IPAM chooses the pool's addresses. */
const isOutside = ({ terms }: Pool): boolean => terms?.ipam !== undefined;
