import { describe, expect, it } from "vitest";
import type { BgpEffect } from "../events.ts";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeNotification, shutdown } from "../packet/notification.ts";
import { decodeOpen, encodeOpen } from "../packet/open.ts";
import type { PeerSettings } from "../settings.ts";
import { address, announce, at, Bench, capabilities, hostRoutes, inShort, peerOpen, unhex } from "../testing.ts";
import { collisionKeeps } from "./collision.ts";

const inOpenSent = (overrides: Partial<PeerSettings> = {}): Bench => {
  const bench = new Bench();
  bench.set(overrides);
  bench.connected();
  bench.drain();
  return bench;
};

const sentOpen = (overrides: Partial<PeerSettings> = {}) => {
  const bench = new Bench();
  bench.set(overrides);
  const open = decodeOpen((bench.sent(bench.connected())[0] ?? new Uint8Array()).subarray(19));
  if (!open.ok) throw new Error("no OPEN");
  return open.value;
};

describe("the OPEN that is sent", () => {
  it("names the AS, the hold time and what this side can do", () => {
    expect(sentOpen({ localAs: 4_200_000_000, holdTime: 30 })).toEqual({
      as: 23456,
      holdTime: 30,
      identifier: address("192.0.2.10"),
      capabilities: capabilities({ fourOctetAs: 4_200_000_000, enhancedRouteRefresh: true, extendedMessage: true }),
    });
  });

  it("offers the families that are configured, with graceful restart too, and for as long as is configured", () => {
    const { capabilities: offered } = sentOpen({ families: ["ipv6-unicast"], gracefulRestart: true, restartTime: 60 });
    expect(offered).toMatchObject({
      families: ["ipv6-unicast"],
      gracefulRestart: { restartTime: 60, families: [{ family: "ipv6-unicast", forwarding: true }] },
    });
  });

  it("has the configured identifier, else the IPv4 address of this end, else what the shell derived", () => {
    expect(sentOpen({ routerId: address("10.9.8.7") }).identifier).toEqual(address("10.9.8.7"));
    const six = new Bench();
    six.set({ endpoint: at("2001:db8::1") });
    const open = decodeOpen((six.sent(six.connected("2001:db8::10"))[0] ?? new Uint8Array()).subarray(19));
    expect(open).toMatchObject({
      value: { identifier: address("198.51.100.9"), capabilities: { extendedNextHop: true } },
    });
  });

  it("offers graceful restart where that is asked for, as restarting until a session stood", () => {
    const bench = new Bench();
    const offered = () => {
      const open = decodeOpen((bench.sent(bench.connected())[0] ?? new Uint8Array()).subarray(19));
      return open.ok ? open.value.capabilities.gracefulRestart : null;
    };
    bench.set({ gracefulRestart: true });
    const families = (["ipv4-unicast", "ipv6-unicast"] as const).map((family) => ({ family, forwarding: true }));
    expect(offered()).toEqual({ restarting: true, notification: true, restartTime: 120, families });
    bench.receive(encodeOpen(peerOpen()));
    bench.receive(encodeKeepalive());
    bench.step({ kind: "closed", connection: bench.connection, reason: "" });
    bench.advance(2_000);
    expect(offered()?.restarting).toBe(false);
  });
});

