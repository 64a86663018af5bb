import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ElectionEffect,
  type ElectionEvent,
  ElectionMachine,
  type LeaseSpec,
  type Replicas,
} from "./election-machine.ts";

const SETTINGS = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };
const make = (identity = "me") => new ElectionMachine({ identity, ...SETTINGS }, () => 0);
const kinds = (effects: readonly ElectionEffect[]): string[] => effects.map(({ kind }) => kind);
const forbidden = { kind: "failed", status: 403, conflict: false, message: "forbidden" } as const;

/** A machine that has won at 0. */
function leader(): ElectionMachine {
  const machine = make();
  machine.step({ kind: "start" }, 0);
  machine.step({ kind: "read", spec: null }, 0);
  machine.step({ kind: "written" }, 0);
  return machine;
}

describe("the election", () => {
  it("takes a Lease that is free, and renews it", () => {
    const machine = make();
    expect(kinds(machine.step({ kind: "start" }, 0))).toContain("read");
    expect(machine.step({ kind: "read", spec: null }, 1)).toEqual([{ kind: "write", take: true }]);
    expect(kinds(machine.step({ kind: "written" }, 2))).toEqual(["won", "wake"]);
    expect(kinds(machine.step({ kind: "time" }, 2_002))).toContain("read");
    expect(machine.step({ kind: "read", spec: { holderIdentity: "me" } }, 2_003)).toEqual([
      { kind: "write", take: true },
    ]);
    expect(kinds(machine.step({ kind: "written" }, 2_004))).toEqual(["wake"]);
    expect([machine.isLeader(12_001), machine.isLeader(12_002)]).toEqual([true, false]);
  });

  it("waits until it has seen no renewal for the whole duration, whatever the clocks say", () => {
    const machine = make();
    const spec: LeaseSpec = { holderIdentity: "other", renewTime: "1999", leaseDurationSeconds: 15 };
    machine.step({ kind: "start" }, 0);
    expect(kinds(machine.step({ kind: "read", spec }, 0))).toEqual(["wake"]);
    machine.step({ kind: "time" }, 15_000);
    expect(kinds(machine.step({ kind: "read", spec }, 15_000))).toEqual(["wake"]);
    machine.step({ kind: "time" }, 17_000);
    expect(machine.step({ kind: "read", spec }, 17_000)).toEqual([{ kind: "write", take: true }]);
  });

  it("gives up at the deadline by itself, and when another holds the Lease", () => {
    const late = leader();
    late.step({ kind: "time" }, 2_000);
    expect(kinds(late.step({ kind: "time" }, 10_000))).toContain("lost");
    const overtaken = leader();
    overtaken.step({ kind: "time" }, 2_000);
    const spec: LeaseSpec = { holderIdentity: "other", renewTime: "1" };
    expect(overtaken.step({ kind: "read", spec }, 2_001)[0]).toEqual({ kind: "lost", why: "other holds the Lease" });
  });

  it("goes on asking where Leases are forbidden, leads alone after a whole duration, and yields to a holder", () => {
    const machine = make();
    machine.step({ kind: "start" }, 0);
    expect(kinds(machine.step(forbidden, 0))).toEqual(["trouble", "wake"]);
    machine.step({ kind: "time" }, 14_000);
    expect([kinds(machine.step(forbidden, 14_000)), machine.isLeader(14_000)]).toEqual([["trouble", "wake"], false]);
    machine.step({ kind: "time" }, 40_000);
    expect(kinds(machine.step(forbidden, 40_000))).toEqual(["trouble", "won", "wake"]);
    expect(machine.isLeader(1e9)).toBe(true);
    expect(kinds(machine.step({ kind: "time" }, 1e6))).toContain("read");
    const spec: LeaseSpec = { holderIdentity: "other", renewTime: "1" };
    expect(kinds(machine.step({ kind: "read", spec }, 1e6))).toContain("lost");
    expect(machine.isLeader(1e6)).toBe(false);
  });

  it.each<readonly [string, Replicas | null, RegExp, boolean]>([
    ["there shall be more of it", { wanted: 2, running: 1 }, /there shall be 2 replicas, so none of them leads/, false],
    ["nobody says how many there are", null, /cannot be read, so this process does not lead/, false],
    ["the one before it still runs", { wanted: 1, running: 2 }, /until the replica before this one has ended/, true],
  ])("never leads alone where Leases are forbidden and %s", (_, replicas, words, standsBy) => {
    const machine = make();
    machine.step({ kind: "start" }, 0);
    for (let now = 0; now < 200_000; now += 20_000) {
      if (now > 0) expect(kinds(machine.step({ kind: "time" }, now))).toContain("read");
      const [trouble, ...rest] = machine.step({ ...forbidden, replicas }, now);
      expect(trouble).toEqual({ kind: "trouble", message: expect.stringMatching(words), standsBy });
      expect(trouble).toEqual({
        kind: "trouble",
        message: expect.stringMatching(/^missing right: get, create and update leases/),
        standsBy,
      });
      expect([kinds(rest), machine.isLeader(now)]).toEqual([["wake"], false]);
    }
  });

  it("leads alone a whole duration after the replica before it has ended, and goes on when more are wanted", () => {
    const machine = make();
    const step = (replicas: Replicas, now: number) => {
      machine.step({ kind: "time" }, now);
      return kinds(machine.step({ ...forbidden, replicas }, now));
    };
    machine.step({ kind: "start" }, 0);
    machine.step({ ...forbidden, replicas: { wanted: 1, running: 2 } }, 0);
    expect(step({ wanted: 1, running: 2 }, 60_000)).toEqual(["trouble", "wake"]);
    expect(step({ wanted: 1, running: 1 }, 90_000)).toEqual(["trouble", "wake"]);
    expect(step({ wanted: 1, running: 1 }, 106_000)).toEqual(["trouble", "won", "wake"]);
    expect(step({ wanted: 2, running: 2 }, 130_000)).toEqual(["trouble", "wake"]);
    expect(machine.isLeader(131_000)).toBe(true);
  });

  it("comes back no sooner than the API asks, and gives up at its deadline meanwhile", () => {
    const machine = leader();
    machine.step({ kind: "time" }, 2_000);
    const busy: ElectionEvent = { kind: "failed", status: 429, conflict: false, message: "busy", retryAfter: 20_000 };
    expect(machine.step(busy, 2_000)).toContainEqual({ kind: "wake", at: 10_000 });
    expect(kinds(machine.step({ kind: "time" }, 10_000))).toEqual(["lost", "wake"]);
    expect(kinds(machine.step({ kind: "time" }, 21_999))).toEqual(["wake"]);
    expect(kinds(machine.step({ kind: "time" }, 22_000))).toContain("read");
  });

  it("never leads alone once it has seen a Lease: being forbidden is an outage then", () => {
    const machine = make();
    machine.step({ kind: "start" }, 0);
    machine.step({ kind: "read", spec: { holderIdentity: "other", renewTime: "1" } }, 0);
    for (let now = 10_000; now < 200_000; now += 20_000) {
      expect(kinds(machine.step({ kind: "time" }, now))).toContain("read");
      expect(kinds(machine.step(forbidden, now))).toEqual(["trouble", "wake"]);
    }
    const mine = leader();
    mine.step({ kind: "time" }, 2_000);
    mine.step(forbidden, 2_001);
    expect(mine.isLeader(2_002)).toBe(true);
    expect(kinds(mine.step({ kind: "time" }, 10_001))).toContain("lost");
  });

  it("hands over when it stops, after what is under way", () => {
    const idle = leader();
    expect(kinds(idle.step({ kind: "stop" }, 1))).toContain("read");
    expect(idle.isLeader(1)).toBe(false);
    expect(idle.step({ kind: "read", spec: { holderIdentity: "me" } }, 2)).toEqual([{ kind: "write", take: false }]);
    expect(kinds(idle.step({ kind: "written" }, 3))).toEqual(["wake", "ended"]);
    const busy = leader();
    busy.step({ kind: "time" }, 2_000);
    busy.step({ kind: "read", spec: { holderIdentity: "me" } }, 2_000);
    expect(busy.step({ kind: "stop" }, 2_001)).toEqual([]);
    expect(kinds(busy.step({ kind: "written" }, 2_002))).toContain("read");
    expect(kinds(make().step({ kind: "stop" }, 0))).toContain("ended");
  });
});

