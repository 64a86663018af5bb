import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { createBfdEngine } from "./engine.ts";
import type { BfdEvent, Instant } from "./events.ts";
import { NEXT } from "./machine.ts";
import { type BfdState, type ControlPacket, encodeControl } from "./packet.ts";
import { ARRIVE, Bench, digest, PEER, settings } from "./testing.ts";

describe("the state machine of RFC 5880 section 6.8.6", () => {
  const expected = {
    Down: { AdminDown: "Down", Down: "Init", Init: "Up", Up: "Down" },
    Init: { AdminDown: "Down", Down: "Init", Init: "Up", Up: "Up" },
    Up: { AdminDown: "Down", Down: "Down", Init: "Up", Up: "Up" },
  } as const;
  for (const state of ["Down", "Init", "Up"] as const)
    for (const heard of ["AdminDown", "Down", "Init", "Up"] as const)
      it(`${state}, hears ${heard}: ${expected[state][heard]}`, () => {
        const bench = new Bench();
        ARRIVE[state](bench);
        expect(bench.report.state).toBe(state);
        bench.hear(heard);
        expect(bench.report.state).toBe(expected[state][heard]);
        expect(NEXT[state][heard]).toBe(expected[state][heard]);
      });
});

it("a session that ended on purpose stays ended, whatever is heard", () => {
  expect(Object.values(NEXT.AdminDown)).toEqual(["AdminDown", "AdminDown", "AdminDown", "AdminDown"]);
});

describe("sending", () => {
  it("is slow until Up, then asks by a poll, and is as configured after the answer", () => {
    const bench = new Bench();
    bench.set();
    bench.advance(2_500);
    expect(bench.sent.map(({ at }) => at)).toEqual([0, 1_000, 2_000]);
    expect(bench.last).toMatchObject({ state: "Down", yourDiscriminator: 0, desiredMinTx: 1_000_000, poll: false });
    bench.hear("Down", { yourDiscriminator: 0 });
    bench.hear("Init");
    expect(bench.last).toMatchObject({ state: "Up", yourDiscriminator: 77, desiredMinTx: 50_000, poll: true });
    bench.hear("Up", { final: true });
    bench.sent = [];
    bench.advance(100);
    expect(bench.sent.map(({ at }) => at)).toEqual([2_550, 2_600]);
    expect(bench.last?.poll).toBe(false);
    expect(bench.report).toMatchObject({ transmitInterval: 50, detectionTime: 150 });
  });

  it("goes by the slower of what we want and what the peer takes, as soon as that changes", () => {
    const bench = new Bench().up({ transmitInterval: 20 });
    bench.hear("Up", { requiredMinRx: 1_000_000, desiredMinTx: 5_000_000 });
    bench.sent = [];
    bench.advance(2_000);
    expect(bench.sent.length).toBeLessThanOrEqual(2);
    bench.hear("Up", { requiredMinRx: 30_000, desiredMinTx: 5_000_000 });
    bench.sent = [];
    bench.advance(300);
    expect(bench.sent.length).toBe(10);
  });

  it("is spread by up to a quarter", () => {
    const bench = new Bench(() => 0.999).up();
    const from = bench.sent.at(-1)?.at ?? 0;
    bench.sent = [];
    bench.advance(39);
    expect(bench.sent).toHaveLength(1);
    expect((bench.sent[0]?.at ?? 0) - from).toBeCloseTo(37.5, 1);
  });

  it("answers a poll at once", () => {
    const bench = new Bench().up();
    bench.sent = [];
    bench.hear("Up", { poll: true });
    expect(bench.sent.map(({ packet }) => [packet.final, packet.poll])).toEqual([[true, false]]);
  });

  it("stops where the peer takes nothing, or asks for silence while both are Up", () => {
    for (const silence of [{ requiredMinRx: 0 }, { demand: true }]) {
      const bench = new Bench().up();
      bench.hear("Up", silence);
      bench.sent = [];
      bench.advance(140);
      expect(bench.sent).toEqual([]);
    }
  });

  it("does not begin where the peer is to begin", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    bench.advance(10_000);
    expect(bench.sent).toEqual([]);
    bench.hear("Down", { yourDiscriminator: 0, desiredMinTx: 1_000_000 });
    bench.advance(1_000);
    expect(bench.last).toMatchObject({ state: "Init", yourDiscriminator: 77 });
  });
});

