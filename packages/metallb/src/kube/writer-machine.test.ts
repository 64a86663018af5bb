import { describe, expect, it } from "vitest";
import type { Intention, WriterEffect, WriterEvent, WriterSettings } from "./writer-events.ts";
import { WriterMachine } from "./writer-machine.ts";

const SETTINGS: WriterSettings = { parallel: 2, backoff: { first: 200, max: 30_000 }, retain: false };

const make = (more: Partial<WriterSettings> = {}) => {
  const machine = new WriterMachine<string>({ ...SETTINGS, ...more }, () => 1);
  const step = (event: WriterEvent<string>, now = 0) => machine.step(event, now);
  const performed = (effects: readonly WriterEffect<string>[]) =>
    effects.flatMap((effect) => (effect.kind === "perform" ? [`${effect.key}=${effect.value}`] : []));
  return { machine, step, performed };
};

const intend = (key: string, value: string, after?: readonly string[], release?: string): Intention<string> => ({
  key,
  value,
  ...(after ? { after } : {}),
  ...(release === undefined ? {} : { release }),
});
const want = (...args: Parameters<typeof intend>): WriterEvent<string> => ({
  kind: "want",
  intentions: [intend(...args)],
});
const done = (key: string): WriterEvent<string> => ({ kind: "done", key });
const failed = (key: string, retryAfter: number | null = null): WriterEvent<string> => ({
  kind: "failed",
  key,
  retryAfter,
});

