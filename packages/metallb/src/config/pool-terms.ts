import type { Duration, Ip } from "#net";

/** Addresses that are kept for one Service, and how many a namespace may have: beyond upstream, by annotations. */
export interface PoolTerms {
  /** By `namespace/name` of the Service. */
  readonly reserved: ReadonlyMap<string, readonly Ip[]>;
  /** By namespace; `*` for all that are not named. */
  readonly quotas: ReadonlyMap<string, number>;
  /** How long the addresses of a deleted Service are kept for its name; absent: not at all. */
  readonly keepFor?: Duration;
}
