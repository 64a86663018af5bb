import { describe, expect, it } from "vitest";
import { ConditionPace } from "./condition-pace.ts";
import type { ConditionText } from "./watched-service.ts";

const yes = (message: string): ConditionText => ({ status: "True", reason: "Announced", message });
const no: ConditionText = { status: "False", reason: "noSession", message: "down" };

describe("when a condition may be written", () => {
  it("at once a few times, and of a Service that goes on changing every five seconds", () => {
    const pace = new ConditionPace();
    const written: number[] = [];
    for (let now = 0; now < 20_000; now += 500) {
      const isDown = written.length % 2 === 0;
      if (pace.may("a", isDown ? yes("1") : no, isDown ? { ...no, message: String(now) } : yes(String(now)), now))
        written.push(now);
    }
    expect(written).toEqual([0, 500, 1_000, 1_500, 5_000, 10_000, 15_000]);
  });

  it("other words alone twice, and then every quarter of a minute", () => {
    const pace = new ConditionPace();
    const written: number[] = [];
    for (let now = 0; now <= 60_000; now += 1_000)
      if (pace.may("a", yes("1"), yes(`at ${now}`), now)) written.push(now);
    expect(written).toEqual([0, 1_000, 15_000, 30_000, 45_000, 60_000]);
  });

  it("the same again no sooner than after five seconds: it may be on its way", () => {
    const pace = new ConditionPace();
    const written: number[] = [];
    for (let now = 0; now < 12_000; now += 500) if (pace.may("a", null, no, now)) written.push(now);
    expect(written).toEqual([0, 5_000, 10_000]);
  });

  it("after a quiet time as often at once as before", () => {
    const pace = new ConditionPace();
    const atOnce = (from: number): number =>
      [0, 1, 2, 3, 4, 5].filter((i) => pace.may("a", yes("1"), { ...no, message: `${from + i}` }, from + i)).length;
    expect(atOnce(0)).toBe(4);
    expect(atOnce(11_000)).toBe(2);
    expect(atOnce(100_000)).toBe(4);
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
