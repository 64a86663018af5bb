import { describe, expect, it } from "vitest";
import type { BgpEffect } from "../events.ts";
import { encodeNotification, notification } from "../packet/notification.ts";
import { address, announce, Bench, capabilities, type peerOpen, unhex } from "../testing.ts";

const logs = (effects: readonly BgpEffect[]): readonly string[] =>
  effects.flatMap((effect) => (effect.kind === "log" ? [`${effect.level} ${effect.peer}: ${effect.message}`] : []));

/** Collects what is logged from here on. */
function listen(bench: Bench): string[] {
  const told: string[] = [];
  const step = bench.step.bind(bench);
  bench.step = (event) => {
    const effects = step(event);
    told.push(...logs(effects));
    return effects;
  };
  return told;
}

const NO_IPV6 = "no IPv6 route is sent: this end of the session has no next hop for IPv6";
const IPV4_ALONE = ["ipv4-unicast"] as const;

describe("the log of a session", () => {
  it("tells of its beginning and its end once, and of its shortcomings", () => {
    const bench = new Bench();
    const told = listen(bench);
    bench.establish();
    expect(told.splice(0)).toEqual(["info router: session established", `warn router: ${NO_IPV6}`]);
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset by the peer" });
    expect(told.splice(0)).toEqual(["warn router: session fell: reset by the peer"]);
    bench.advance(1_000);
    bench.step({ kind: "connect-failed", connection: bench.connection, reason: "connection refused" });
    expect(told.splice(0)).toEqual(["info router: session not up: connection refused"]);
    bench.advance(2_000);
    bench.step({ kind: "connect-failed", connection: bench.connection, reason: "" });
    expect(told.splice(0)).toEqual([]);
    bench.advance(4_000);
    bench.standUp();
    expect(told.splice(0)).toEqual(["info router: session established", `warn router: ${NO_IPV6}`]);
  });

  it("tells of a shortcoming that comes or goes while the session stands", () => {
    const bench = new Bench();
    bench.establish();
    const told = listen(bench);
    const link = (ipv6: string | null) =>
      bench.step({
        kind: "link",
        connection: bench.connection,
        link: { ipv4: null, ipv6: ipv6 === null ? null : address(ipv6), linkLocal: null },
      });
    link("2001:db8::10");
    expect(told.splice(0)).toEqual([`info router: no longer: ${NO_IPV6}`]);
    link("2001:db8::20");
    expect(told.splice(0)).toEqual([]);
    link(null);
    expect(told.splice(0)).toEqual([`warn router: ${NO_IPV6}`]);
  });

  it("tells once that the peer protects itself by its TTL", () => {
    const bench = new Bench();
    bench.establish({ families: IPV4_ALONE });
    const told = listen(bench);
    const since = bench.report.since;
    bench.now += 5_000;
    bench.step({ kind: "guarded", connection: bench.connection });
    bench.step({ kind: "guarded", connection: bench.connection });
    expect(told).toEqual(["info router: the peer sends TTL 255: from now on nothing less is taken (RFC 5082)"]);
    // It is the same session.
    expect(bench.report).toMatchObject({ since, state: "Established", ttlSecurity: true });
  });

  it("tells of a malformed UPDATE once a session, and again in the next", () => {
    const bench = new Bench();
    const malformed = unhex(`${"ff".repeat(16)} 001d 02 0000 0004 40 01 01 03 08 0a`);
    bench.establish({ families: IPV4_ALONE });
    const told = listen(bench);
    const sentence = "warn router: the peer sent a malformed UPDATE: ORIGIN is malformed; further ones are counted";
    bench.receive(malformed);
    bench.receive(malformed);
    expect(told.splice(0)).toEqual([sentence]);
    bench.receive(encodeNotification(notification(6, 4)));
    bench.advance(1_000);
    bench.standUp();
    told.splice(0);
    bench.receive(malformed);
    bench.receive(malformed);
    expect(told).toEqual([sentence]);
    expect(bench.engine.counters()).toMatchObject([{ updatesTreatedAsWithdraw: 4, attributesDiscarded: 0 }]);
  });

  it("says at a planned end what becomes of the routes, where the peer was to keep them", () => {
    const ends = (gracefulRestart: boolean, peer: boolean, routes: "keep" | "withdraw", up = true) => {
      const bench = new Bench();
      const theirs = { restarting: false, notification: true, restartTime: 120, families: [] };
      if (up)
        bench.establish({ gracefulRestart }, { capabilities: capabilities({ gracefulRestart: peer ? theirs : null }) });
      else bench.set({ gracefulRestart });
      return logs(bench.step({ kind: "shutdown", text: "update", routes }));
    };
    const kept = "info router: graceful restart: the peer keeps the routes until this speaker is back";
    const fell = "warn router: session fell: update";
    expect(ends(true, true, "keep")).toEqual([kept, fell]);
    expect(ends(true, false, "keep")).toEqual([
      "warn router: graceful restart was not agreed with the peer: the routes are withdrawn",
      fell,
    ]);
    // Nobody asked for it, here or there.
    expect(ends(false, true, "keep")).toEqual([fell]);
    expect(ends(true, true, "withdraw")).toEqual([fell]);
    expect(ends(true, false, "withdraw")).toEqual([fell]);
    expect(ends(true, true, "keep", false)).toEqual(["info router: session not up: update"]);
  });
});

