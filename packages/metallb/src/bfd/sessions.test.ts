import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { createBfdEngine } from "./engine.ts";
import type { BfdEffect } from "./events.ts";
import { decodeControl, encodeControl } from "./packet.ts";
import { type BfdSettings, needsNewSession, sameBfdSettings } from "./settings.ts";
import { ARRIVE, Bench, digest, settings } from "./testing.ts";

const kinds = (effects: readonly BfdEffect[]) => effects.map(({ kind }) => kind);

describe("settings", () => {
  const given = settings({ local: ip(4, 1n) });

  it.each<[what: string, change: Partial<BfdSettings>]>([
    ["the peer", { remote: ip(4, 7n) }],
    ["the own address", { local: ip(4, 2n) }],
    ["no own address", { local: null }],
    ["the interface", { interface: "eth0" }],
    ["the VRF", { vrf: "red" }],
    ["the hops", { multihop: true }],
    ["the least TTL", { minimumTtl: 250 }],
  ])("with another value for %s need another session", (_, change) => {
    expect(needsNewSession(given, { ...given, ...change })).toBe(true);
    expect(needsNewSession({ ...given, ...change }, given)).toBe(true);
    expect(sameBfdSettings(given, { ...given, ...change })).toBe(false);
    const bench = new Bench();
    bench.step({ kind: "session-set", settings: given });
    const effects = bench.step({ kind: "session-set", settings: { ...given, ...change } });
    expect(kinds(effects)).toEqual(expect.arrayContaining(["close", "open"]));
    expect(bench.engine.reports()).toHaveLength(1);
  });

  it.each<[what: string, change: Partial<BfdSettings>]>([
    ["what is received", { receiveInterval: 60 }],
    ["what is sent", { transmitInterval: 60 }],
    ["the multiplier", { detectMultiplier: 4 }],
    ["who begins", { passive: true }],
    ["who relies on it", { users: ["a", "b"] }],
  ])("with another value for %s change the session in place", (_, change) => {
    expect(needsNewSession(given, { ...given, ...change })).toBe(false);
    expect(sameBfdSettings(given, { ...given, ...change })).toBe(false);
    const bench = new Bench();
    bench.step({ kind: "session-set", settings: given });
    const effects = bench.step({ kind: "session-set", settings: { ...given, ...change } });
    expect(kinds(effects)).not.toContain("close");
    expect(kinds(effects)).not.toContain("open");
  });

  it("that say the same are the same, whoever made the addresses", () => {
    const again = settings({ local: ip(4, 1n), remote: ip(4, 0xc0000201n) });
    expect([needsNewSession(given, again), sameBfdSettings(given, again)]).toEqual([false, true]);
    expect(sameBfdSettings(settings(), settings())).toBe(true);
  });
});

describe("the users of a session", () => {
  it("are told of it when they are new, and only then", () => {
    const bench = new Bench().up();
    expect(kinds(bench.step({ kind: "session-set", settings: settings() }))).not.toContain("session");
    const effects = bench.step({ kind: "session-set", settings: settings({ users: ["router", "other"] }) });
    expect(effects).toContainEqual({
      kind: "session",
      report: expect.objectContaining({ users: ["router", "other"], state: "Up", path: "up" }),
    });
  });

  it("are told of each change of state, with what counts then", () => {
    const bench = new Bench().up({ transmitInterval: 70 });
    const told = bench.effects.flatMap((effect) => (effect.kind === "session" ? [effect.report] : []));
    expect(told.map(({ session, state, path, since }) => [session, state, path, since])).toEqual([
      ["router", "Init", "unknown", 1],
      ["router", "Up", "up", 1],
    ]);
    expect(told.map(({ transmitInterval }) => transmitInterval === null)).toEqual([true, false]);
    expect(bench.report).toMatchObject({ reason: "", since: 1, transmitInterval: 70, detectionTime: 150 });
    bench.advance(500);
    expect(bench.report).toMatchObject({ since: 151, transmitInterval: null, detectionTime: null });
  });

  it("hear nothing when a peer is lost that never made the session more than Down", () => {
    const bench = new Bench();
    ARRIVE.Down(bench);
    bench.hear("Up");
    bench.effects = [];
    bench.advance(5_000);
    expect(kinds(bench.effects)).not.toContain("session");
    expect(bench.report).toMatchObject({ since: 0, reason: "" });
  });

  it("read in the log when the path comes and when it goes, and why", () => {
    const bench = new Bench().up();
    bench.hear("Down");
    bench.hear("Down");
    bench.hear("Init");
    bench.hear("AdminDown");
    expect(bench.effects.filter(({ kind }) => kind === "log")).toEqual([
      { kind: "log", level: "info", session: "router", message: "BFD session up" },
      {
        kind: "log",
        level: "warn",
        session: "router",
        message: "BFD session down: the peer says that it does not hear us",
      },
      { kind: "log", level: "info", session: "router", message: "BFD session up" },
      { kind: "log", level: "warn", session: "router", message: "BFD session down: the peer ended it on purpose" },
    ]);
    expect(bench.report.reason).toBe("the peer ended it on purpose");
  });
});