describe("a failure", () => {
  it("is silence for the peer's multiplier of the slower interval, not a moment less", () => {
    const bench = new Bench().up();
    bench.hear("Up", { detectMultiplier: 4, desiredMinTx: 80_000 });
    bench.advance(319);
    expect(bench.report.state).toBe("Up");
    bench.advance(1);
    expect(bench.report).toMatchObject({
      state: "Down",
      path: "down",
      reason: "nothing was heard within the detection time",
    });
    expect(bench.last).toMatchObject({ state: "Down", diagnostic: 1 });
  });

  it("is not told from the slow start on before the peer has agreed to be faster", () => {
    const bench = new Bench();
    ARRIVE.Up(bench);
    // The peer still sends once a second.
    bench.hear("Up", { desiredMinTx: 1_000_000 });
    bench.advance(2_999);
    expect(bench.report.state).toBe("Up");
  });

  it("that the peer tells is one, an end on purpose is none", () => {
    const told = new Bench().up();
    told.hear("Down");
    expect(told.report).toMatchObject({ state: "Down", path: "down" });
    const ended = new Bench().up();
    ended.hear("AdminDown");
    expect(ended.report).toMatchObject({ state: "Down", path: "unknown" });
  });

  it("is over when the session is Up again, also with a peer that began anew", () => {
    const bench = new Bench().up();
    bench.advance(1_000);
    expect(bench.report.path).toBe("down");
    bench.hear("Down", { myDiscriminator: 78, yourDiscriminator: 0 });
    bench.hear("Init", { myDiscriminator: 78 });
    expect(bench.report).toMatchObject({ state: "Up", path: "up" });
    expect(bench.engine.counters()).toMatchObject([{ up: true, upEvents: 2, downEvents: 1 }]);
  });
});

describe("a change in place", () => {
  it("keeps the session, polls, and counts its slower detection only after the answer", () => {
    const bench = new Bench().up();
    bench.set({ receiveInterval: 20, transmitInterval: 20 });
    bench.advance(50);
    expect(bench.last).toMatchObject({ state: "Up", poll: true, requiredMinRx: 20_000, desiredMinTx: 20_000 });
    bench.hear("Up", { desiredMinTx: 10_000 });
    expect(bench.report.detectionTime).toBe(150);
    bench.hear("Up", { desiredMinTx: 10_000, final: true });
    expect(bench.report.detectionTime).toBe(60);
  });

  it("to another peer is another session", () => {
    const bench = new Bench().up();
    bench.set({ remote: ip(4, 1n) });
    expect(bench.report.state).toBe("Down");
    expect(bench.effects.slice(-4).map(({ kind }) => kind)).toContain("close");
  });
});

describe("an end", () => {
  it("tells the peer that it is on purpose", () => {
    const bench = new Bench().up();
    bench.step({ kind: "session-removed", session: "router" });
    expect(bench.last).toMatchObject({ state: "AdminDown", diagnostic: 7 });
    expect(bench.engine.reports()).toEqual([]);
    bench.hear("Up");
    bench.advance(10_000);
    expect(bench.last?.state).toBe("AdminDown");
  });
});

describe("what belongs to nobody", () => {
  it("does nothing: unknown senders, other discriminators, other hops, authentication", () => {
    const bench = new Bench().up();
    const before = bench.engine.reports();
    const packet = (yourDiscriminator: number, state: BfdState = "Down") =>
      encodeControl({
        ...(bench.last as ControlPacket),
        poll: false,
        state,
        yourDiscriminator,
      });
    const from = (bytes: Uint8Array, overrides: Partial<Extract<BfdEvent, { kind: "received" }>>) =>
      bench.step({ kind: "received", bytes, from: PEER, interface: null, multihop: false, ...overrides });
    from(packet(0), { from: ip(4, 9n) });
    from(packet(bench.discriminator), { from: ip(4, 9n) });
    from(packet(bench.discriminator), { multihop: true });
    from(packet(12345), {});
    const signed = packet(bench.discriminator);
    signed[1] = (signed[1] ?? 0) | 4;
    signed[3] = 26;
    from(Uint8Array.of(...signed, 1, 2), {});
    expect(bench.engine.reports()).toEqual(before);
  });
});

describe("two engines", () => {
  it("find each other, and each other's end, whatever chance says", () => {
    for (const seed of [0.1, 0.37, 0.9]) {
      let chance = seed;
      const random = () => (chance = (chance * 9301 + 0.49297) % 1);
      const ends = [createBfdEngine({ random, digest }), createBfdEngine({ random, digest })];
      const wakes: (Instant | null)[] = [null, null];
      let now = 0;
      let cut = false;
      const post = (side: number, event: BfdEvent): void => {
        const mail: Uint8Array[] = [];
        for (const effect of ends[side]?.step(event, now) ?? []) {
          if (effect.kind === "wake") wakes[side] = effect.at;
          if (effect.kind === "send") mail.push(effect.bytes);
        }
        if (cut) return;
        for (const bytes of mail)
          post(1 - side, { kind: "received", bytes, from: PEER, interface: null, multihop: false });
      };
      const run = (until: Instant): void => {
        for (;;) {
          const next = Math.min(...wakes.map((at) => at ?? Number.POSITIVE_INFINITY));
          if (next > until) break;
          now = Math.max(now, next);
          const side = wakes[0] === next ? 0 : 1;
          wakes[side] = null;
          post(side, { kind: "time" });
        }
        now = until;
      };
      const states = () => ends.map((end) => end.reports()[0]?.state);
      post(0, { kind: "session-set", settings: settings() });
      post(1, { kind: "session-set", settings: settings({ transmitInterval: 100, receiveInterval: 80 }) });
      run(3_000);
      expect(states()).toEqual(["Up", "Up"]);
      run(60_000);
      expect(ends.map((end) => end.counters()[0]?.downEvents)).toEqual([0, 0]);
      cut = true;
      run(60_500);
      expect(states()).toEqual(["Down", "Down"]);
    }
  });
});
