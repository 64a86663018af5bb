import type { Instant } from "#net";
import type { ConditionText } from "./watched-service.ts";

/** Milliseconds between two writes of one Service: where its status or reason differs, and where only the words do. */
const PAUSE = { status: 5_000, words: 15_000 } as const;
/** Writes of all Services in a second: nothing that happens to thousands of nodes is a storm for the API. */
const RATE = { status: 100, words: 20 } as const;
/** So often the same is written again over somebody who takes it away, within {@link CALM}. */
const ROUNDS = 5;
const CALM = 10 * 60_000;

interface Last {
  readonly text: string;
  readonly at: Instant;
  readonly repeats: number;
}

/**
 * When the condition of a Service may be written: at once where it says something else, seldom where it
 * only words it differently, never faster than the API bears, and not for ever against somebody who
 * takes it away. Pure; times in milliseconds of a clock that never goes back.
 */
export class ConditionPace {
  private readonly last = new Map<string, Last>();
  private readonly tokens = { status: RATE.status as number, words: RATE.words as number };
  private filledAt = Number.NEGATIVE_INFINITY;

  /** Whether `wanted` may be written now over `stands`; a write is counted when it may. */
  may(key: string, stands: ConditionText | null, wanted: ConditionText | null, now: Instant): boolean {
    this.fill(now);
    const kind = stands?.status === wanted?.status && stands?.reason === wanted?.reason ? "words" : "status";
    if (this.tokens[kind] < 1) return false;
    const before = this.last.get(key);
    const text = JSON.stringify(wanted);
    const repeats = before && before.text === text && now - before.at < CALM ? before.repeats + 1 : 0;
    if (repeats >= ROUNDS) return false;
    if (before && now - before.at < PAUSE[kind]) return false;
    this.tokens[kind]--;
    this.last.set(key, { text, at: now, repeats });
    return true;
  }

  forget(key: string): void {
    this.last.delete(key);
  }

  /** Forgets what is too long ago to matter. */
  sweep(now: Instant): void {
    for (const [key, { at }] of this.last) if (now - at >= CALM) this.last.delete(key);
  }

  private fill(now: Instant): void {
    const seconds = Math.max(0, now - this.filledAt) / 1_000;
    this.filledAt = now;
    for (const kind of ["status", "words"] as const)
      this.tokens[kind] = Math.min(
        RATE[kind],
        this.tokens[kind] + (Number.isFinite(seconds) ? seconds : 0) * RATE[kind],
      );
  }
}
