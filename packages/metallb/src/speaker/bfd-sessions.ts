import type { BfdCounters, BfdReport } from "#bfd";
import type { Dated } from "./dated.ts";
import type { BfdTold } from "./engine-registry.ts";

/** What the BFD engine told last of each path that is watched now. */
export class BfdSessions {
  private readonly latest = new Map<string, Dated<BfdReport>>();
  private counted: readonly BfdCounters[] = [];

  take(told: BfdTold): void {
    if (told.kind === "session") this.latest.set(told.session.session, told.session);
    else if (told.kind === "removed") this.latest.delete(told.session);
    else this.counted = told.counters;
  }

  get reports(): Iterable<Dated<BfdReport>> {
    return this.latest.values();
  }

  /** Each path with what was counted on it. */
  *counters(): Generator<{ readonly report: Dated<BfdReport>; readonly counters: BfdCounters }> {
    for (const counters of this.counted) {
      const report = this.latest.get(counters.session);
      if (report) yield { report, counters };
    }
  }

  /** The path that a peer relies on; undefined: none is watched for it. */
  of(peer: string): Dated<BfdReport> | undefined {
    for (const report of this.latest.values()) if (report.users.includes(peer)) return report;
    return undefined;
  }
}