describe("the peer's OPEN", () => {
  const cases: readonly [string, Partial<PeerSettings>, Parameters<typeof peerOpen>[0], string][] = [
    ["another AS", { peerAs: 64999 }, {}, "notification 2/2"],
    ["AS 0", { peerAs: "external" }, { as: 0, capabilities: capabilities({ fourOctetAs: 0 }) }, "notification 2/2"],
    ["AS 0, with a capability that names the right one", {}, { as: 0 }, "notification 2/2"],
    [
      "AS 0 in the capability alone",
      { peerAs: "external" },
      { capabilities: capabilities({ fourOctetAs: 0 }) },
      "notification 2/2",
    ],
    ["the own AS where an external peer is wanted", { peerAs: "external", localAs: 64512 }, {}, "notification 2/2"],
    ["another AS where an internal peer is wanted", { peerAs: "internal" }, {}, "notification 2/2"],
    ["hold time 1", {}, { holdTime: 1 }, "notification 2/6"],
    ["hold time 2", {}, { holdTime: 2 }, "notification 2/6"],
    ["identifier 0.0.0.0", {}, { identifier: address("0.0.0.0") }, "notification 2/3"],
    ["our own identifier within the AS", { localAs: 64512 }, { identifier: address("192.0.2.10") }, "notification 2/3"],
  ];
  for (const [name, settings, open, expected] of cases)
    it(`is refused with ${expected}: ${name}`, () => {
      const bench = inOpenSent(settings);
      expect(inShort(bench.receive(encodeOpen(peerOpen(open))))).toEqual([expected, "close"]);
      expect(bench.report.reason).toContain("we sent OPEN message error");
    });

  it("is taken from any other AS, from the own AS, and with our identifier from another AS", () => {
    for (const [settings, open] of [
      [{ peerAs: "external" }, {}],
      [{ peerAs: "internal", localAs: 64512 }, {}],
      [{ localAs: 64512, peerAs: 64512 }, {}],
      [{}, { identifier: address("192.0.2.10") }],
      [{}, { holdTime: 3 }],
    ] as const)
      expect(inShort(inOpenSent(settings).receive(encodeOpen(peerOpen(open))))).toEqual(["keepalive"]);
  });

  it("of two octets gets AS_PATH of two octets", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"]));
    const reader = bench.establish(
      { localAs: 4_200_000_000 },
      { capabilities: capabilities({ fourOctetAs: null, families: [] }) },
    );
    expect(reader.routes.get("10.0.0.0/8")?.asPath).toEqual([4_200_000_000]);
    // No family named: IPv4 alone (RFC 4760 section 8).
    expect(reader.endOfRib).toEqual(["ipv4-unicast"]);
  });
});

