import { describe, expect, it } from "vitest";
import type { BgpEffect, ConnectionId } from "../events.ts";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeNotification, notification } from "../packet/notification.ts";
import { encodeOpen } from "../packet/open.ts";
import type { PeerSettings } from "../settings.ts";
import { address, announce, Bench, capabilities, inShort, peerOpen, Reader, unhex } from "../testing.ts";

// A session while it has two connections, and which of the two an event is about (RFC 4271 section 6.8).

const OPEN = encodeOpen(peerOpen());
const THEIRS: ConnectionId = 1;

/** Both in OpenSent; the peer's connection came so many milliseconds after ours. */
function both(settings: Partial<PeerSettings> = {}, after = 0, local = "192.0.2.10"): Bench {
  const bench = new Bench();
  bench.set(settings);
  bench.connected();
  bench.drain();
  bench.now += after;
  bench.step({
    kind: "accepted",
    connection: THEIRS,
    peer: "router",
    local: address(local),
    remote: address("192.0.2.1"),
  });
  bench.drain(THEIRS);
  return bench;
}

const closed = (effects: readonly BgpEffect[]): readonly ConnectionId[] =>
  effects.flatMap((effect) => (effect.kind === "close" ? [effect.connection] : []));

describe("two connections", () => {
  it("have timers of their own: each is given up when its own is due", () => {
    const bench = both({}, 5_000);
    expect(closed(bench.advance(240_000 - 5_000 - 1))).toEqual([]);
    expect(closed(bench.advance(1))).toEqual([bench.connection]);
    expect(bench.report.state).toBe("OpenSent");
    expect(closed(bench.advance(4_999))).toEqual([]);
    expect(closed(bench.advance(1))).toEqual([THEIRS]);
    expect(bench.report.state).toBe("Idle");
  });

  it("may be due in the other order, and both at once", () => {
    const bench = new Bench();
    bench.set();
    bench.accepted(THEIRS);
    bench.drain(THEIRS);
    bench.now = 5_000;
    bench.connected();
    bench.drain();
    expect(closed(bench.advance(234_999))).toEqual([]);
    expect(closed(bench.advance(1))).toEqual([THEIRS]);
    expect(closed(bench.advance(5_000))).toEqual([bench.connection]);
    const late = both();
    late.now = 240_000;
    expect(closed(late.step({ kind: "time" }))).toEqual([late.connection, THEIRS]);
    expect(late.report).toMatchObject({ state: "Idle", failures: 1 });
  });

  it("are one session, which is where the further of the two is", () => {
    const bench = both();
    expect(bench.report.state).toBe("OpenSent");
    bench.receive(OPEN, THEIRS);
    expect(bench.report.state).toBe("OpenConfirm");
    bench.step({ kind: "closed", connection: THEIRS, reason: "reset" });
    expect(bench.report.state).toBe("OpenSent");
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset" });
    expect(bench.report.state).toBe("Active");
  });

  it("become one when the peer confirms one of them, before its OPEN came on the other", () => {
    const bench = both();
    bench.receive(OPEN);
    bench.drain();
    const effects = bench.receive(encodeKeepalive());
    expect(bench.report.state).toBe("Established");
    expect(closed(effects)).toEqual([THEIRS]);
    expect(inShort(effects)).toEqual(["notification 6/7", "close", "end ipv4-unicast", "end ipv6-unicast"]);
    // What still comes on the other is of nobody.
    expect(bench.receive(OPEN, THEIRS)).toEqual([]);
    expect(bench.report.state).toBe("Established");
  });

  it("are told of as one: what the second does is no news while the first is as far", () => {
    const bench = new Bench();
    bench.set();
    bench.connected();
    bench.drain();
    expect(bench.accepted(THEIRS).map(({ kind }) => kind)).toEqual(["send"]);
  });

  it("are never the one that stands and a new one: that is turned away, whoever opened the first", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    bench.accepted(THEIRS);
    bench.drain(THEIRS);
    bench.receive(OPEN, THEIRS);
    bench.drain(THEIRS);
    bench.receive(encodeKeepalive(), THEIRS);
    bench.drain(THEIRS);
    const effects = bench.accepted(3);
    expect(inShort(effects)).toEqual(["open", "notification 6/7", "close"]);
    expect(closed(effects)).toEqual([3]);
    expect(bench.report.state).toBe("Established");
    // It need not be waited for any more, and stands: nothing has to be opened.
    expect(bench.set({ passive: false })).toEqual([]);
  });

  it("both go where their settings change, and both stay where their OPENs say the same", () => {
    expect(closed(both().set({ holdTime: 30 }))).toEqual([2, THEIRS]);
    const bench = both({ peerAs: "external" });
    expect(bench.set({ peerAs: 64512 })).toEqual([]);
    expect(bench.report.state).toBe("OpenSent");
  });

  it("both go where one of them alone would say something else", () => {
    // The identifier is the address of the own end: of the first it is the one that is written down now.
    expect(closed(both({}, 0, "192.0.2.20").set({ routerId: address("192.0.2.10") }))).toEqual([2, THEIRS]);
  });

  it("stay where the settings change before the own attempt stands: it will say what is right", () => {
    const bench = new Bench();
    bench.set({ peerAs: "external" });
    bench.accepted(THEIRS);
    expect(closed(bench.set({ peerAs: 64512 }))).toEqual([]);
    expect(bench.report.state).toBe("OpenSent");
  });
});

