import type { Instant, Timestamp } from "#net";

/** What an engine tells, as it leaves the engines' thread: `since` is of the clock that everybody has. */
export type Dated<Report extends { readonly since: Instant }> = Omit<Report, "since"> & { readonly since: Timestamp };