describe("time", () => {
  it("finds a silent peer at the hold time, exactly", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 9 });
    for (let second = 0; second < 20; second += 5) {
      bench.advance(5_000);
      bench.drain();
      bench.receive(encodeKeepalive());
    }
    bench.advance(8_999);
    expect(bench.report.state).toBe("Established");
    expect(inShort(bench.advance(1))).toEqual(["notification 4/0", "close"]);
    expect(bench.report).toMatchObject({ state: "Idle", reason: "we sent hold timer expired" });
  });

  it("takes an UPDATE and a ROUTE-REFRESH for a sign of life", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 9 });
    for (const bytes of [
      unhex(`${"ff".repeat(16)} 0017 02 0000 0000`),
      unhex(`${"ff".repeat(16)} 0017 05 0001 00 01`),
    ]) {
      bench.advance(8_000);
      bench.receive(bytes);
    }
    bench.advance(8_000);
    expect(bench.report.state).toBe("Established");
  });

  it("judges by what came before it: octets of a stall count when they are read first", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 9 });
    bench.now = 9_500;
    bench.receive(encodeKeepalive());
    expect(inShort(bench.step({ kind: "time" }))).toEqual(["keepalive"]);
    expect(bench.report.state).toBe("Established");
    bench.now = 18_501;
    expect(inShort(bench.step({ kind: "time" }))).toContain("notification 4/0");
  });

  it("sends a keepalive at a third of the hold time at the latest, spread by a quarter", () => {
    for (const [random, expected] of [
      [0, 22_500],
      [1, 30_000],
    ] as const) {
      const bench = new Bench(() => random);
      bench.establish();
      bench.advance(expected - 1);
      expect(bench.engine.counters()).toMatchObject([{ keepalivesSent: 1 }]);
      expect(inShort(bench.advance(1))).toEqual(["keepalive"]);
    }
  });

  it("has the configured keepalive time, also when it changes in place", () => {
    const bench = new Bench();
    bench.establish({ keepaliveTime: 5 });
    expect(inShort(bench.advance(5_000))).toEqual(["keepalive"]);
    bench.drain();
    bench.set({ keepaliveTime: 2 });
    bench.advance(5_000);
    bench.drain();
    expect(inShort(bench.advance(2_000))).toEqual(["keepalive"]);
  });

  it("runs no timer at hold time 0", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 0 });
    expect(inShort(bench.advance(10_000_000))).toEqual([]);
    expect(bench.report).toMatchObject({ state: "Established", negotiatedHoldTime: 0 });
  });

  it("ends a session that does not read for eight minutes (RFC 9687)", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 0 });
    bench.routes(hostRoutes(10));
    bench.advance(479_999);
    expect(bench.report.state).toBe("Established");
    bench.advance(1);
    expect(bench.report).toMatchObject({ state: "Idle", reason: expect.stringContaining("stopped reading") });
  });

  it("tries again after 1, 2, 4 … 120 s, spread by a quarter", () => {
    const bench = new Bench(() => 1);
    bench.set();
    const pauses = [1, 2, 4, 8, 16, 32, 64, 120, 120];
    for (const pause of pauses) {
      bench.step({ kind: "connect-failed", connection: bench.connection, reason: "connection refused" });
      expect(bench.report).toMatchObject({ state: "Active", reason: "connection refused" });
      expect(inShort(bench.advance(pause * 1000 - 1))).toEqual([]);
      expect(inShort(bench.advance(1))).toEqual(["connect"]);
    }
  });

  it("is bounded by the configured connect time", () => {
    const bench = new Bench(() => 1);
    bench.set({ connectTime: 3 });
    for (let i = 0; i < 4; i++) {
      bench.step({ kind: "connect-failed", connection: bench.connection, reason: "" });
      bench.advance(3_000);
      expect(bench.report.state).toBe("Connect");
    }
    // An attempt takes no longer, either.
    expect(inShort(bench.advance(3_000))).toEqual(["close", "connect"]);
  });

  it("tries again at once after a session that was stable", () => {
    const bench = new Bench(() => 1);
    bench.set();
    for (const pause of [1_000, 2_000, 4_000]) {
      bench.step({ kind: "connect-failed", connection: bench.connection, reason: "" });
      bench.advance(pause);
    }
    bench.standUp();
    bench.advance(10_000);
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset by the peer" });
    expect(inShort(bench.advance(100))).toEqual(["connect"]);
  });

  it("damps a peer that closes soon after each Established, until a session was stable", () => {
    const bench = new Bench(() => 1);
    bench.set();
    for (const pause of [1_000, 2_000, 4_000, 8_000]) {
      bench.standUp();
      bench.advance(9_999);
      bench.step({ kind: "closed", connection: bench.connection, reason: "reset by the peer" });
      expect(inShort(bench.advance(pause - 1))).toEqual([]);
      expect(inShort(bench.advance(1))).toEqual(["connect"]);
    }
    bench.standUp();
    bench.advance(10_000);
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset by the peer" });
    expect(inShort(bench.advance(100))).toEqual(["connect"]);
    bench.step({ kind: "connect-failed", connection: bench.connection, reason: "connection refused" });
    expect(inShort(bench.advance(1_000))).toEqual(["connect"]);
  });

  it("asks about the password when an attempt with one meets silence", () => {
    for (const [password, reason] of [
      ["secret", "no answer: nothing listens there, or the passwords differ"],
      [null, "no answer: the connection attempt timed out"],
    ] as const) {
      const bench = new Bench(() => 1);
      bench.set({ password });
      expect(inShort(bench.advance(10_000))).toEqual(["close", "connect"]);
      expect(bench.report).toMatchObject({ state: "Connect", reason });
    }
  });
});