describe("octets", () => {
  it("behind those that ended the connection are not read", () => {
    const bench = both();
    const twice = Uint8Array.of(...encodeKeepalive(), ...encodeKeepalive());
    expect(inShort(bench.receive(twice))).toEqual(["notification 5/1", "close"]);
    const fell = new Bench();
    fell.establish();
    fell.receive(Uint8Array.of(...encodeNotification(notification(6, 4)), ...encodeKeepalive()));
    expect(fell.engine.counters()).toMatchObject([{ keepalivesReceived: 1, notificationsReceived: 1 }]);
  });

  it("in one piece lead from OPEN to Established, and the rest is read there", () => {
    const bench = both();
    bench.receive(Uint8Array.of(...OPEN, ...encodeKeepalive(), ...encodeKeepalive()));
    expect(bench.report.state).toBe("Established");
    expect(bench.engine.counters()).toMatchObject([{ keepalivesReceived: 2 }]);
  });
});

describe("a message that is wrong in itself", () => {
  it("is answered with its error, and ends the connection", () => {
    const bench = both();
    // Version 3.
    expect(inShort(bench.receive(unhex(`${"ff".repeat(16)} 001d 01 03 fc00 005a c0000201 00`)))).toEqual([
      "notification 2/1",
      "close",
    ]);
    expect(bench.report.state).toBe("OpenSent");
    const standing = new Bench();
    standing.establish({}, { capabilities: capabilities({ enhancedRouteRefresh: true }) });
    // RFC 7313 section 5: the beginning of a refresh that is longer than four octets.
    expect(inShort(standing.receive(unhex(`${"ff".repeat(16)} 0018 05 0001 01 01 00`)))).toEqual([
      "notification 7/1",
      "close",
    ]);
    expect(standing.report).toMatchObject({ state: "Idle", reason: expect.stringContaining("ROUTE-REFRESH") });
  });
});

