import { describe, expect, it } from "vitest";
import type { Faults } from "./faults.ts";
import { runSchedule } from "./schedule.ts";
import { countDistinct, runShare } from "./share.ts";

/** As many as take a second; endurance.test.ts runs more. */
const COUNT = 1_000;

describe("two controllers, four Services and an API at its worst", () => {
  it("never give an address twice, move nothing without a cause, and settle", () => {
    const share = runShare({ from: 1, to: 1 + COUNT });
    expect(share.violation).toBeNull();
    expect(countDistinct([share])).toBe(COUNT);
    expect(share.steps).toBeGreaterThan(COUNT * 100);
  }, 120_000);

  it("count a run that is repeated once", () => {
    const share = runShare({ from: 1, to: 4 });
    expect(countDistinct([share, runShare({ from: 2, to: 6 })])).toBe(5);
  });

  // The seed to begin with saves time; the fault may be noticed later.
  it.each<readonly [keyof Faults, RegExp, number]>([
    ["unordered", /is shown by/, 1],
    ["unguarded", /is shown by|without a cause/, 15_200],
    ["guardedOnce", /is shown by/, 15_200],
    ["unconditional", /is shown by|settles|of no pool|fresh start/, 3_300],
    ["forgetful", /moved|without a cause|fresh start|is no LoadBalancer/, 1],
    ["swallowing", /waits in vain|fresh start|is no LoadBalancer|of no pool/, 1],
    ["chatty", /without a cause|fresh start|settles/, 1],
    ["overlong", /two lead/, 1],
    ["hasty", /is shown by/, 13_600],
  ])(
    "would be noticed: %s",
    (fault, expected, from) => {
      for (let seed = from; seed <= from + 40_000; seed++) {
        const { violations } = runSchedule(seed, { [fault]: true });
        if (violations.length === 0) continue;
        expect(violations[0]).toMatch(expected);
        return;
      }
      expect.unreachable("nothing was noticed");
    },
    120_000,
  );
});
