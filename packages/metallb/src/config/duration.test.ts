import { describe, expect, it } from "vitest";
import { parseDuration } from "#config";

describe("durations", () => {
  it.each([
    ["90s", 90],
    ["1m30s", 90],
    ["1.5h", 5400],
    ["500ms", 0.5],
    ["0", 0],
    ["1h2m3s4ms", 3723.004],
  ])("%s is %d seconds", (text, seconds) => {
    const parsed = parseDuration(text);
    expect(parsed.ok && parsed.value).toBeCloseTo(seconds, 6);
  });
  it.each(["", "90", "s", "1 s", "-1s", "1d", "1s1", "9".repeat(50), "1e3s"])("%j is none", (text) =>
    expect(parseDuration(text).ok).toBe(false),
  );
});
