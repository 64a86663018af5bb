import type { PeerCounters, SessionReport } from "#bgp";
import type { Instant, Timestamp } from "#net";

/** What an engine tells, as it leaves the engines' thread: `since` is of the clock that everybody has. */
export type Dated<Report extends { readonly since: Instant }> = Omit<Report, "since"> & { readonly since: Timestamp };

/** A session's report, all of its moments of the clock that everybody has. */
export type DatedSession = Omit<Dated<SessionReport>, "next"> & {
  readonly next: { readonly kind: "connect" | "give up"; readonly at: Timestamp } | null;
};

export type DatedCounters = Omit<PeerCounters, "holdEndsAt"> & { readonly holdEndsAt: Timestamp | null };

export const datedSession = (report: SessionReport, wallClock: (at: Instant) => Timestamp): DatedSession => ({
  ...report,
  since: wallClock(report.since),
  next: report.next && { kind: report.next.kind, at: wallClock(report.next.at) },
});

export const datedCounters = (counters: PeerCounters, wallClock: (at: Instant) => Timestamp): DatedCounters => ({
  ...counters,
  holdEndsAt: counters.holdEndsAt === null ? null : wallClock(counters.holdEndsAt),
});
