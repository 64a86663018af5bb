import { describe, expect, it } from "vitest";
import type { BgpEffect } from "./events.ts";
import { encodeKeepalive } from "./packet/keepalive.ts";
import { encodeOpen } from "./packet/open.ts";
import { replay } from "./replay.ts";
import { announce, Bench, hostRoutes, PLAIN, peerOpen, Reader } from "./testing.ts";

describe("the engine", () => {
  it("remembers the last events, oldest first, without secrets", () => {
    const bench = new Bench(() => 1, 3);
    bench.routes(announce(["10.0.0.0/8"]));
    bench.set({ password: "do not tell" });
    expect(
      JSON.stringify(bench.engine.recent(), (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toContain("do not tell");
    expect(bench.engine.recent()).toMatchObject([
      { number: 1, at: 0, event: { kind: "routes", change: announce(["10.0.0.0/8"]) }, random: [] },
      { number: 2, at: 0, event: { kind: "peer-set", settings: { password: "***" } }, random: [1] },
    ]);
    bench.now = 5;
    bench.connected();
    bench.drain();
    const octets = encodeKeepalive();
    bench.receive(octets);
    octets.fill(0);
    expect(bench.engine.recent().map(({ event }) => event)).toEqual([
      expect.objectContaining({ kind: "connected" }),
      { kind: "drained", connection: bench.connection },
      { kind: "received", connection: bench.connection, bytes: encodeKeepalive() },
    ]);
  });

  it("keeps few routes in what it remembers, however many there were", () => {
    const bench = new Bench();
    const held = () =>
      bench.engine.recent().flatMap(({ event }) => (event.kind === "routes" ? event.change.announce : [])).length;
    for (let i = 0; i < 50; i++) {
      bench.routes(hostRoutes(800, PLAIN, 0x0a000000 + i * 800));
      expect(held()).toBeLessThanOrEqual(10_000);
    }
    expect(held()).toBe(9_600);
    bench.routes(hostRoutes(20_000));
    expect(bench.engine.recent().at(-1)).toMatchObject({ number: 51, leftOut: 20_000 });
    // Withdrawals count as well, and ten thousand in all may stay.
    const { announce: routes } = hostRoutes(10_000);
    const withdrawn = routes.map(({ prefix }) => prefix);
    bench.routes({ table: "all", announce: [], withdraw: withdrawn.slice(0, 5_000) });
    bench.routes({ table: "all", announce: routes.slice(0, 5_000), withdraw: [] });
    expect(
      bench.engine
        .recent()
        .map(({ number, leftOut }) => [number, leftOut])
        .slice(-3),
    ).toEqual([
      [51, 20_000],
      [52, 0],
      [53, 0],
    ]);
    bench.routes(hostRoutes(1));
    expect(bench.engine.recent()[0]?.number).toBe(53);
    bench.routes({ table: "all", announce: [], withdraw: withdrawn });
    expect(bench.engine.recent()).toMatchObject([{ number: 55, leftOut: 0 }]);
  });

  it("can be replayed from what it remembers, octet for octet", () => {
    let chance = 0;
    const bench = new Bench(() => (chance = (chance * 7 + 0.13) % 1));
    const asked: (readonly BgpEffect[])[] = [];
    const { engine } = bench;
    const step = engine.step.bind(engine);
    engine.step = (event, now) => {
      const effects = step(event, now);
      asked.push(effects);
      return effects;
    };
    bench.routes(announce(["10.0.0.0/8", "2001:db8::/32"]));
    bench.establish({ keepaliveTime: 5 });
    bench.advance(20_000);
    bench.routes(announce(["10.1.0.0/16"]));
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset by the peer" });
    bench.advance(5_000);
    const again = replay(engine.recent());
    expect(again.exact).toBe(true);
    expect(again.steps.map(({ effects }) => effects)).toEqual(asked);
    expect(again.reports).toEqual(engine.reports());
    expect(replay(engine.recent().slice(1)).exact).toBe(false);
  });

  it("names no secret in anything that it logs or reports", () => {
    const bench = new Bench();
    bench.establish({ password: "do not tell" });
    const told = [...bench.set({ password: "another" }), ...bench.engine.reports()].filter(
      (each) => !("kind" in each) || each.kind !== "connect",
    );
    expect(JSON.stringify(told, (_, value) => (typeof value === "bigint" ? `${value}` : value))).not.toMatch(
      /do not tell|another/,
    );
  });

  it("gives the same effects for the same events, octet for octet", () => {
    const run = () => {
      const bench = new Bench(() => 0.3);
      bench.routes(announce(["10.0.0.0/8", "2001:db8::/32"]));
      const { heard, bytes } = bench.establish();
      return { heard, bytes, later: bench.advance(100_000), reports: bench.engine.reports() };
    };
    expect(run()).toEqual(run());
  });

  it("names the connections that it opens by even numbers, each by one of its own", () => {
    const bench = new Bench();
    const asked = ["a", "b", "c"].flatMap((name) =>
      bench.set({ name }).flatMap((effect) => (effect.kind === "connect" ? [effect.connection] : [])),
    );
    expect(asked).toEqual([2, 4, 6]);
  });

  it("asks to be woken for a connection that it has accepted, too", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    expect(bench.wakeAt).toBeNull();
    bench.accepted(1);
    expect(bench.wakeAt).toBe(240_000);
  });

  it("says during a drain that routes will go to peers that come meanwhile, too", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"]));
    bench.step({ kind: "drain", on: true });
    expect(bench.establish().routes.get("10.0.0.0/8")?.communities).toEqual([0xffff0000]);
    bench.step({ kind: "drain", on: false });
    const late = new Reader();
    bench.set({ name: "late" });
    bench.connected();
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    bench.drain();
    bench.receive(encodeKeepalive());
    late.read(bench.sent());
    expect(late.routes.get("10.0.0.0/8")?.communities).toEqual([]);
  });

  it("keeps a table for peers to come, whoever read it before", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"], PLAIN, "red"));
    bench.establish({ table: "red" });
    bench.set({ table: "all" });
    bench.drain();
    bench.step({ kind: "peer-removed", peer: "router" });
    expect([...bench.establish({ table: "red" }).routes.keys()]).toEqual(["10.0.0.0/8"]);
    const { connection } = bench;
    // An empty one is read by its peer though another peer goes.
    bench.set({ name: "other", table: "blue" });
    bench.set({ name: "third", table: "blue" });
    bench.step({ kind: "peer-removed", peer: "third" });
    bench.set({ table: "blue" });
    bench.drain(connection);
    const told = new Reader();
    bench.routes(announce(["10.1.0.0/16"], PLAIN, "blue"));
    told.read(bench.sent(undefined, connection));
    expect([...told.routes.keys()]).toEqual(["10.1.0.0/16"]);
  });

  it("leaves out octets beyond 4,096 of what a peer sent, and says how many", () => {
    const bench = new Bench();
    for (const length of [4_096, 4_097, 6_000])
      bench.step({ kind: "received", connection: 99, bytes: new Uint8Array(length) });
    expect(
      bench.engine.recent().map(({ event, leftOut }) => [event.kind === "received" && event.bytes.length, leftOut]),
    ).toEqual([
      [4_096, 0],
      [4_096, 1],
      [4_096, 1_904],
    ]);
  });

  it("remembers nothing where that is asked for, and goes on", () => {
    const bench = new Bench(() => 0.5, 0);
    bench.establish();
    expect(bench.engine.recent()).toEqual([]);
    expect(bench.report.state).toBe("Established");
  });

  it("asks to be woken once for many messages, not at each", () => {
    const bench = new Bench();
    bench.establish();
    for (let i = 0; i < 100; i++) {
      bench.now += 100;
      expect(bench.receive(encodeKeepalive())).toEqual([]);
    }
  });

  it("tells of each change of state, with the reason", () => {
    const bench = new Bench();
    bench.establish();
    bench.step({ kind: "closed", connection: bench.connection, reason: "connection reset by the peer" });
    expect(bench.reports.map(({ state }) => state)).toEqual([
      "Connect",
      "OpenSent",
      "OpenConfirm",
      "Established",
      "Idle",
    ]);
    expect(bench.report.reason).toBe("connection reset by the peer");
    expect(bench.effects).toContainEqual(expect.objectContaining({ kind: "log", level: "warn", peer: "router" }));
  });
});
