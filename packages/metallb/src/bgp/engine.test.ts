import { describe, expect, it } from "vitest";
import { encodeKeepalive } from "./packet/keepalive.ts";
import { announce, Bench } from "./testing.ts";

describe("the engine", () => {
  it("remembers the last events, oldest first, without secrets and without routes", () => {
    const bench = new Bench(() => 1, 3);
    bench.routes(announce(["10.0.0.0/8"]));
    bench.set({ password: "do not tell" });
    expect(
      JSON.stringify(bench.engine.recent(), (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toContain("do not tell");
    expect(bench.engine.recent()).toMatchObject([
      { at: 0, event: { kind: "peer-set", settings: { password: "***" } } },
    ]);
    bench.now = 5;
    bench.connected();
    bench.drain();
    const octets = encodeKeepalive();
    bench.receive(octets);
    octets.fill(0);
    expect(bench.engine.recent()).toEqual([
      { at: 5, event: expect.objectContaining({ kind: "connected" }) },
      { at: 5, event: { kind: "drained", connection: bench.connection } },
      { at: 5, event: { kind: "received", connection: bench.connection, bytes: encodeKeepalive() } },
    ]);
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
