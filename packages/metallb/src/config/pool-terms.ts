import type { Duration, Ip } from "#net";

/** What a pool has beyond upstream, by annotations: reservations, quotas, a time to keep addresses, an IPAM. */
export interface PoolTerms {
  /** By `namespace/name` of the Service. */
  readonly reserved: ReadonlyMap<string, readonly Ip[]>;
  /** By namespace; `*` for all that are not named. */
  readonly quotas: ReadonlyMap<string, number>;
  /** How long the addresses of a deleted Service are kept for its name; absent: not at all. */
  readonly keepFor?: Duration;
  /** The name under which an IPAM outside knows the range: it chooses the addresses. Absent: we do. */
  readonly ipam?: string;
}