describe("a collision (RFC 4271 section 6.8)", () => {
  it("keeps the connection of the side with the higher identifier, then of the higher AS", () => {
    const low = { identifier: address("192.0.2.1"), as: 64512 };
    const high = { identifier: address("192.0.2.200"), as: 1 };
    expect(collisionKeeps(low, high)).toBe("incoming");
    expect(collisionKeeps(high, low)).toBe("outgoing");
    expect(collisionKeeps(low, { ...low, as: 64513 })).toBe("incoming");
    expect(collisionKeeps({ ...low, as: 64513 }, low)).toBe("outgoing");
  });

  const both = (): Bench => {
    const bench = inOpenSent();
    bench.accepted(1);
    bench.drain(1);
    return bench;
  };

  it("is decided when the second OPEN comes: ours is higher, the outgoing one stays", () => {
    const bench = both();
    bench.receive(encodeOpen(peerOpen()), 1);
    const effects = bench.receive(encodeOpen(peerOpen()));
    expect(inShort(effects)).toEqual(["notification 6/7", "close", "keepalive"]);
    expect(effects.find(({ kind }) => kind === "close")).toMatchObject({ connection: 1 });
    bench.receive(encodeKeepalive());
    expect(bench.report.state).toBe("Established");
  });

  it("is decided when the second OPEN comes: theirs is higher, the incoming one stays", () => {
    const bench = both();
    const open = encodeOpen(peerOpen({ identifier: address("203.0.113.1") }));
    bench.receive(open, 1);
    const effects = bench.receive(open);
    expect(inShort(effects)).toEqual(["notification 6/7", "close"]);
    expect(effects.find(({ kind }) => kind === "close")).toMatchObject({ connection: bench.connection });
    bench.receive(encodeKeepalive(), 1);
    expect(bench.report.state).toBe("Established");
  });

  it("gives up an attempt of its own when the peer's connection is good", () => {
    const bench = new Bench();
    bench.set();
    bench.accepted(1);
    expect(inShort(bench.receive(encodeOpen(peerOpen()), 1))).toEqual(["close", "keepalive"]);
  });

  it("goes on with the other connection when one fails", () => {
    const bench = both();
    bench.step({ kind: "closed", connection: bench.connection, reason: "" });
    expect(bench.report.state).toBe("OpenSent");
    bench.receive(encodeOpen(peerOpen()), 1);
    bench.receive(encodeKeepalive(), 1);
    expect(bench.report.state).toBe("Established");
  });

  it("takes a peer that comes again before its first connection stood", () => {
    const bench = both();
    expect(inShort(bench.accepted(3))).toEqual(["notification 6/7", "close", "open"]);
  });
});

