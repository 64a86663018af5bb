import type { Duration } from "./time.ts";
/** Bounds of a growing pause, milliseconds. */
export interface Backoff {
  readonly first: Duration;
  readonly max: Duration;
  /** The share of each pause that is not chance, 0 to 1; half of it unless told. */
  readonly sure?: number;
}

/**
 * The pause before the next try after `failures` in a row (1 after the first): it doubles from `first`
 * up to `max`, and the upper part of it is chance, so that those who failed together do not come back
 * together. `random` is 0 to 1. The one formula of the house: whoever waits longer each time has bounds of its own,
 * and no arithmetic.
 */
export function backoff({ first, max, sure = 0.5 }: Backoff, failures: number, random: number): Duration {
  const exponent = Math.min(Math.max(failures, 1) - 1, 30);
  return Math.min(max, first * 2 ** exponent) * (sure + (1 - sure) * random);
}