describe("the counters", () => {
  it("count packets both ways, and only what belongs to the session", () => {
    const bench = new Bench();
    bench.set();
    bench.advance(1_500);
    expect(bench.engine.counters()).toMatchObject([
      {
        session: "router",
        up: false,
        controlPacketsInput: 0,
        controlPacketsOutput: 2,
        upEvents: 0,
        downEvents: 0,
      },
    ]);
    bench.hear("Down", { yourDiscriminator: 0 });
    bench.hear("Down", { yourDiscriminator: 5 });
    expect(bench.engine.counters()).toMatchObject([{ controlPacketsInput: 1, up: false }]);
    bench.hear("Init");
    expect(bench.engine.counters()).toMatchObject([{ controlPacketsInput: 2, up: true, upEvents: 1, downEvents: 0 }]);
    // A failure before it was ever up is none.
    const never = new Bench();
    ARRIVE.Init(never);
    never.advance(10_000);
    expect(never.report).toMatchObject({ state: "Down", path: "unknown" });
    expect(never.engine.counters()).toMatchObject([{ upEvents: 0, downEvents: 0 }]);
  });
});

describe("several sessions", () => {
  const others = [settings({ name: "a", remote: ip(4, 1n) }), settings({ name: "b", remote: ip(4, 2n) })];

  it("have discriminators of their own, even where chance repeats itself", () => {
    const numbers = (chance: number) => {
      const engine = createBfdEngine({ random: () => chance, digest });
      for (const each of [...others, settings()]) engine.step({ kind: "session-set", settings: each }, 0);
      return engine.step({ kind: "time" }, 1_000).flatMap((effect) => {
        const packet = effect.kind === "send" ? decodeControl(effect.bytes) : null;
        return packet?.ok ? [packet.value.myDiscriminator] : [];
      });
    };
    expect(numbers(0)).toEqual([1, 2, 3]);
    expect(numbers(0.5)).toEqual([0x80000000, 0x80000001, 0x80000002]);
    // After the greatest comes the least: never 0.
    expect(numbers(1 - 1e-12)).toEqual([0xffffffff, 1, 2]);
  });

  it("wake the shell for the first of them, and not again for what it knows", () => {
    const engine = createBfdEngine({ random: () => 0, digest });
    const wakes = (effects: readonly BfdEffect[]) =>
      effects.flatMap((effect) => (effect.kind === "wake" ? [effect.at] : []));
    const [a, b] = others as [BfdSettings, BfdSettings];
    expect(wakes(engine.step({ kind: "session-set", settings: a }, 100))).toEqual([100]);
    expect(wakes(engine.step({ kind: "session-set", settings: b }, 200))).toEqual([]);
    // The first was a tenth of a second late, and makes that good.
    expect(wakes(engine.step({ kind: "time" }, 200))).toEqual([1_100]);
    // Too early: nothing is sent, and the shell is asked again.
    const early = engine.step({ kind: "time" }, 700);
    expect([kinds(early), wakes(early)]).toEqual([["wake"], [1_100]]);
    expect(engine.step({ kind: "session-removed", session: "nobody" }, 800)).toEqual([]);
  });

  it("end on purpose at a shutdown, each with a word to its peer", () => {
    const bench = new Bench().up();
    for (const each of others) bench.step({ kind: "session-set", settings: each });
    const effects = bench.step({ kind: "shutdown" });
    expect(kinds(effects)).toEqual(["send", "close", "send", "close", "send", "close"]);
    expect(effects.flatMap((effect) => (effect.kind === "close" ? [effect.session] : []))).toEqual([
      "router",
      "a",
      "b",
    ]);
    expect([bench.engine.reports(), bench.engine.counters()]).toEqual([[], []]);
    expect(bench.last).toMatchObject({ state: "AdminDown", diagnostic: 7, poll: false });
  });

  it("to one peer over several interfaces, or also over hops, are told apart", () => {
    const bench = new Bench();
    const from = ip(6, 0xfe80n << 112n);
    const places = [
      settings({ name: "eth0", remote: from, interface: "eth0" }),
      settings({ name: "eth1", remote: from, interface: "eth1" }),
      settings({ name: "far", remote: from, multihop: true }),
    ];
    for (const each of places) bench.step({ kind: "session-set", settings: each });
    bench.advance(1);
    const [{ packet } = { packet: null }] = bench.sent;
    if (!packet) throw new Error("nothing sent");
    const bytes = encodeControl({ ...packet, myDiscriminator: 9, yourDiscriminator: 0 });
    bench.step({ kind: "received", bytes, from, interface: "eth1", multihop: false });
    expect(bench.engine.reports().map(({ session, state }) => `${session} ${state}`)).toEqual([
      "eth0 Down",
      "eth1 Init",
      "far Down",
    ]);
    bench.step({ kind: "session-removed", session: "eth1" });
    bench.step({ kind: "received", bytes, from, interface: null, multihop: true });
    expect(bench.engine.reports().map(({ session, state }) => `${session} ${state}`)).toEqual([
      "eth0 Down",
      "far Init",
    ]);
  });
});