describe("an end", () => {
  it("tells the peer why it is shut down, and stays down", () => {
    const bench = new Bench();
    bench.establish();
    const effects = bench.step({ kind: "shutdown", text: "node drained" });
    expect(inShort(effects)).toEqual(["notification 6/2", "close"]);
    expect(bench.sent(effects)[0]).toEqual(encodeNotification(shutdown(2, "node drained")));
    expect(inShort(bench.step({ kind: "peer-down", peer: "router", cause: "bfd", text: "" }))).toEqual([]);
    expect(inShort(bench.advance(1_000_000))).toEqual([]);
    expect(inShort(bench.set({ name: "late" }))).toEqual([]);
    expect(inShort(bench.accepted(1))).toEqual(["close"]);
  });

  it("tells the peer why it is removed, where a reason is given", () => {
    const silent = new Bench();
    silent.establish();
    expect(inShort(silent.step({ kind: "peer-removed", peer: "router" }))).toEqual(["notification 6/3", "close"]);
    const bench = new Bench();
    bench.establish();
    const effects = bench.step({ kind: "peer-removed", peer: "router", text: "the node is drained" });
    expect(bench.sent(effects)[0]).toEqual(encodeNotification(shutdown(2, "the node is drained")));
  });

  it("shows the text that the peer sent", () => {
    const bench = new Bench();
    bench.establish();
    bench.receive(encodeNotification(shutdown(2, "maintenance until 06:00")));
    expect(bench.report.reason).toBe('the peer sent cease: administrative shutdown ("maintenance until 06:00")');
  });

  it("comes by an operator with 6/4, by a change with 6/6", () => {
    const bench = new Bench();
    bench.establish();
    expect(inShort(bench.step({ kind: "peer-down", peer: "router", cause: "administrative", text: "x" }))).toEqual([
      "notification 6/4",
      "close",
    ]);
    bench.advance(1_000);
    bench.standUp();
    expect(inShort(bench.set({ holdTime: 30 }))).toEqual(["notification 6/6", "close"]);
    expect(inShort(bench.advance(100))).toEqual(["connect"]);
  });

  it("comes by BFD with 6/10, and nothing starts until BFD is up", () => {
    const bench = new Bench();
    bench.establish();
    expect(inShort(bench.step({ kind: "peer-down", peer: "router", cause: "bfd", text: "" }))).toEqual([
      "notification 6/10",
      "close",
    ]);
    expect(bench.report).toMatchObject({ state: "Idle", reason: expect.stringContaining("BFD") });
    expect(inShort(bench.advance(1_000_000))).toEqual([]);
    expect(inShort(bench.accepted(1))).toEqual(["close"]);
    // Other settings do not help either.
    bench.set({ holdTime: 30 });
    expect(inShort(bench.advance(1_000_000))).toEqual([]);
    bench.step({ kind: "peer-up", peer: "router" });
    expect(inShort(bench.advance(100))).toEqual(["connect"]);
    bench.standUp();
    expect(inShort(bench.step({ kind: "peer-up", peer: "router" }))).toEqual([]);
    expect(bench.report).toMatchObject({ state: "Established", reason: "" });
  });

  describe("where the peer keeps routes over a restart", () => {
    const restart = (notifications: boolean) => ({
      restarting: false,
      notification: notifications,
      restartTime: 120,
      families: [],
    });
    const standing = (notifications: boolean | null, gracefulRestart = true): Bench => {
      const bench = new Bench();
      const graceful = notifications === null ? null : restart(notifications);
      bench.establish({ gracefulRestart }, { capabilities: capabilities({ gracefulRestart: graceful }) });
      return bench;
    };
    const ends = (bench: Bench, routes: "keep" | "withdraw") =>
      inShort(bench.step({ kind: "shutdown", text: "update", routes }));

    it("is silent, or a NOTIFICATION that both sides take as graceful (RFC 8538)", () => {
      expect(ends(standing(false), "keep")).toEqual(["close"]);
      expect(ends(standing(true), "keep")).toEqual(["notification 6/4", "close"]);
    });

    it("withdraws where that is asked for: with a hard reset where NOTIFICATIONs are graceful", () => {
      expect(ends(standing(false), "withdraw")).toEqual(["notification 6/2", "close"]);
      const hard = standing(true);
      expect(ends(hard, "withdraw")).toEqual(["notification 6/9", "close"]);
      const octets = hard.sent()[0]?.subarray(19);
      expect(octets?.subarray(0, 4)).toEqual(Uint8Array.of(6, 9, 6, 2));
    });

    it("withdraws where it was not agreed, and says so", () => {
      for (const bench of [standing(null), standing(true, false)])
        expect(ends(bench, "keep")).toEqual(["notification 6/2", "close"]);
      const bench = standing(null);
      bench.step({ kind: "shutdown", text: "", routes: "keep" });
      expect(bench.effects).toContainEqual(
        expect.objectContaining({ message: expect.stringContaining("the routes are withdrawn") }),
      );
    });
  });

  it("of a peer that is not there does nothing", () => {
    const bench = new Bench();
    bench.step({ kind: "peer-removed", peer: "nobody" });
    bench.step({ kind: "peer-down", peer: "nobody", cause: "bfd", text: "" });
    bench.step({ kind: "closed", connection: 99, reason: "" });
    bench.drain(99);
    expect(inShort(bench.accepted(1, "nobody"))).toEqual(["close"]);
  });
});

describe("a passive peer", () => {
  it("is dialled once it need not be waited for any more", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    expect(bench.report.state).toBe("Active");
    expect(inShort(bench.set({ passive: false }))).toEqual(["connect"]);
  });

  it("is waited for, and never called", () => {
    const bench = new Bench();
    expect(inShort(bench.set({ passive: true }))).toEqual([]);
    expect(bench.report.state).toBe("Active");
    expect(inShort(bench.advance(1_000_000))).toEqual([]);
    expect(inShort(bench.accepted(1))).toEqual(["open"]);
    bench.receive(encodeOpen(peerOpen()), 1);
    bench.receive(encodeKeepalive(), 1);
    expect(bench.report.state).toBe("Established");
    bench.step({ kind: "closed", connection: 1, reason: "" });
    bench.advance(1_000);
    expect(bench.report.state).toBe("Active");
    expect(inShort(bench.accepted(3))).toEqual(["open"]);
  });
});

