import type { Instant } from "#net";
import type { ConditionText } from "./watched-service.ts";

/** Milliseconds between two writes of one Service that goes on changing: its status or reason, and its words alone. */
const PAUSE = { status: 5_000, words: 15_000 } as const;
/** So many may come one upon the other after a quiet time, as when somebody sets a Service up. */
const BURST = { status: 4, words: 2 } as const;
/** Writes of all Services in a second: nothing that happens to thousands of nodes is a storm for the API. */
const RATE = { status: 100, words: 20 } as const;
/** So often the same is written again over somebody who takes it away, within {@link CALM}. */
const ROUNDS = 5;
const CALM = 10 * 60_000;

type Kind = keyof typeof PAUSE;

interface Last {
  readonly text: string;
  readonly at: Instant;
  readonly repeats: number;
  /** Writes that may come at once, of each kind; parts of one count from {@link at} on. */
  readonly credit: Readonly<Record<Kind, number>>;
}

/**
 * When the condition of a Service may be written: at once a few times, then seldom, more seldom where it
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
    const kind: Kind = stands?.status === wanted?.status && stands?.reason === wanted?.reason ? "words" : "status";
    if (this.tokens[kind] < 1) return false;
    const before = this.last.get(key);
    const text = JSON.stringify(wanted);
    const repeats = before && before.text === text && now - before.at < CALM ? before.repeats + 1 : 0;
    if (repeats >= ROUNDS) return false;
    // The same again is on its way still, or somebody takes it away.
    if (before && repeats > 0 && now - before.at < PAUSE[kind]) return false;
    const credit = creditOf(before, now);
    if (credit[kind] < 1) return false;
    this.tokens[kind]--;
    this.last.set(key, { text, at: now, repeats, credit: { ...credit, [kind]: credit[kind] - 1 } });
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

function creditOf(last: Last | undefined, now: Instant): Readonly<Record<Kind, number>> {
  if (last === undefined) return BURST;
  const earned = (kind: Kind): number =>
    Math.min(BURST[kind], last.credit[kind] + Math.max(0, now - last.at) / PAUSE[kind]);
  return { status: earned("status"), words: earned("words") };
}
