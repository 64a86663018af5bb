import { describe, expect, it } from "vitest";
import type { Faults } from "./faults.ts";
import { runSchedule } from "./schedule.ts";

/** So many are run, 40 seconds of them in CI; METALLB_INTERLEAVINGS asks for more. */
const COUNT = Number(process.env.METALLB_INTERLEAVINGS ?? (process.env.CI === "true" ? 100_000 : 1_000));

describe("two controllers, four Services and an API at its worst", () => {
  it("never give an address twice, move nothing without a cause, and settle", () => {
    const seen = new Set<number>();
    let steps = 0;
    for (let seed = 1; seed <= COUNT; seed++) {
      const { violations, hash, steps: taken } = runSchedule(seed);
      if (violations.length > 0) throw new Error(`seed ${seed}: ${violations[0]}`);
      seen.add(hash);
      steps += taken;
    }
    expect(seen.size).toBeGreaterThan(COUNT * 0.99);
    expect(steps).toBeGreaterThan(COUNT * 100);
  }, 3_600_000);

  // The seed to begin with saves time; the fault may be noticed later.
  it.each<readonly [keyof Faults, RegExp, number]>([
    ["unordered", /is shown by/, 1],
    ["unguarded", /is shown by|without a cause/, 1_400],
    ["guardedOnce", /is shown by/, 1_400],
    ["unconditional", /is shown by|settles|of no pool|fresh start/, 11_200],
    ["forgetful", /moved|without a cause|fresh start|is no LoadBalancer/, 1],
    ["swallowing", /waits in vain|fresh start|is no LoadBalancer|of no pool/, 1],
    ["chatty", /without a cause|fresh start|settles/, 1],
    ["overlong", /two lead/, 1],
    ["hasty", /is shown by/, 4_400],
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