describe("the report of a session", () => {
  it("says nothing of an agreement before there is one", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"]));
    bench.now = 7;
    bench.set();
    const nothing = {
      peer: "router",
      localAddress: null,
      ttlSecurity: false,
      peerAs: null,
      negotiatedHoldTime: null,
      families: [],
      shortcomings: [],
      announcedPrefixes: 0,
    };
    expect(bench.report).toMatchObject({ ...nothing, state: "Connect", since: 7 });
    expect(bench.reports).toEqual([bench.report]);
    bench.now = 9;
    bench.standUp({ holdTime: 30 });
    expect(bench.report).toEqual({
      peer: "router",
      state: "Established",
      reason: "",
      since: 9,
      localAddress: address("192.0.2.10"),
      ttlSecurity: false,
      peerAs: 64512,
      negotiatedHoldTime: 30,
      families: ["ipv4-unicast", "ipv6-unicast"],
      shortcomings: [NO_IPV6],
      announcedPrefixes: 1,
      next: null,
      failures: 0,
    });
    bench.now = 1_000;
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset" });
    expect(bench.report).toMatchObject({ ...nothing, state: "Idle", since: 1_000, reason: "reset", failures: 1 });
  });

  it("names every family that the peer lacks", () => {
    const bench = new Bench();
    // RFC 4760 section 8: a peer that offers nothing speaks IPv4 alone.
    bench.establish({ families: ["ipv6-unicast"] }, { capabilities: capabilities({ families: [] }) }, "2001:db8::10");
    expect(bench.report).toMatchObject({
      families: [],
      shortcomings: ["the peer shares no address family with us: it did not offer IPv6 unicast, so no route is sent"],
    });
    const some = new Bench();
    some.establish({}, { capabilities: capabilities({ families: [] }) });
    expect(some.report).toMatchObject({
      families: ["ipv4-unicast"],
      shortcomings: ["the peer did not offer IPv6 unicast: no IPv6 route is sent"],
    });
  });

  it("says what a refused OPEN said", () => {
    const refused = (open: Parameters<typeof peerOpen>[0]) => {
      const bench = new Bench();
      bench.set();
      bench.standUp(open);
      return bench.report.reason;
    };
    expect(refused({ holdTime: 2 })).toBe(
      "we sent OPEN message error: unacceptable hold time (AS 64512, hold time 2 s, identifier 192.0.2.1)",
    );
    expect(refused({ as: 64513, capabilities: capabilities({ fourOctetAs: null }) })).toBe(
      "we sent OPEN message error: bad peer AS (AS 64513, hold time 90 s, identifier 192.0.2.1)",
    );
  });
});
