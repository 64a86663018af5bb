import { expect, it } from "vitest";
import { createLogger, errorText, type LogLevel } from "./index.ts";

function lines(level: LogLevel): { lines: string[]; log: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  return { lines, log: createLogger(level, (line) => lines.push(line)) };
}

it("writes one JSON object a line with caller, level, ts, fields and msg", () => {
  const { lines: out, log } = lines("info");
  log.with({ op: "test" }).warn("hello", { service: "a/b" });
  const line = JSON.parse(out[0] ?? "") as Record<string, string>;
  expect(line).toMatchObject({ level: "warn", op: "test", service: "a/b", msg: "hello" });
  expect(line.caller).toMatch(/^logger\.test\.ts:\d+$/);
  expect(new Date(line.ts ?? "").toISOString()).toBe(line.ts);
});

it("drops what is below the level, and everything at none", () => {
  const info = lines("info");
  info.log.debug("x");
  expect(info.lines).toEqual([]);
  const none = lines("none");
  none.log.error("x");
  expect(none.lines).toEqual([]);
  const all = lines("all");
  all.log.debug("x");
  expect(all.lines).toHaveLength(1);
});

it("tells an error with its causes", () => {
  expect(errorText(new Error("a", { cause: new Error("b") }))).toBe("a: b");
  expect(errorText("text")).toBe("text");
});

it("cuts what is too long for a line", () => {
  const { lines: out, log } = lines("info");
  log.info("x".repeat(250_000), { error: "y".repeat(250_000), service: "a/b" });
  expect(out[0]?.length).toBeLessThan(10_000);
  expect(JSON.parse(out[0] ?? "")).toMatchObject({ service: "a/b" });
});
