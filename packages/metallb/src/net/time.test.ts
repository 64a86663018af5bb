import { expect, it } from "vitest";
import type { Duration, Instant, Seconds, Timestamp } from "./time.ts";

// What the compiler refuses is the test here: each line that it should refuse says so, and would be an error if
// it did not.

const wakeAt = (at: Instant): Instant => at;
const wakeAfter = (pause: Duration): Duration => pause;
const [now, hold, lease]: readonly [Instant, Duration, Seconds] = [100, 20, 15];
const since: Timestamp = 1_700_000_000_000;

it("measures of time are not taken for each other, and what is reckoned fits where it is wanted", () => {
  // @ts-expect-error A moment is no length of time.
  expect(wakeAfter(now)).toBe(100);
  // @ts-expect-error A length of time is no moment.
  expect(wakeAt(hold)).toBe(20);
  // @ts-expect-error Seconds are no milliseconds.
  expect(wakeAfter(lease)).toBe(15);
  // @ts-expect-error The machine's clock is another one.
  expect(wakeAt(since)).toBe(since);
  expect(wakeAt(now + hold)).toBe(120);
  expect(wakeAfter(lease * 1000)).toBe(15_000);
  expect(wakeAfter(now - 90)).toBe(10);
});
