import type { Pool } from "#config";
import type { Claim } from "./claim.ts";
import { need } from "./need.ts";
import type { Wish } from "./waiters.ts";

/** Services of equal signatures that may use the same pools are equally served or refused. */
export const signature = ({ families, strict, holder }: Claim): string =>
  `${families.join()} ${strict} ${sharing(holder)}`;

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

/** The namespace has fewer addresses of a pool. */
export function quotaWishes(claim: Claim, pools: readonly Pool[]): readonly Wish[] {
  const { namespace } = claim.service;
  const limited = pools.filter(({ terms }) => terms?.quotas.has(namespace) || terms?.quotas.has("*"));
  if (limited.length === 0) return [];
  return [{ needs: limited.map(({ name }) => need.quota(name, namespace)), signature: signature(claim) }];
}
