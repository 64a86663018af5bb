import type { PlanDifference } from "#planner";
import type { DatedCounters, DatedSession } from "./dated.ts";
import type { BgpReport } from "./engine-registry.ts";

/** What the BGP engine told last of each peer that is configured now. */
export class BgpSessions {
  /** Those that were set and not removed since: what the engine still says of others is past. */
  private readonly peers = new Set<string>();
  private readonly latest = new Map<string, DatedSession>();
  private counted = new Map<string, DatedCounters>();

  /** The latest of each peer; `since` in milliseconds since 1970. */
  get reports(): ReadonlyMap<string, DatedSession> {
    return this.latest;
  }

  get counters(): ReadonlyMap<string, DatedCounters> {
    return this.counted;
  }

  /** The difference is on its way to the engine. */
  expect({ peersSet, peersRemoved }: Pick<PlanDifference, "peersSet" | "peersRemoved">): void {
    for (const { name } of peersSet) this.peers.add(name);
    for (const peer of peersRemoved) {
      this.peers.delete(peer);
      this.latest.delete(peer);
      this.counted.delete(peer);
    }
  }

  take(report: BgpReport): void {
    if (report.kind === "counters")
      this.counted = new Map(
        report.counters.filter(({ peer }) => this.peers.has(peer)).map((counters) => [counters.peer, counters]),
      );
    else if (this.peers.has(report.session.peer)) this.latest.set(report.session.peer, report.session);
  }
}
