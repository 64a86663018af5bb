import { describe, expect, it } from "vitest";
import type { Problem } from "#config";
import {
  ConfigurationStateMachine,
  labelsOf,
  type StandingState,
  type StateEffect,
  type StateEvent,
  type StateIdentity,
} from "./configuration-state.ts";

const identity: StateIdentity = {
  name: "speaker-n",
  component: "speaker",
  node: "n",
  owner: { name: "speaker-x", uid: "pod" },
  fieldManager: "configReconciler",
  conditionType: "configReconcilerValid",
};

const problem = (name: string, message = "is wrong"): Problem =>
  ({ kind: "IPAddressPool", name, path: "spec", code: "invalidAddresses", message, transient: false }) as Problem;

/** The API and the clock, beside the machine. */
class Bench {
  now = 0;
  stored: StandingState | null = null;
  writes: Extract<StateEffect, { kind: "write" }>[] = [];
  wakes: number[] = [];
  machine = new ConfigurationStateMachine(identity, () => 0.5);

  step(event: StateEvent): void {
    const date = `2026-01-01T00:00:${String(Math.floor(this.now / 1000)).padStart(2, "0")}Z`;
    for (const effect of this.machine.step(event, this.now, date))
      if (effect.kind === "write") this.writes.push(effect);
      else this.wakes.push(effect.at);
  }

  /** Carries the last write out, as the API does. */
  carryOut(): void {
    const { condition, result, whole, annotations } = this.writes.at(-1) as Bench["writes"][number];
    if (!whole && !this.stored) throw new Error("there is no such object");
    const head = { labels: labelsOf(identity), owners: ["pod"], annotations };
    this.stored = { ...head, result, errorSummary: condition.message, condition };
    this.step({ kind: "written", standing: this.stored });
  }

  see(): void {
    this.step({ kind: "seen", standing: this.stored });
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.step({ kind: "time" });
  }
}

describe("the ConfigurationState of a process", () => {
  it("is written once everything was read, whole, and not again while nothing differs", () => {
    const bench = new Bench();
    bench.see();
    expect(bench.writes).toEqual([]);
    bench.step({ kind: "problems", problems: [] });
    expect(bench.writes).toMatchObject([
      { whole: true, result: "Valid", condition: { status: "True", reason: "Reconciled", message: "" } },
    ]);
    bench.carryOut();
    bench.see();
    bench.step({ kind: "problems", problems: [] });
    bench.pass(60_000);
    expect(bench.writes.length).toBe(1);
  });

  it("changes its transition time with the status alone, across a restart too", () => {
    const bench = new Bench();
    bench.see();
    bench.step({ kind: "problems", problems: [problem("a")] });
    bench.carryOut();
    const since = bench.stored?.condition?.lastTransitionTime;
    bench.pass(5_000);
    bench.step({ kind: "problems", problems: [problem("a"), problem("b")] });
    bench.carryOut();
    expect(bench.stored?.errorSummary).toBe(
      "configuration error: IPAddressPool a: is wrong\nIPAddressPool b: is wrong",
    );
    expect(bench.stored?.condition?.lastTransitionTime).toBe(since);

    bench.machine = new ConfigurationStateMachine(identity, () => 0.5);
    bench.pass(5_000);
    bench.see();
    bench.step({ kind: "problems", problems: [problem("c")] });
    bench.carryOut();
    expect(bench.stored?.condition?.lastTransitionTime).toBe(since);
    bench.pass(5_000);
    bench.step({ kind: "problems", problems: [] });
    bench.carryOut();
    expect(bench.stored?.condition).toMatchObject({ status: "True", lastTransitionTime: "2026-01-01T00:00:15Z" });
  });

  it("bears annotations, which are written when they differ, not more than once a second, and come back", () => {
    const bench = new Bench();
    bench.see();
    bench.step({ kind: "annotations", annotations: { told: "1" } });
    expect(bench.writes).toEqual([]);
    bench.step({ kind: "problems", problems: [] });
    bench.carryOut();
    for (const told of ["2", "3", "4"]) bench.step({ kind: "annotations", annotations: { told } });
    expect(bench.writes.length).toBe(1);
    bench.pass(1_000);
    bench.carryOut();
    expect(bench.writes.map(({ whole, annotations }) => [whole, annotations.told])).toEqual([
      [true, "1"],
      [true, "4"],
    ]);
    bench.pass(1_000);
    bench.stored = { ...(bench.stored as StandingState), annotations: {} };
    bench.see();
    expect(bench.writes.length).toBe(3);
  });

  it("comes back when it is deleted, and when its labels, owner or words are taken", () => {
    const bench = new Bench();
    bench.see();
    bench.step({ kind: "problems", problems: [problem("a")] });
    bench.carryOut();
    const whole = bench.stored as StandingState;
    for (const spoilt of [
      null,
      { ...whole, labels: {} },
      { ...whole, owners: [] },
      { ...whole, result: "Valid" },
      { ...whole, condition: null },
    ]) {
      bench.pass(10_000);
      const before = bench.writes.length;
      bench.stored = spoilt;
      bench.see();
      expect(bench.writes.length).toBe(before + 1);
      bench.carryOut();
      expect(bench.stored).toMatchObject({ result: "Invalid", owners: ["pod"] });
    }
  });

  it("is not written again for what the watch still shows of before the write", () => {
    const bench = new Bench();
    bench.see();
    bench.step({ kind: "problems", problems: [] });
    bench.step({ kind: "seen", standing: null });
    bench.carryOut();
    bench.step({ kind: "seen", standing: { ...(bench.stored as StandingState), condition: null } });
    expect(bench.writes.length).toBe(1);
    expect(bench.wakes).toEqual([1_000]);
    bench.pass(500);
    bench.see();
    bench.pass(500);
    expect(bench.writes.length).toBe(1);
  });

  it("waits longer after each failure, as long as the server asks, and writes the newest then", () => {
    const bench = new Bench();
    bench.see();
    bench.step({ kind: "problems", problems: [problem("a")] });
    bench.step({ kind: "failed", retryAfter: null });
    bench.pass(750);
    bench.step({ kind: "failed", retryAfter: 20_000 });
    bench.step({ kind: "problems", problems: [problem("b")] });
    bench.pass(19_000);
    expect(bench.writes.length).toBe(2);
    bench.pass(1_000);
    expect(bench.writes.length).toBe(3);
    expect(bench.writes[2]?.condition.message).toBe("configuration error: IPAddressPool b: is wrong");
  });

  it("never outgrows a condition, whatever the objects hold", () => {
    const bench = new Bench();
    bench.see();
    const problems = Array.from({ length: 500 }, (_, i) => problem(`p${i}`, "x".repeat(250_000)));
    bench.step({ kind: "problems", problems });
    const message = bench.writes[0]?.condition.message ?? "";
    expect(message.length).toBeLessThanOrEqual(32_768);
    expect(message).toMatch(/\nand 4\d\d more$/);
  });
});
