import type { Duration } from "./time.ts";
/** Bounds of a growing pause, milliseconds. */
export interface Backoff {
  readonly first: Duration;
  readonly max: Duration;
}

/**
 * The pause before the next try after `failures` in a row (1 after the first): it doubles from `first`
 * up to `max`, and the upper half of it is chance, so that those who failed together do not come back
 * together. `random` is 0 to 1.
 */
export function backoff({ first, max }: Backoff, failures: number, random: number): number {
  const exponent = Math.min(Math.max(failures, 1) - 1, 30);
  return Math.min(max, first * 2 ** exponent) * (0.5 + random / 2);
}