describe("families", () => {
  const lacks = (open: Parameters<typeof peerOpen>[0], local = "192.0.2.10", settings: Partial<PeerSettings> = {}) => {
    const bench = new Bench();
    bench.establish(settings, open, local);
    expect(bench.report.state).toBe("Established");
    return bench.report;
  };

  it("that both sides offer are told", () => {
    expect(lacks({}, "2001:db8::10", { families: ["ipv6-unicast"] })).toMatchObject({
      families: ["ipv6-unicast"],
      shortcomings: [],
      peerAs: 64512,
    });
  });

  it("that the peer lacks, or that have no next hop here, are told", () => {
    const four = capabilities({ families: ["ipv4-unicast"] });
    expect(lacks({ capabilities: four })).toMatchObject({
      families: ["ipv4-unicast"],
      shortcomings: ["the peer did not offer IPv6 unicast: no IPv6 route is sent"],
    });
    expect(lacks({}).shortcomings).toEqual(["no IPv6 route is sent: this end of the session has no next hop for IPv6"]);
  });

  it("of which none is shared are told, in the log too", () => {
    const bench = new Bench();
    bench.set({ families: ["ipv6-unicast"] });
    bench.standUp({ capabilities: capabilities({ families: ["ipv4-unicast"] }) });
    const sentence = "the peer shares no address family with us: it did not offer IPv6 unicast, so no route is sent";
    expect(bench.report.shortcomings).toEqual([sentence]);
    expect(bench.reports.at(-1)?.shortcomings).toEqual([sentence]);
  });

  it("of which the session is not one go with the next hop of the interface", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8", "2001:db8:1::/48"]));
    bench.set();
    const link = { ipv4: address("192.0.2.10"), ipv6: address("2001:db8::10"), linkLocal: address("fe80::1") };
    const reader = bench.standUp({}, "192.0.2.10", link);
    expect(reader.routes.get("2001:db8:1::/48")?.nextHop).toEqual(address("2001:db8::10"));
    expect(bench.report.shortcomings).toEqual([]);
    const six = new Bench();
    six.routes(announce(["10.0.0.0/8"]));
    six.set({ endpoint: at("2001:db8::1") });
    const read = six.standUp({}, "2001:db8::10", link);
    expect(read.routes.get("10.0.0.0/8")?.nextHop).toEqual(address("192.0.2.10"));
  });
});

describe("a malformed UPDATE", () => {
  const MARKER = "ff".repeat(16);
  it("is counted, logged once a session, and leaves the session", () => {
    const bench = new Bench();
    bench.establish();
    const malformed = [
      // MP_UNREACH_NLRI with a prefix of 129 bits; ORIGIN 3.
      unhex(`${MARKER} 001e 02 0000 0007 80 0f 04 0002 01 81`),
      unhex(`${MARKER} 001d 02 0000 0004 40 01 01 03 08 0a`),
    ];
    const logs = [...malformed, ...malformed]
      .flatMap((octets) => bench.receive(octets))
      .filter(({ kind }) => kind === "log");
    expect(logs).toMatchObject([{ level: "warn", message: expect.stringContaining("MP_UNREACH_NLRI is malformed") }]);
    expect(bench.report.state).toBe("Established");
    expect(bench.engine.counters()).toMatchObject([
      { updatesReceived: 4, updatesTreatedAsWithdraw: 2, attributesDiscarded: 2 },
    ]);
  });
});

