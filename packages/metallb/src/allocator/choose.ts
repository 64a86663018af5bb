import type { Service } from "#api";
import type { Pool } from "#config";
import { err, type Family, formatIp, type Ip, ok, type Result } from "#net";
import { type AddressIndex, type Conflict, need } from "./address-index.ts";
import type { Claim } from "./claim.ts";
import type { PoolCatalog } from "./pool-catalog.ts";
import { MAX_VERDICTS, type PoolReasonCode, type PoolVerdict, poolVerdict, type Refusal, refuse } from "./reasons.ts";

export interface Choice {
  readonly pool: string;
  readonly ips: readonly Ip[];
}

/** Picks addresses for a Service that holds none: requested ones, else from the requested pool, else by itself. */
export function choose(index: AddressIndex, catalog: PoolCatalog, claim: Claim): Result<Choice, Refusal> {
  if (claim.request) return claim.request.ok ? check(index, claim, claim.request.value) : claim.request;
  if (claim.pool !== null) return fromPool(index, catalog, claim, claim.pool);
  const pinned = catalog.pinnedFor(claim.service.namespace).filter((pool) => admitsLabels(pool, claim.service));
  const choice = best(index, claim, pinned) ?? best(index, claim, catalog.open);
  if (choice) return ok(choice);
  const usable = [...pinned, ...catalog.open];
  return err({
    ...refuse("exhausted"),
    pools: catalog.all.slice(0, MAX_VERDICTS).map((pool) => verdict(pool, claim, false)),
    waitsFor: usable.flatMap((pool) => needs(pool, claim)),
  });
}

/** Whether the Service may have exactly these addresses: all in one pool that admits it, and shareable. */
export function check(index: AddressIndex, claim: Claim, ips: readonly Ip[]): Result<Choice, Refusal> {
  const pools = ips.map((address) => index.poolOf(address));
  const pool = pools[0];
  if (!pool || pools.some((other) => other?.name !== pool.name))
    return err(refuse("notInConfig", { ips: ips.map(formatIp) }));
  if (claim.pool !== null && claim.pool !== pool.name)
    return err(refuse("requestPool", { ips: ips.map(formatIp), pool: claim.pool }));
  const closed = admission(pool, claim.service);
  if (closed) return err({ ...refuse("poolClosed", { pool: pool.name }), pools: [poolVerdict(pool.name, closed)] });
  for (const address of ips) {
    const conflict = index.conflict(claim.holder, address);
    if (conflict) return err(conflictRefusal(claim, conflict));
  }
  return ok({ pool: pool.name, ips });
}

function conflictRefusal({ holder }: Claim, conflict: Conflict): Refusal {
  const refusal =
    conflict.kind === "port"
      ? refuse("portInUse", { port: conflict.port, ip: formatIp(conflict.ip) })
      : refuse("sharingKey", { service: holder.key, users: conflict.users.slice(0, MAX_VERDICTS) });
  return { ...refusal, waitsFor: [need.address(conflict.ip)] };
}

function fromPool(index: AddressIndex, catalog: PoolCatalog, claim: Claim, name: string): Result<Choice, Refusal> {
  const pool = catalog.get(name);
  if (!pool) return err(refuse("unknownPool", { pool: name }));
  const closed = admission(pool, claim.service);
  if (closed) return err({ ...refuse("poolClosed", { pool: name }), pools: [poolVerdict(name, closed)] });
  const choice = best(index, claim, [pool]);
  if (choice) return ok(choice);
  return err({
    ...refuse(claim.families.length === 2 ? "poolExhaustedDual" : "poolExhausted", { pool: name }),
    pools: [verdict(pool, claim, true)],
    waitsFor: needs(pool, claim),
  });
}

/** The first pool that has what is asked for; where one family is enough, the first that has the better one. */
function best(index: AddressIndex, claim: Claim, pools: readonly Pool[]): Choice | null {
  const partial: Partial<Record<Family, Choice>> = {};
  for (const { name } of pools) {
    const ips: Ip[] = [];
    for (const family of claim.families) {
      const address = index.first(claim.holder, name, family);
      if (!address) continue;
      ips.push(address);
      partial[family] ??= { pool: name, ips: [address] };
    }
    if (ips.length === claim.families.length) return { pool: name, ips };
  }
  if (claim.strict || claim.families.length === 1) return null;
  return partial[claim.primary] ?? partial[claim.primary === 4 ? 6 : 4] ?? null;
}

/** Why the pool does not admit the Service; null when it does. */
function admission({ allocation }: Pool, service: Service): PoolReasonCode | null {
  if (allocation?.namespaces && !allocation.namespaces.has(service.namespace)) return "otherNamespaces";
  return allocation && !allocation.services(service.labels) ? "otherServices" : null;
}

const admitsLabels = ({ allocation }: Pool, { labels }: Service): boolean =>
  allocation === null || allocation.services(labels);

/** Why the pool had nothing. */
function verdict(pool: Pool, claim: Claim, named: boolean): PoolVerdict {
  const code: PoolReasonCode | null = !pool.autoAssign && !named ? "notAutoAssign" : admission(pool, claim.service);
  if (code) return poolVerdict(pool.name, code);
  const offered = claim.families.filter((family) => pool.families.has(family)).length;
  if (offered === 0) return poolVerdict(pool.name, "noFamily");
  return poolVerdict(pool.name, offered < claim.families.length ? "oneFamilyOnly" : "full");
}

function needs(pool: Pool, { families, holder }: Claim): string[] {
  if (!families.every((family) => pool.families.has(family)) && families.length === 1) return [];
  return families
    .filter((family) => pool.families.has(family))
    .flatMap((family) => [
      need.free(pool.name, family),
      ...(holder.group === null ? [] : [need.shared(pool.name, family, holder.group)]),
    ]);
}
