import type { Duration } from "#net";

/**
 * How long after the latest packet the next is due (RFC 5880 section 6.8.7): less than the interval by up to a quarter, as
 * chance has it, and by a tenth at least where one lost packet is a failure. What a busy machine was `late` with the latest
 * is taken from it, but never beyond that quarter: those that follow are where they were meant to be, so that lateness does not
 * add up to silence.
 */
export function pace(interval: Duration, detectMultiplier: number, late: Duration, chance: number): Duration {
  const least = detectMultiplier === 1 ? 0.1 : 0;
  const meant = interval * (1 - least - (0.25 - least) * chance);
  return Math.max(interval * 0.75, meant - late);
}
