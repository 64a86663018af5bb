import { describe, expect, it } from "vitest";
import { ConditionPace } from "./condition-pace.ts";
import type { ConditionText } from "./watched-service.ts";

const yes = (message: string): ConditionText => ({ status: "True", reason: "Announced", message });
const no: ConditionText = { status: "False", reason: "noSession", message: "down" };

describe("when a condition may be written", () => {
  it("at once the first time, and where the status differs after five seconds again", () => {
    const pace = new ConditionPace();
    expect(pace.may("a", null, yes("1"), 0)).toBe(true);
    expect(pace.may("a", yes("1"), no, 1_000)).toBe(false);
    expect(pace.may("a", yes("1"), no, 5_000)).toBe(true);
  });

  it("other words alone wait a quarter of a minute", () => {
    const pace = new ConditionPace();
    pace.may("a", null, yes("1"), 0);
    expect(pace.may("a", yes("1"), yes("2"), 14_000)).toBe(false);
    expect(pace.may("a", yes("1"), yes("2"), 15_000)).toBe(true);
  });

  it("of fifty thousand Services a hundred a second, of mere words twenty", () => {
    const count = (stands: ConditionText | null, wanted: ConditionText): number => {
      const pace = new ConditionPace();
      let writes = 0;
      for (let second = 0; second < 10; second++)
        for (let i = 0; i < 5_000; i++) if (pace.may(`s${i}`, stands, wanted, second * 1_000)) writes++;
      return writes;
    };
    expect(count(yes("1"), no)).toBeLessThanOrEqual(1_000);
    expect(count(yes("1"), no)).toBeGreaterThan(800);
    expect(count(yes("1"), yes("2"))).toBeLessThanOrEqual(200);
  });

  it("gives up against somebody who takes it away, and begins anew with other words or after ten minutes", () => {
    const pace = new ConditionPace();
    const written = [];
    for (let now = 0; now < 300_000; now += 5_000) if (pace.may("a", null, yes("1"), now)) written.push(now);
    expect(written.length).toBe(5);
    expect(pace.may("a", null, no, 300_000)).toBe(true);
    expect(pace.may("a", null, yes("1"), 900_000)).toBe(true);
  });

  it("keeps nothing of what is long ago", () => {
    const pace = new ConditionPace();
    pace.may("a", null, yes("1"), 0);
    pace.sweep(600_000);
    expect(pace.may("a", yes("1"), yes("2"), 600_000)).toBe(true);
  });
});