describe("a ROUTE-REFRESH", () => {
  it("is answered at once, and only where it asks for a family", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"]));
    bench.establish({}, { capabilities: capabilities({ enhancedRouteRefresh: true }) });
    const asked = (octets: string) => {
      bench.drain();
      return inShort(bench.receive(unhex(`${"ff".repeat(16)} 0017 05 ${octets}`)));
    };
    expect(asked("0001 00 01")).toHaveLength(3);
    // Its beginning and end, a subtype that nobody knows, and multicast.
    for (const octets of ["0001 01 01", "0001 02 01", "0001 03 01", "0001 00 02"]) expect(asked(octets)).toEqual([]);
    expect(bench.engine.counters()).toMatchObject([{ routeRefreshesReceived: 5 }]);
  });

  it("of a peer that did not offer RFC 7313 always asks: the third octet is reserved (RFC 2918 section 3)", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"]));
    bench.establish({}, { capabilities: capabilities({ enhancedRouteRefresh: false }) });
    for (const third of ["00", "01", "02", "ff"]) {
      bench.drain();
      const answer = inShort(bench.receive(unhex(`${"ff".repeat(16)} 0017 05 0001 ${third} 01`)));
      expect(answer, third).toEqual(["update +1 -0"]);
    }
    // Nor is its length an error then.
    bench.drain();
    expect(inShort(bench.receive(unhex(`${"ff".repeat(16)} 0018 05 0001 01 01 00`)))).toEqual(["update +1 -0"]);
  });
});

describe("what the shell says of a connection", () => {
  const link = { ipv4: null, ipv6: address("2001:db8:1::10"), linkLocal: null };

  it("before the session stands counts once it does: the next hop of the other family", () => {
    const bench = new Bench();
    bench.routes(announce(["2001:db8::1/128"]));
    bench.set();
    bench.connected();
    bench.drain();
    expect(bench.step({ kind: "link", connection: bench.connection, link })).toEqual([]);
    bench.receive(OPEN);
    bench.drain();
    bench.receive(encodeKeepalive());
    const reader = new Reader();
    reader.read(bench.sent());
    expect(reader.routes.get("2001:db8::1/128")?.nextHop).toEqual(link.ipv6);
    expect(bench.report.shortcomings).toEqual([]);
  });

  it("is not about the other of the two", () => {
    const bench = both();
    bench.receive(OPEN);
    bench.step({ kind: "link", connection: THEIRS, link });
    bench.step({ kind: "guarded", connection: THEIRS });
    bench.receive(encodeKeepalive());
    expect(bench.report).toMatchObject({ state: "Established", ttlSecurity: false });
    expect(bench.report.shortcomings).toHaveLength(1);
    // Of the one that is gone nothing is known any more.
    expect(bench.step({ kind: "guarded", connection: THEIRS })).toEqual([]);
    expect(bench.step({ kind: "link", connection: THEIRS, link })).toEqual([]);
    expect(bench.report.ttlSecurity).toBe(false);
  });

  it("about the TTL is kept for the next connection, where this one was guarded from the beginning", () => {
    const bench = new Bench();
    bench.set();
    const ends = { local: address("192.0.2.10"), remote: address("192.0.2.1") };
    bench.step({ kind: "connected", connection: bench.connection, ...ends, guarded: true });
    bench.drain();
    bench.receive(OPEN);
    bench.drain();
    bench.receive(encodeKeepalive());
    expect(bench.report.ttlSecurity).toBe(true);
    bench.step({ kind: "closed", connection: bench.connection, reason: "" });
    expect(bench.report.ttlSecurity).toBe(false);
    expect(bench.advance(1_000)).toContainEqual(expect.objectContaining({ kind: "connect", hops: "guarded" }));
  });

  it("about the TTL outlives other settings, as long as the peer is the same", () => {
    const bench = new Bench();
    bench.establish();
    bench.step({ kind: "guarded", connection: bench.connection });
    bench.set({ holdTime: 30 });
    expect(bench.advance(1_000)).toContainEqual(expect.objectContaining({ kind: "connect", hops: "guarded" }));
  });

  it("before it stands changes nothing", () => {
    const bench = new Bench();
    bench.set();
    expect(bench.step({ kind: "link", connection: bench.connection, link })).toEqual([]);
    expect(bench.step({ kind: "guarded", connection: bench.connection })).toEqual([]);
    expect(bench.receive(OPEN)).toEqual([]);
    expect(bench.report.state).toBe("Connect");
    const reader = bench.standUp();
    expect(reader.endOfRib).toEqual(["ipv4-unicast", "ipv6-unicast"]);
    expect(bench.connected()).toEqual([]);
  });
});
