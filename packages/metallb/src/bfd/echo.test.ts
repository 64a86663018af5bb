import { describe, expect, it } from "vitest";
import { Bench } from "./testing.ts";

const ECHO = { echoInterval: 20, receiveInterval: 50, transmitInterval: 50 } as const;
const LOOPS = { requiredMinEchoRx: 30_000 } as const;

/** Up with a peer that sends echo packets back, and a shell that can do so too. */
function echoing(more: object = {}): Bench {
  const bench = new Bench();
  bench.up({ ...ECHO, ...more });
  bench.step({ kind: "echo-ready", session: "router", sends: true, returns: true });
  bench.hear("Up", LOOPS);
  bench.hear("Up", { ...LOOPS, final: true });
  bench.effects = [];
  return bench;
}

const echoes = (bench: Bench): readonly Uint8Array[] =>
  bench.effects.splice(0).flatMap((effect) => (effect.kind === "echo" ? [effect.bytes] : []));

/** Time passes, each packet comes back `after` later, and control packets go on coming. */
function pass(bench: Bench, milliseconds: number, returns = true): number {
  let count = 0;
  for (let at = 0; at < milliseconds; at += 10) {
    bench.advance(10);
    const bytes = echoes(bench);
    count += bytes.length;
    if (at % 500 === 0) bench.hear("Up", { ...LOOPS, desiredMinTx: 1_000_000 });
    if (returns) for (const each of bytes) bench.step({ kind: "echo-returned", bytes: each });
  }
  return count;
}

describe("echo packets (RFC 5880 section 6.8.9)", () => {
  it("are sent while Up, no more often than the peer sends them back, and slow the control packets", () => {
    const bench = echoing();
    const sent = pass(bench, 3_000);
    expect(bench.last).toMatchObject({ requiredMinEchoRx: 20_000, requiredMinRx: 1_000_000 });
    expect(sent).toBeGreaterThanOrEqual(95);
    expect(sent).toBeLessThanOrEqual(101);
    expect(bench.report.state).toBe("Up");
    expect(bench.engine.counters()).toMatchObject([{ echoPacketsInput: sent, downEvents: 0 }]);
  });

  it("that do not come back are a failure after so many as the multiplier says", () => {
    const bench = echoing();
    pass(bench, 2_000);
    const began = bench.now;
    pass(bench, 200, false);
    expect(bench.report).toMatchObject({ state: "Down", path: "down", reason: "echo packets did not come back" });
    expect(bench.report.since - began).toBeGreaterThan(3 * 30 - 31);
    expect(bench.report.since - began).toBeLessThanOrEqual(3 * 30);
    expect(bench.last).toMatchObject({ diagnostic: 2, state: "Down", requiredMinRx: 50_000 });
    expect(pass(bench, 500, false)).toBe(0);
  });

  it("have a second for the first to come back", () => {
    const bench = echoing();
    pass(bench, 900, false);
    expect(bench.report.state).toBe("Up");
    pass(bench, 200, false);
    expect(bench.report.state).toBe("Down");
  });

  it("count only when they are of this session, of ours and not old", () => {
    const bench = echoing();
    pass(bench, 1_500);
    const first = (() => {
      bench.advance(40);
      return echoes(bench)[0] ?? new Uint8Array();
    })();
    const before = bench.engine.counters()[0]?.echoPacketsInput;
    for (let at = 0; at < first.length; at++)
      bench.step({ kind: "echo-returned", bytes: first.with(at, (first[at] ?? 0) ^ 0x80) });
    for (let length = 0; length < first.length; length++)
      bench.step({ kind: "echo-returned", bytes: first.slice(0, length) });
    expect(bench.engine.counters()[0]?.echoPacketsInput).toBe(before);
    bench.step({ kind: "echo-returned", bytes: first });
    pass(bench, 600);
    const then = bench.engine.counters()[0]?.echoPacketsInput;
    bench.step({ kind: "echo-returned", bytes: first });
    expect(bench.engine.counters()[0]?.echoPacketsInput).toBe(then);
  });

  it("end when the peer does not send them back any more, which is no failure", () => {
    const bench = echoing();
    pass(bench, 1_000);
    bench.hear("Up", { requiredMinEchoRx: 0 });
    bench.hear("Up", { requiredMinEchoRx: 0, final: true });
    bench.effects = [];
    bench.advance(100);
    expect([echoes(bench).length, bench.report.state]).toEqual([0, "Up"]);
    expect(bench.last?.requiredMinRx).toBe(50_000);
  });

  it("are not sent where they are not asked for, or the shell cannot; nor is it said that they go back", () => {
    for (const [echoInterval, sends, returns] of [
      [null, true, true],
      [20, false, false],
    ] as const) {
      const bench = new Bench();
      bench.up({ ...ECHO, echoInterval });
      bench.step({ kind: "echo-ready", session: "router", sends, returns });
      bench.hear("Up", { ...LOOPS, poll: true });
      bench.advance(140);
      expect(echoes(bench)).toEqual([]);
      expect(bench.last?.requiredMinEchoRx).toBe(0);
    }
  });
});