/** Machines on one Lease; requests are answered in any order, fail before or after they count, or are forbidden. */
class Model {
  private readonly machines = ["a", "b", "c"].map((identity) => ({
    identity,
    machine: make(identity),
    request: null as "read" | "take" | "give" | null,
    base: 0,
    wakeAt: null as number | null,
  }));
  private lease: LeaseSpec | null = null;
  private version = 0;
  private now = 0;

  constructor() {
    for (let i = 0; i < this.machines.length; i++) this.step(i, { kind: "start" });
  }

  serve(i: number, result: "ok" | "lost" | "fails" | "forbidden"): void {
    const one = this.machines[i];
    if (!one?.request) return;
    const { request } = one;
    one.request = null;
    if (result === "forbidden") return this.step(i, { ...forbidden, replicas: { wanted: 3, running: 3 } });
    if (result === "fails") return this.step(i, { kind: "failed", status: 500, conflict: false, message: "" });
    if (request === "read") {
      one.base = this.version;
      return this.step(i, { kind: "read", spec: this.lease });
    }
    if (one.base !== this.version) return this.step(i, { kind: "failed", status: 409, conflict: true, message: "" });
    this.version++;
    this.lease =
      request === "take"
        ? { holderIdentity: one.identity, renewTime: String(this.version), leaseDurationSeconds: 15 }
        : { holderIdentity: "", leaseDurationSeconds: 1 };
    if (result === "lost") this.step(i, { kind: "failed", status: 0, conflict: false, message: "" });
    else this.step(i, { kind: "written" });
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    for (let i = 0; i < this.machines.length; i++)
      if (this.machines[i]?.wakeAt !== null && (this.machines[i]?.wakeAt ?? 0) <= this.now)
        this.step(i, { kind: "time" });
  }

