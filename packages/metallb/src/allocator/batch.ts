import type { Decision, Desired, Note, Outcome } from "./decision.ts";
import type { ReasonCode, Refusal } from "./reasons.ts";

/** Collects the answers of one pass; the last word on a Service counts, its notes add up. */
export class Batch {
  private readonly byKey = new Map<string, Omit<Decision, "notes">>();
  private readonly notes = new Map<string, Note[]>();
  private readonly outcomes: ReadonlyMap<string, Outcome>;

  constructor(outcomes: ReadonlyMap<string, Outcome>) {
    this.outcomes = outcomes;
  }

  /** Whether the Service was not told so already. */
  isNews(key: string, refusal: Refusal): boolean {
    const before = this.outcomes.get(key);
    const told = before?.kind === "refused" ? before.refusal : before?.kind === "allocated" ? before.lacking : null;
    if (told === null) return true;
    return told.message !== refusal.message && !areOfOneRequest(told, refusal) && !isOneConflict(told, refusal);
  }

  note(key: string, note: Note): void {
    const notes = this.notes.get(key);
    if (notes) notes.push(note);
    else this.notes.set(key, [note]);
  }

  decide(key: string, outcome: Outcome, desired: Desired | null): void {
    this.byKey.set(key, { key, outcome, desired });
  }

  decisions(): Decision[] {
    return [...this.byKey.values()].map((decision) => ({
      ...decision,
      notes: this.notes.get(decision.key) ?? [],
    }));
  }
}

/**
 * What was asked for may be in use and beyond the quota at once, and which is said first depends on when it is looked
 * at: that the other one is true too is no news.
 */
const areOfOneRequest = (a: Refusal, b: Refusal): boolean =>
  (a.code === "quota" && IN_USE.has(b.code)) || (b.code === "quota" && IN_USE.has(a.code));

/** The address is still in use by somebody, whoever that is by now: the same question has the same answer. */
const isOneConflict = (a: Refusal, b: Refusal): boolean =>
  a.code === "sharingKey" && b.code === a.code && isOneWish(a, b);

const isOneWish = ({ wishes: [a] }: Refusal, { wishes: [b] }: Refusal): boolean =>
  a !== undefined && a.signature === b?.signature && a.needs.join() === b.needs.join();

const IN_USE: ReadonlySet<ReasonCode> = new Set(["sharingKey", "portInUse", "poolExhausted", "poolExhaustedDual"]);
