import type { Service } from "#api";
import type { Pool } from "#config";
import { err, type Family, formatIp, type Ip, ok, type Result } from "#net";
import type { AddressIndex, Conflict } from "./address-index.ts";
import type { Claim } from "./claim.ts";
import { need } from "./need.ts";
import type { Candidates, PoolCatalog } from "./pool-catalog.ts";
import { MAX_VERDICTS, type PoolReasonCode, type PoolVerdict, poolVerdict, type Refusal, refuse } from "./reasons.ts";
import type { Wish } from "./waiters.ts";

export interface Choice {
  readonly pool: string;
  readonly ips: readonly Ip[];
}

/** Picks addresses for Services that hold none: requested ones, else from the requested pool, else by itself. */
export class Chooser {
  private readonly index: AddressIndex;
  private readonly catalog: PoolCatalog;
  /** Who was refused by itself since an address became free: all that are alike are refused alike. */
  private readonly misses = new Map<Candidates, Map<string, Refusal>>();
  private at = 0;

  constructor(index: AddressIndex, catalog: PoolCatalog) {
    this.index = index;
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

  /** An address of the other family beside the one that a dual-stack Service has. */
  additional({ holder, service }: Claim, name: string, family: Family): Ip | null {
    const pool = this.catalog.get(name);
    const address = pool && (this.index.reserved(holder, name, family) ?? this.index.first(holder, name, family));
    return address && this.index.allows(service.namespace, pool, [address]) ? address : null;
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
    return why ? err(why) : this.unlessShared(claim, pool, ips);
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
    if (choice) return ok(choice);
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
    const known = misses.get(like);
    if (known) return err(known);
    const choice = this.best(claim, candidates.pinned) ?? this.best(claim, candidates.open);
    if (choice) return ok(choice);
    const usable = [...candidates.pinned, ...candidates.open];
    const refusal = {
      ...refuse("exhausted"),
      pools: this.catalog.all.slice(0, MAX_VERDICTS).map((pool) => this.verdict(pool, claim, false)),
      wishes: wishes(claim, candidates.free(claim.families), usable),
    };
    misses.set(like, refusal);
    return err(refusal);
  }

  /** The first pool that has what is asked for; where one family is enough, the first that has the better one. */
  private best(claim: Claim, pools: readonly Pool[]): Choice | null {
    const partial: Partial<Record<Family, Choice>> = {};
    const allows = (pool: Pool, ips: readonly Ip[]): boolean => this.index.allows(claim.service.namespace, pool, ips);
    for (const pool of pools) {
      const { name } = pool;
      const ips: Ip[] = [];
      for (const family of claim.families) {
        const address = this.index.first(claim.holder, name, family);
        if (!address) continue;
        ips.push(address);
        if (!partial[family] && allows(pool, [address])) partial[family] = { pool: name, ips: [address] };
      }
      if (ips.length === claim.families.length && allows(pool, ips)) return { pool: name, ips };
    }
    if (claim.strict || claim.families.length === 1) return null;
    return partial[claim.primary] ?? partial[claim.primary === 4 ? 6 : 4] ?? null;
  }

  private isAtQuota({ service: { namespace }, holder, families }: Claim, pool: Pool): boolean {
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
    return poolVerdict(pool.name, pool.terms && this.isAtQuota(claim, pool) ? "quota" : "full");
  }
}

function conflictRefusal(claim: Claim, ips: readonly Ip[], conflict: Conflict): Refusal {
  const { holder } = claim;
  const refusal =
    conflict.kind === "port"
      ? refuse("portInUse", { port: conflict.port, ip: formatIp(conflict.ip) })
      : refuse("sharingKey", { service: holder.key, users: conflict.users.slice(0, MAX_VERDICTS) });
  const wish = { needs: [need.address(conflict.ip)], signature: `${ips.map(formatIp).join()} ${signature(claim)}` };
  return { ...refusal, wishes: [wish] };
}

/** Services of equal signatures that may use the same pools are equally served or refused. */
const signature = ({ families, strict, holder }: Claim): string => `${families.join()} ${strict} ${sharing(holder)}`;

const sharing = ({ group, ports }: Claim["holder"]): string => (group === null ? "" : `${group} ${ports.join()}`);

/**
 * A free address, or one that it may share. A free one serves whoever waits for it, however it shares, unless that
 * Service needs one of the other family too.
 */
export function wishes(claim: Claim, free: readonly string[], pools: readonly Pool[]): readonly Wish[] {
  const { families, strict, holder } = claim;
  const alike = strict && families.length === 2 ? signature(claim) : `${families.join()} ${strict}`;
  const list: Wish[] = [{ needs: free, signature: alike }, ...quotaWishes(claim, pools)];
  const { group } = holder;
  if (group === null) return list;
  const shared = pools.flatMap((pool) =>
    families.filter((family) => pool.families.has(family)).map((family) => need.shared(pool.name, family, group)),
  );
  return [...list, { needs: shared, signature: signature(claim) }];
}

function closed(pool: Pool, service: Service): Refusal | null {
  const code = admission(pool, service);
  return code && { ...refuse("poolClosed", { pool: pool.name }), pools: [poolVerdict(pool.name, code)] };
}

/** Why the pool does not admit the Service; null when it does. */
function admission({ allocation }: Pool, service: Service): PoolReasonCode | null {
  if (allocation?.namespaces && !allocation.namespaces.has(service.namespace)) return "otherNamespaces";
  return allocation && !allocation.services(service.labels) ? "otherServices" : null;
}

/** The namespace has fewer addresses of a pool. */
function quotaWishes(claim: Claim, pools: readonly Pool[]): readonly Wish[] {
  const { namespace } = claim.service;
  const limited = pools.filter(({ terms }) => terms?.quotas.has(namespace) || terms?.quotas.has("*"));
  if (limited.length === 0) return [];
  return [{ needs: limited.map(({ name }) => need.quota(name, namespace)), signature: signature(claim) }];
}
