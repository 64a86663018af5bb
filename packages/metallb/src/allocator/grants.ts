import type { Service } from "#api";
import type { Pool } from "#config";
import { type Family, formatIp, type Ip } from "#net";
import type { AddressIndex } from "./address-index.ts";
import type { Ask } from "./ask.ts";
import type { Claim } from "./claim.ts";
import { poolVerdict, type Refusal, refuse } from "./reasons.ts";

/** What an IPAM outside says of an address for a Service. */
export type Grant =
  | { readonly kind: "granted"; readonly ip: Ip }
  /** It is asked, or is to be asked, and has not answered yet. */
  | { readonly kind: "asked" }
  /** It does not answer. */
  | { readonly kind: "away"; readonly message: string }
  /** It has none for the Service, or not this one, or its answer cannot be used. */
  | { readonly kind: "refused"; readonly message: string };

/** What is known of the IPAM's answers: facts like the objects that a watch shows. */
export interface Grants {
  find(service: Service, ask: Ask): Grant;
  /** Why the IPAM does not let the Service have an address that it holds; null: it does, or has not said. */
  denial(service: Service, address: Ip): string | null;
}

export const NO_IPAM: Grants = {
  find: () => ({ kind: "refused", message: "this controller was given none: see --ipam-url" }),
  denial: () => null,
};

/** Of a pool of which an IPAM chooses the addresses: those that the Service may have of it, or why there are none. */
export type Outside =
  | { readonly kind: "has"; readonly ips: readonly Ip[]; readonly refused: Refusal | null }
  /** The Service waits for the answer, whatever other pools have. */
  | { readonly kind: "waits"; readonly refusal: Refusal };

/**
 * Asks for one address of each family, or for those in `wanted`. An address that the Service may share with others is
 * not asked for: the IPAM knows it as theirs.
 */
export function askOutside(
  { grants, index }: { readonly grants: Grants; readonly index: AddressIndex },
  claim: Claim,
  pool: Pool,
  wanted: readonly (Ip | Family)[],
): Outside {
  const { service, holder } = claim;
  const ips: Ip[] = [];
  const asks: Ask[] = [];
  const answers: Grant[] = [];
  for (const each of wanted) {
    const family = typeof each === "number" ? each : each.family;
    const address = typeof each === "number" ? null : each;
    const shared = address === null ? index.first(holder, pool.name, family) : sharedOf(index, claim, address);
    if (shared) {
      ips.push(shared);
      continue;
    }
    if (address === null && !pool.families.has(family)) continue;
    const ask: Ask = { pool: pool.name, range: pool.terms?.ipam ?? "", family, wanted: address };
    const grant = grants.find(service, ask);
    if (grant.kind === "granted") ips.push(grant.ip);
    else {
      asks.push(ask);
      answers.push(grant);
    }
  }
  const waiting = answers.find(({ kind }) => kind === "away") ?? answers.find(({ kind }) => kind === "asked");
  const why = waiting ?? answers[0];
  if (!why || why.kind === "granted") return { kind: "has", ips, refused: null };
  const refusal = { ...refusalOf(why, pool.name), asks };
  return waiting ? { kind: "waits", refusal } : { kind: "has", ips, refused: refusal };
}

/** The address, where others use it that the Service may share it with. */
const sharedOf = (index: AddressIndex, { holder }: Claim, address: Ip): Ip | null =>
  index.usersOf(address).some((user) => user !== holder.key) && index.conflict(holder, address) === null
    ? address
    : null;

function refusalOf(grant: Exclude<Grant, { readonly kind: "granted" }>, pool: string): Refusal {
  if (grant.kind === "asked") return refuse("ipamAsked", { pool });
  if (grant.kind === "away") return refuse("ipamAway", { pool, why: grant.message });
  const { message: why } = grant;
  return { ...refuse("ipamRefused", { pool, why }), pools: [poolVerdict(pool, "ipam", why)] };
}

/** The Service keeps what the IPAM says is another's: nothing that is held is taken away. */
export function denied(grants: Grants, service: Service, pool: Pool | undefined, ips: readonly Ip[]): Refusal | null {
  if (pool?.terms?.ipam === undefined) return null;
  for (const address of ips) {
    const why = grants.denial(service, address);
    if (why !== null) return refuse("ipamDenied", { ip: formatIp(address), why });
  }
  return null;
}

/** Whether the answer is still to come, so that nothing is given up for it. */
export const isAwaited = ({ code }: Refusal): boolean => code === "ipamAsked" || code === "ipamAway";
