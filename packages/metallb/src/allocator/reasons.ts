import type { Ask } from "./ask.ts";
import type { Wish } from "./waiters.ts";

/** A user's text can be as long as an object may be; a sentence stays short. */
const MAX_TEXT = 100;

const short = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** Go's `%q` of a list of strings: `["a" "b"]`. Upstream's events have it, and users grep for it. */
export const quoteList = (items: readonly string[]): string =>
  `[${items.map((item) => JSON.stringify(short(item))).join(" ")}]`;

/**
 * Why a Service got no address: code → sentence. The code goes to the Service's condition, the metrics
 * and `explain`; the sentence keeps upstream's wording where upstream has one.
 */
export const REASONS = {
  noPools: () => "no address pools are configured",
  noClusterIP: () => "the Service has no cluster IP",
  clusterIPFamilies: (f: { clusterIPs: readonly string[] }) =>
    `cannot tell the IP families of the cluster IPs ${quoteList(f.clusterIPs)}`,
  notEnoughClusterIPs: () => "ipFamilyPolicy is RequireDualStack but the Service has fewer than two cluster IPs",
  deleting: () => "the Service is being deleted",
  requestTwice: () => "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP",
  // Upstream's words: with a colon after the annotation, without one after the field.
  requestInvalid: (f: { field: string; value: string }) =>
    `invalid ${f.field}${f.field.startsWith("spec.") ? "" : ":"} ${JSON.stringify(short(f.value))}`,
  requestSameFamily: (f: { field: string; value: string }) =>
    `invalid ${f.field}: ${JSON.stringify(short(f.value))} has the same address family twice`,
  requestFamily: (f: { ips: readonly string[] }) =>
    `requested loadBalancer IP(s) ${quoteList(f.ips)} does not match the ipFamily of the service`,
  requestPool: (f: { ips: readonly string[]; pool: string }) =>
    `requested loadBalancer IP(s) ${quoteList(f.ips)} is not compatible with requested address pool ${short(f.pool)}`,
  notInConfig: (f: { ips: readonly string[] }) => `${quoteList(f.ips)} is not allowed in config`,
  poolClosed: (f: { pool: string }) => `pool ${f.pool} not compatible for ip assignment`,
  sharingKey: (f: { service: string; users: readonly string[] }) =>
    `can't change sharing key for ${JSON.stringify(f.service)}, address also in use by ${f.users.join(",")}`,
  portInUse: (f: { port: string; ip: string }) => `port ${f.port} is already in use on ${JSON.stringify(f.ip)}`,
  unknownPool: (f: { pool: string }) => `unknown pool ${JSON.stringify(short(f.pool))}`,
  poolFrozen: (f: { pool: string }) =>
    `pool ${f.pool} gives out nothing new: its IPAddressPool is invalid or overlaps an older one`,
  quota: (f: { namespace: string; pool: string }) =>
    `Services of namespace ${f.namespace} hold as many addresses of pool ${f.pool} as its quota allows`,
  reserved: (f: { ip: string; service: string }) => `${f.ip} is reserved for Service ${f.service}`,
  ipamAsked: (f: { pool: string }) => `the IPAM is asked for an address of pool ${f.pool}`,
  ipamAway: (f: { pool: string; why: string }) =>
    `waiting for the IPAM that chooses the addresses of pool ${f.pool}: ${short(f.why)}`,
  ipamRefused: (f: { pool: string; why: string }) => `the IPAM gives no address of pool ${f.pool}: ${short(f.why)}`,
  ipamDenied: (f: { ip: string; why: string }) =>
    `the IPAM does not have ${f.ip} for this Service, which keeps it: ${short(f.why)}`,
  poolExhausted: (f: { pool: string }) => `no available IPs in pool ${f.pool}`,
  poolExhaustedDual: (f: { pool: string }) => `no available IPs in pool ${f.pool} for dual IPFamily`,
  exhausted: () => "no available IPs",
} as const;

export type ReasonCode = keyof typeof REASONS;

/** Why one pool did not serve: code → sentence. */
export const POOL_REASONS = {
  frozen: "its IPAddressPool is invalid or overlaps an older one: it gives out nothing new",
  notAutoAssign: "autoAssign is false: only a request by name or address uses this pool",
  otherNamespaces: "its serviceAllocation does not admit the Service's namespace",
  otherServices: "its serviceAllocation does not admit the Service's labels",
  noFamily: "it has no addresses of the family that the Service needs",
  oneFamilyOnly: "it cannot give both an IPv4 and an IPv6 address",
  quota: "the Service's namespace holds as many of its addresses as its quota allows",
  full: "all of its addresses are in use",
  ipam: "the IPAM that chooses its addresses gave none",
} as const;

export type PoolReasonCode = keyof typeof POOL_REASONS;

/** One pool that was looked at in vain. */
export interface PoolVerdict {
  readonly pool: string;
  readonly code: PoolReasonCode;
  readonly message: string;
}

export interface Refusal {
  readonly code: ReasonCode;
  readonly message: string;
  /** Every pool that was looked at, in order; at most {@link MAX_VERDICTS}. */
  readonly pools: readonly PoolVerdict[];
  /** What must become possible before another try makes sense. A change of the pools always does. */
  readonly wishes: readonly Wish[];
  /** What an IPAM outside is to be asked for the Service; absent: nothing. */
  readonly asks?: readonly Ask[];
}

/** With thousands of pools, one line for each would drown the reader and the memory. */
export const MAX_VERDICTS = 50;

type Fields<C extends ReasonCode> = Parameters<(typeof REASONS)[C]>;

export function refuse<C extends ReasonCode>(code: C, ...fields: Fields<C>): Refusal {
  const sentence = REASONS[code] as (...fields: Fields<C>) => string;
  return { code, message: sentence(...fields), pools: [], wishes: [] };
}

/** `why`: what else is known. */
export const poolVerdict = (pool: string, code: PoolReasonCode, why = ""): PoolVerdict => ({
  pool,
  code,
  message: why === "" ? POOL_REASONS[code] : `${POOL_REASONS[code]}: ${short(why)}`,
});