describe("a session that was removed", () => {
  it("answers nobody any more, by number or by place", () => {
    const bench = new Bench().up();
    const { discriminator } = bench;
    bench.step({ kind: "session-removed", session: "router" });
    for (const yourDiscriminator of [0, discriminator])
      expect(bench.hear("Down", { yourDiscriminator, poll: true })).toEqual([]);
  });

  it("leaves its place to the one that has it now", () => {
    const bench = new Bench();
    bench.set({ name: "old" });
    bench.set({ name: "new" });
    bench.step({ kind: "session-removed", session: "old" });
    bench.hear("Down", { yourDiscriminator: 0 });
    expect(bench.engine.reports()).toMatchObject([{ session: "new", state: "Init" }]);
  });

  it("asks for no answer with its last word", () => {
    const bench = new Bench();
    ARRIVE.Up(bench);
    expect(bench.last?.poll).toBe(true);
    bench.step({ kind: "session-removed", session: "router" });
    expect(bench.last).toMatchObject({ state: "AdminDown", poll: false });
  });
});

describe("a session that waits for its peer", () => {
  it("goes silent again when the peer is gone, and ends without a word", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    bench.hear("Down", { yourDiscriminator: 0, desiredMinTx: 1_000_000 });
    bench.advance(2_999);
    expect(bench.report.state).toBe("Init");
    bench.advance(1);
    expect(bench.report.state).toBe("Down");
    bench.sent = [];
    bench.advance(10_000);
    expect(bench.sent).toEqual([]);
    expect(kinds(bench.step({ kind: "session-removed", session: "router" }))).toEqual(["close"]);
  });

  it("tells a peer that it has heard when it ends", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    bench.hear("Down", { yourDiscriminator: 0 });
    bench.step({ kind: "session-removed", session: "router" });
    expect(bench.last).toMatchObject({ state: "AdminDown", diagnostic: 7, yourDiscriminator: 77 });
  });

  it("begins by itself once it may", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    bench.set({ passive: false });
    bench.advance(1);
    expect(bench.sent).toHaveLength(1);
  });
});