  private step(i: number, event: ElectionEvent): void {
    const one = this.machines[i];
    if (!one) return;
    for (const effect of one.machine.step(event, this.now)) {
      if (effect.kind === "read") one.request = "read";
      else if (effect.kind === "write") one.request = effect.take ? "take" : "give";
      else if (effect.kind === "wake") one.wakeAt = effect.at;
    }
  }

  get leaders(): string[] {
    return this.machines.filter(({ machine }) => machine.isLeader(this.now)).map(({ identity }) => identity);
  }
}

it.each([
  ["each has seen the Lease once", true],
  ["the Deployment says how many there are", false],
])("two never lead at once, whatever fails, where %s", (_, seen) => {
  const move = fc.oneof(
    fc.tuple(fc.nat(2), fc.constantFrom("ok", "ok", "ok", "lost", "fails", "forbidden")).map(
      ([i, result]) =>
        (model: Model) =>
          model.serve(i, result as "ok"),
    ),
    fc.constantFrom(10, 500, 2_500, 6_000).map((milliseconds) => (model: Model) => model.pass(milliseconds)),
  );
  let led = 0;
  fc.assert(
    fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
      const model = new Model();
      if (seen) for (const i of [0, 1, 2]) model.serve(i, "ok");
      for (const apply of moves) {
        apply(model);
        expect(model.leaders.length).toBeLessThanOrEqual(1);
        led += model.leaders.length;
      }
    }),
    { numRuns: 2_000, seed: 3 },
  );
  expect(led).toBeGreaterThan(1_000);
});