describe("hops", () => {
  const asked = (settings: Partial<PeerSettings>) =>
    new Bench().set(settings).flatMap((effect) => (effect.kind === "connect" ? [effect.hops] : []));

  it("are one for an external peer, unless it may be further away", () => {
    expect(asked({})).toEqual(["one"]);
    expect(asked({ peerAs: "external" })).toEqual(["one"]);
    expect(asked({ ebgpMultiHop: true })).toEqual(["any"]);
    expect(asked({ localAs: 64512 })).toEqual(["any"]);
    expect(asked({ peerAs: "internal" })).toEqual(["any"]);
  });

  it("are guarded from the first session on that was (RFC 5082), until the peer is another", () => {
    const bench = new Bench();
    bench.set();
    bench.standUp();
    const { connection } = bench;
    expect(bench.report.ttlSecurity).toBe(false);
    bench.step({ kind: "guarded", connection });
    expect(bench.report).toMatchObject({ state: "Established", ttlSecurity: true });
    expect(bench.reports.at(-1)?.ttlSecurity).toBe(true);
    bench.step({ kind: "closed", connection, reason: "" });
    const next = () => bench.advance(10_000).flatMap((effect) => (effect.kind === "connect" ? [effect.hops] : []));
    expect(next()[0]).toBe("guarded");
    bench.set({ endpoint: at("192.0.2.2") });
    expect(next()[0]).toBe("one");
  });

  describe("of a peer that was guarded and may send another TTL by now", () => {
    const lost = () => {
      const bench = new Bench(() => 0);
      bench.establish();
      bench.step({ kind: "guarded", connection: bench.connection });
      bench.step({ kind: "closed", connection: bench.connection, reason: "" });
      bench.drain();
      return bench;
    };
    const asked = (effects: readonly BgpEffect[]) =>
      effects.flatMap((effect) => (effect.kind === "connect" ? [effect.hops] : []));

    it("do not count any more when it does not answer in two seconds", () => {
      const bench = lost();
      expect(asked(bench.advance(1_000))).toEqual(["guarded"]);
      expect(asked(bench.advance(1_600))).toEqual([]);
      expect(asked(bench.advance(100))).toEqual(["one"]);
      // From there on an attempt takes its time again.
      expect(asked(bench.advance(7_000))).toEqual([]);
      expect(asked(bench.advance(1_000))).toEqual(["one"]);
    });

    it("wait no longer than the connect time says", () => {
      const bench = new Bench(() => 0);
      bench.establish({ connectTime: 1 });
      bench.step({ kind: "guarded", connection: bench.connection });
      bench.step({ kind: "closed", connection: bench.connection, reason: "" });
      expect(asked(bench.advance(750))).toEqual(["guarded"]);
      expect(asked(bench.advance(750))).toEqual(["one"]);
    });

    it.each(["connect-failed", "closed"] as const)("do not count any more when the attempt is %s", (kind) => {
      const bench = lost();
      bench.advance(1_000);
      if (kind === "closed") bench.connected();
      bench.step({ kind, connection: bench.connection, reason: "closed by the peer" });
      expect(asked(bench.advance(10_000))[0]).toBe("one");
    });

    it("count on when it said an OPEN", () => {
      const bench = lost();
      bench.advance(1_000);
      bench.connected();
      bench.drain();
      bench.receive(encodeOpen(peerOpen()));
      bench.step({ kind: "closed", connection: bench.connection, reason: "closed by the peer" });
      expect(asked(bench.advance(10_000))[0]).toBe("guarded");
    });

    it("are not told of as guarded once the kernel has given that up", () => {
      const bench = lost();
      bench.advance(1_000);
      const ends = { local: address("192.0.2.10"), remote: address("192.0.2.1") };
      bench.step({ kind: "connected", connection: bench.connection, ...ends, guarded: true });
      bench.drain();
      expect(bench.step({ kind: "unguarded", connection: bench.connection })).toEqual([]);
      bench.receive(encodeOpen(peerOpen()));
      bench.drain();
      bench.receive(encodeKeepalive());
      expect(bench.report).toMatchObject({ state: "Established", ttlSecurity: false });
      bench.step({ kind: "closed", connection: bench.connection, reason: "" });
      expect(asked(bench.advance(10_000))[0]).toBe("one");
    });
  });
});

describe("an unnumbered peer", () => {
  it("is offered both families and RFC 8950, and missed by the name of its interface", () => {
    const bench = new Bench(() => 1);
    bench.set({ endpoint: { kind: "interface", interface: "eth1" } });
    bench.advance(10_000);
    expect(bench.report.reason).toContain("no answer on eth1");
    const open = decodeOpen((bench.sent(bench.connected("fe80::1"))[0] ?? new Uint8Array()).subarray(19));
    expect(open.ok && open.value.capabilities).toMatchObject({
      extendedNextHop: true,
      families: ["ipv4-unicast", "ipv6-unicast"],
    });
  });
});
