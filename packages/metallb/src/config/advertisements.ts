import type { BGPAdvertisement, IPAddressPool, L2Advertisement as L2Resource } from "#api";
import { rangeToPrefixes } from "#net";
import { type CommunityValue, parseCommunity } from "./communities.ts";
import type { BgpAdvertisement, L2Advertisement } from "./config.ts";
import type { BarePool } from "./pools.ts";
import type { ProblemList } from "./problems.ts";
import { anyOf } from "./selectors.ts";

/** More do not fit the one-octet length that upstream writes; kept as its bound. */
const MAX_COMMUNITIES = 63;

export function compileBgpAdvertisement(
  { name, spec }: BGPAdvertisement,
  aliases: ReadonlyMap<string, CommunityValue>,
  problems: ProblemList,
): BgpAdvertisement | null {
  distinct(spec.ipAddressPools, "spec.ipAddressPools", problems);
  distinct(spec.peers, "spec.peers", problems);
  anyOf(spec.ipAddressPoolSelectors, "spec.ipAddressPoolSelectors", problems);
  const nodes = anyOf(spec.nodeSelectors, "spec.nodeSelectors", problems);
  const services = anyOf(spec.serviceSelectors, "spec.serviceSelectors", problems);
  const hasServiceSelectors = (spec.serviceSelectors ?? []).length > 0;
  const { aggregationLength, aggregationLengthV6 } = spec;
  const path = "spec.aggregationLength";
  if (aggregationLength < 0 || aggregationLength > 32)
    problems.add("invalidAggregationLength", path, `invalid aggregation length ${aggregationLength} for IPv4`);
  if (aggregationLengthV6 < 0 || aggregationLengthV6 > 128)
    problems.add("invalidAggregationLength", `${path}V6`, `invalid aggregation length ${aggregationLengthV6} for IPv6`);
  if (hasServiceSelectors && (aggregationLength !== 32 || aggregationLengthV6 !== 128))
    problems.add(
      "selectorsWithAggregation",
      "spec.serviceSelectors",
      "serviceSelectors and aggregationLength are mutually exclusive",
    );
  const { communities, largeCommunities } = compileCommunities(spec.communities ?? [], aliases, problems);
  if (!problems.isEmpty) return null;
  return {
    name,
    aggregationLength,
    aggregationLengthV6,
    // Upstream's 0 means "not set".
    localPref: spec.localPref ? spec.localPref : null,
    communities,
    largeCommunities,
    peers: spec.peers && spec.peers.length > 0 ? new Set(spec.peers) : null,
    nodes,
    services,
    hasServiceSelectors,
  };
}

function compileCommunities(
  texts: readonly string[],
  aliases: ReadonlyMap<string, CommunityValue>,
  problems: ProblemList,
): Pick<BgpAdvertisement, "communities" | "largeCommunities"> {
  distinct(texts, "spec.communities", problems);
  if (texts.length > MAX_COMMUNITIES)
    problems.add("invalidCommunity", "spec.communities", `max supported communities is ${MAX_COMMUNITIES}`);
  const communities = new Set<number>();
  const large = new Map<string, readonly [number, number, number]>();
  for (const [i, text] of texts.entries()) {
    const alias = aliases.get(text);
    const parsed = alias === undefined ? parseCommunity(text) : { ok: true as const, value: alias };
    if (!parsed.ok) problems.add("invalidCommunity", `spec.communities[${i}]`, parsed.error, !text.includes(":"));
    else if (typeof parsed.value === "number") communities.add(parsed.value);
    else large.set(parsed.value.join(":"), parsed.value);
  }
  return {
    communities: [...communities].sort((a, b) => a - b),
    largeCommunities: [...large.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]),
  };
}

export function compileL2Advertisement({ name, spec }: L2Resource, problems: ProblemList): L2Advertisement | null {
  distinct(spec.ipAddressPools, "spec.ipAddressPools", problems);
  anyOf(spec.ipAddressPoolSelectors, "spec.ipAddressPoolSelectors", problems);
  const nodes = anyOf(spec.nodeSelectors, "spec.nodeSelectors", problems);
  const services = anyOf(spec.serviceSelectors, "spec.serviceSelectors", problems);
  const preferences = (spec.preferredNodeSelectors ?? []).map(({ weight, preference }, i) => ({
    weight,
    nodes: anyOf([preference], `spec.preferredNodeSelectors[${i}].preference`, problems),
  }));
  if (!problems.isEmpty) return null;
  return {
    name,
    nodes,
    services,
    hasServiceSelectors: (spec.serviceSelectors ?? []).length > 0,
    interfaces: spec.interfaces && spec.interfaces.length > 0 ? new Set(spec.interfaces) : null,
    preferences,
  };
}

/** Pools that an advertisement speaks of: named or selected; all when it says neither. */
export function poolsOf(
  spec: {
    readonly ipAddressPools?: readonly string[] | undefined;
    readonly ipAddressPoolSelectors?: Parameters<typeof anyOf>[0];
  },
  pools: readonly IPAddressPool[],
  problems: ProblemList,
): ReadonlySet<string> {
  const named = spec.ipAddressPools ?? [];
  const selectors = spec.ipAddressPoolSelectors ?? [];
  if (named.length === 0 && selectors.length === 0) return new Set(pools.map((pool) => pool.name));
  const selected = anyOf(selectors, "spec.ipAddressPoolSelectors", problems);
  return new Set([
    ...named,
    ...(selectors.length === 0 ? [] : pools.filter((pool) => selected(pool.labels)).map((pool) => pool.name)),
  ]);
}

/**
 * Why the pool cannot be rolled up as the advertisement says; null when it can. A roll-up must not
 * reach beyond what the operator owns, and a range owns no more than its widest CIDR... so the
 * aggregate may not be wider than the widest CIDR of each entry of the pool.
 */
export function aggregationProblem(
  pool: BarePool,
  { aggregationLength, aggregationLengthV6 }: BgpAdvertisement,
): string | null {
  for (const range of pool.ranges) {
    const length = range.family === 4 ? aggregationLength : aggregationLengthV6;
    let widest = 128;
    for (const prefix of rangeToPrefixes(range)) widest = Math.min(widest, prefix.length);
    if (length < widest)
      return `invalid aggregation length ${length}: prefix ${widest} in this pool is more specific than the aggregation length for addresses of pool "${pool.name}"`;
  }
  return null;
}

function distinct(values: readonly string[] | undefined, path: string, problems: ProblemList): void {
  const seen = new Set<string>();
  for (const [i, value] of (values ?? []).entries()) {
    if (seen.has(value))
      problems.add(
        "duplicateEntry",
        `${path}[${i}]`,
        `duplicate definition in ${path.split(".").at(-1)}: ${value.slice(0, 100)}`,
      );
    seen.add(value);
  }
}