describe("the keyed writer", () => {
  it("writes the latest intention of a key, one at a time, and so many in all", () => {
    const { step, performed, machine } = make();
    expect(performed(step(want("a", "1")))).toEqual(["a=1"]);
    expect(performed(step(want("a", "2")))).toEqual([]);
    expect(performed(step(want("a", "3")))).toEqual([]);
    expect(performed(step(want("b", "1")))).toEqual(["b=1"]);
    expect(performed(step(want("c", "1")))).toEqual([]);
    expect(performed(step(done("b")))).toEqual(["c=1"]);
    expect(performed(step(done("a")))).toEqual(["a=3"]);
    step(done("c"));
    step(done("a"));
    expect([machine.pending, machine.inFlight]).toEqual([0, 0]);
  });

  it("gives the slot of a failed key to others, and comes back after a growing pause", () => {
    const { step, performed, machine } = make({ parallel: 1 });
    step(want("bad", "1"));
    step(want("good", "1"));
    const effects = step(failed("bad"), 10);
    expect(performed(effects)).toEqual(["good=1"]);
    expect(effects.at(-1)).toEqual({ kind: "wake", at: 210 });
    step(done("good"), 20);
    expect(performed(step({ kind: "time" }, 209))).toEqual([]);
    expect(performed(step({ kind: "time" }, 210))).toEqual(["bad=1"]);
    expect(step(failed("bad"), 300)).toEqual([{ kind: "wake", at: 700 }]);
    expect(machine.failingKeys).toBe(1);
  });

  it("does not come back before the API allows it, whatever else is wanted", () => {
    const { step, performed } = make();
    step(want("a", "1"));
    expect(step(failed("a", 10_000), 0)).toEqual([{ kind: "wake", at: 10_000 }]);
    expect(performed(step(want("a", "2"), 50))).toEqual([]);
    expect(performed(step({ kind: "time" }, 9_999))).toEqual([]);
    expect(performed(step({ kind: "time" }, 10_000))).toEqual(["a=2"]);
  });

  it("tries a new intention soon after failures of an older one", () => {
    const { step, performed } = make();
    step(want("a", "1"));
    for (const now of [0, 1_000, 2_000, 4_000, 8_000, 16_000]) {
      step(failed("a"), now);
      step({ kind: "time" }, now + 100_000);
    }
    step(failed("a"), 200_000);
    step(want("a", "2"), 200_001);
    expect(performed(step({ kind: "time" }, 200_201))).toEqual(["a=2"]);
  });

  it("waits for a newer intention where the world is newer, and repeats nothing blindly", () => {
    const { step, performed, machine } = make();
    step(want("a", "1"));
    expect(step({ kind: "stale", key: "a" })).toEqual([]);
    expect(step({ kind: "time" }, 1e9)).toEqual([]);
    expect(machine.pending).toBe(1);
    expect(performed(step(want("a", "2")))).toEqual(["a=2"]);
  });

  it("gives only after what frees has been confirmed", () => {
    const { step, performed } = make();
    step(want("old", "free"));
    expect(performed(step(want("new", "take", ["old", "unknown"])))).toEqual([]);
    step(failed("old"), 0);
    expect(performed(step({ kind: "time" }, 200))).toEqual(["old=free"]);
    // A newer intention counts too, but what was in flight before it does not.
    step(want("old", "free more"), 201);
    expect(performed(step(want("late", "take", ["old"]), 201))).toEqual([]);
    expect(performed(step(done("old"), 202))).toEqual(["new=take", "old=free more"]);
    expect(performed(step(done("old"), 203))).toEqual(["late=take"]);
  });

  it("waits no more for a key that is settled", () => {
    const { step, performed } = make();
    step(want("old", "free"));
    step({ kind: "stale", key: "old" });
    expect(performed(step(want("new", "take", ["old"])))).toEqual([]);
    expect(performed(step({ kind: "settle", key: "old" }))).toEqual(["new=take"]);
  });

  it("performs the latest once more when it is settled while an older one is in flight", () => {
    const { step, performed, machine } = make();
    step(want("a", "1"));
    step(want("a", "2"));
    step({ kind: "settle", key: "a" });
    expect(performed(step(done("a")))).toEqual(["a=2"]);
    step({ kind: "settle", key: "a" });
    expect(machine.pending).toBe(1);
    step(failed("a"));
    expect(machine.pending).toBe(0);
  });

  it("forgets a key that is settled while an older one is in flight, and whose latest is out of date", () => {
    const { step, performed, machine } = make();
    step(want("a", "1"));
    step(want("a", "2"));
    step({ kind: "settle", key: "a" });
    expect(performed(step({ kind: "stale", key: "a" }))).toEqual(["a=2"]);
    step({ kind: "stale", key: "a" });
    expect(machine.pending).toBe(0);
  });

  it("lets one of a circle give up first what the others wait for", () => {
    const { step, performed, machine } = make();
    const swap = [intend("a", "B", ["b"], "nothing"), intend("b", "A", ["a"], "nothing")];
    expect(performed(step({ kind: "want", intentions: swap }))).toEqual(["b=nothing"]);
    expect(performed(step(failed("b"), 0))).toEqual([]);
    expect(performed(step({ kind: "time" }, 200))).toEqual(["b=nothing"]);
    expect(performed(step(done("b")))).toEqual(["a=B"]);
    expect(performed(step(done("a")))).toEqual(["b=A"]);
    step(done("b"));
    expect(machine.pending).toBe(0);
  });

  it("without anything to give up, a circle is not closed", () => {
    const { step, performed } = make();
    step(want("c", "free"));
    step(want("a", "1", ["c"]));
    step(want("b", "2", ["a"]));
    expect(performed(step(want("a", "3", ["b"])))).toEqual(["a=3"]);
  });

  it("keeps what was confirmed where it is told to, and writes it again", () => {
    const { step, performed, machine } = make({ retain: true });
    step(want("a", "1"));
    step(done("a"));
    expect([machine.pending, machine.confirmedValue("a")]).toEqual([0, "1"]);
    expect(performed(step({ kind: "recheck", key: "a" }))).toEqual(["a=1"]);
    step({ kind: "recheck", key: "a" });
    expect(performed(step(done("a")))).toEqual(["a=1"]);
    step(done("a"));
    step({ kind: "settle", key: "a" });
    expect(step({ kind: "recheck", key: "a" })).toEqual([]);
  });

  it("drains: what pends gets a last try, and nothing follows", () => {
    const { step, performed } = make();
    step(want("bad", "1"));
    step(failed("bad"), 0);
    step(want("a", "1"), 1);
    step(want("b", "1"), 1);
    step(want("c", "1"), 1);
    expect(step({ kind: "drain", until: 5_000 }, 2)).toEqual([{ kind: "wake", at: 5_000 }]);
    expect(performed(step(want("d", "1"), 3))).toEqual([]);
    expect(performed(step(done("a"), 4))).toEqual(["c=1"]);
    expect(performed(step(done("b"), 4))).toEqual(["bad=1"]);
    expect(step(failed("bad"), 5)).toEqual([]);
    expect(step(done("c"), 6)).toEqual([
      { kind: "wake", at: null },
      { kind: "ended", clean: true },
    ]);
    expect(step(want("e", "1"), 7)).toEqual([]);
  });

  it("is not clean while a write without an answer may arrive yet", () => {
    const doubtful = (key: string) => ({ kind: "failed", key, retryAfter: null, doubtful: true }) as const;
    const left = make();
    left.step(want("a", "1"), 0);
    left.step(doubtful("a"), 0);
    left.step({ kind: "drain", until: 1_000 }, 1);
    expect(left.step(failed("a"), 2)).toContainEqual({ kind: "ended", clean: false });
    const { step } = make();
    step(want("a", "1"), 0);
    step(doubtful("a"), 0);
    step({ kind: "time" }, 200);
    step(done("a"), 201);
    expect(step({ kind: "drain", until: 1_000 }, 202)).toContainEqual({ kind: "ended", clean: true });
  });

  it("ends what is in flight at the deadline, and at once when the lead is lost", () => {
    const draining = make();
    draining.step(want("a", "1"));
    draining.step({ kind: "drain", until: 100 });
    expect(draining.step({ kind: "time" }, 100)).toEqual([{ kind: "abort" }]);
    expect(draining.step(failed("a"), 101)).toEqual([{ kind: "ended", clean: false }]);
    const lost = make();
    for (const key of ["a", "b", "c"]) lost.step(want(key, "1"));
    expect(lost.step({ kind: "stop" })).toEqual([{ kind: "abort" }]);
    expect(lost.step(failed("a"))).toEqual([]);
    expect(lost.step(done("b"))).toEqual([{ kind: "ended", clean: false }]);
    expect(lost.step({ kind: "stop" })).toEqual([]);
  });
});
