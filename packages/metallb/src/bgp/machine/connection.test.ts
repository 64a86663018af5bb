import { describe, expect, it } from "vitest";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeNotification, notification } from "../packet/notification.ts";
import { encodeOpen } from "../packet/open.ts";
import { encodeRouteRefresh } from "../packet/route-refresh.ts";
import { address, announce, Bench, capabilities, hostRoutes, inShort, peerOpen, unhex } from "../testing.ts";

const MARKER = "ff".repeat(16);
const update = (octets: string): Uint8Array => unhex(`${MARKER} ${octets}`);

/** An UPDATE of so many octets: withdrawals of `0.0.0.0/0`, one octet each. */
function withdrawals(length: number): Uint8Array {
  const message = new Uint8Array(length).fill(255, 0, 16);
  const gone = length - 23;
  message.set([length >> 8, length & 255, 2, gone >> 8, gone & 255], 16);
  return message;
}

describe("the hold timer", () => {
  it("is four minutes in OpenSent, before the peer has named its own", () => {
    const bench = new Bench();
    bench.set({ holdTime: 9 });
    bench.connected();
    bench.drain();
    expect(inShort(bench.advance(239_999))).toEqual([]);
    expect(inShort(bench.advance(1))).toEqual(["notification 4/0", "close"]);
  });

  it("is the lower of the two from the peer's OPEN on, and starts anew with its first KEEPALIVE", () => {
    for (const [ours, theirs] of [
      [9, 90],
      [90, 9],
    ] as const) {
      const bench = new Bench();
      bench.set({ holdTime: ours });
      bench.connected();
      bench.drain();
      bench.now = 100_000;
      bench.receive(encodeOpen(peerOpen({ holdTime: theirs })));
      bench.drain();
      bench.now = 108_000;
      bench.receive(encodeKeepalive());
      expect(bench.report).toMatchObject({ state: "Established", negotiatedHoldTime: 9 });
      expect(bench.engine.counters()[0]?.holdEndsAt).toBe(117_000);
      bench.drain();
      bench.now = 116_999;
      expect(inShort(bench.step({ kind: "time" }))).not.toContain("notification 4/0");
      bench.now = 117_000;
      expect(inShort(bench.step({ kind: "time" }))).toEqual(["notification 4/0", "close"]);
    }
  });

  it("runs in OpenConfirm too", () => {
    const bench = new Bench();
    bench.set({ holdTime: 9 });
    bench.connected();
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    bench.drain();
    expect(bench.report.state).toBe("OpenConfirm");
    const effects = inShort(bench.advance(9_000));
    expect(effects.slice(-2)).toEqual(["notification 4/0", "close"]);
  });

  it("ends nothing at hold time 0, in OpenConfirm and later", () => {
    const bench = new Bench();
    bench.set({ holdTime: 0 });
    bench.connected();
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    bench.drain();
    expect(inShort(bench.advance(1_000_000))).toEqual([]);
    bench.receive(encodeKeepalive());
    bench.drain();
    expect(bench.engine.counters()[0]?.holdEndsAt).toBeNull();
    expect(inShort(bench.advance(1_000_000))).toEqual([]);
  });
});

describe("keepalives", () => {
  const times = (settings: Parameters<Bench["establish"]>[0], span: number): readonly number[] => {
    const bench = new Bench();
    bench.establish(settings, { holdTime: 65_535 });
    const sent: number[] = [];
    for (const end = bench.now + span; bench.now < end; ) {
      if (inShort(bench.advance(100)).includes("keepalive")) sent.push(bench.now);
      bench.drain();
    }
    return sent;
  };

  it("come a third of the hold time apart at most, however long the configured time is", () => {
    expect(times({ holdTime: 9, keepaliveTime: 60 }, 7_000)).toEqual([3_000, 6_000]);
    expect(times({ holdTime: 9, keepaliveTime: 2 }, 5_000)).toEqual([2_000, 4_000]);
  });

  it("come once a second at most (RFC 4271 section 4.4)", () => {
    expect(times({ holdTime: 3 }, 2_500)).toEqual([1_000, 2_000]);
    expect(times({ holdTime: 9, keepaliveTime: 0.5 }, 2_500)).toEqual([1_000, 2_000]);
  });

  it("do not pile up behind octets that the peer has not read, and go on once it reads", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 30 });
    bench.routes(announce(["10.0.0.0/8"]));
    bench.advance(8_000);
    bench.receive(encodeKeepalive());
    expect(inShort(bench.advance(22_000))).toEqual([]);
    bench.receive(encodeKeepalive());
    bench.drain();
    expect(inShort(bench.advance(10_000))).toEqual(["keepalive"]);
  });
});

describe("a peer that does not read (RFC 9687)", () => {
  /** When the session ends, of which the peer reads nothing though it goes on talking. */
  const endsAfter = (holdTime: number): number => {
    const bench = new Bench();
    bench.establish({ holdTime }, { holdTime });
    const begin = bench.now;
    bench.routes(hostRoutes(1));
    for (let rounds = 0; rounds < 100 && bench.report.state === "Established"; rounds++) {
      bench.advance(20_000);
      bench.receive(encodeKeepalive());
    }
    expect(bench.report.reason).toContain("stopped reading");
    return bench.now - begin;
  };

  it("is given up after eight minutes, or twice the hold time where that is longer", () => {
    expect(endsAfter(90)).toBe(480_000);
    expect(endsAfter(600)).toBe(1_200_000);
  });

  it("has eight minutes again once it has read", () => {
    const bench = new Bench();
    bench.establish({ holdTime: 0 });
    bench.routes(hostRoutes(1));
    bench.advance(479_999);
    bench.drain();
    bench.advance(1_000_000);
    expect(bench.report.state).toBe("Established");
    bench.routes(announce(["10.9.0.0/16"]));
    bench.advance(479_999);
    expect(bench.report.state).toBe("Established");
    expect(inShort(bench.advance(1))).toEqual(["close"]);
  });

  it("is judged by the oldest octet that it has not read, whatever is sent behind it", () => {
    const bench = new Bench();
    bench.set({ holdTime: 0 });
    bench.connected();
    bench.advance(200_000);
    bench.receive(encodeOpen(peerOpen()));
    bench.advance(279_999);
    expect(bench.report.state).toBe("OpenConfirm");
    bench.advance(1);
    expect(bench.report).toMatchObject({ reason: expect.stringContaining("stopped reading") });
  });
});

describe("long messages (RFC 8654)", () => {
  const takes = (length: number, extendedMessage: boolean) => {
    const bench = new Bench();
    bench.establish({}, { capabilities: capabilities({ extendedMessage }) });
    return inShort(bench.receive(withdrawals(length)));
  };

  it("are taken from a peer that offered them, and refused from any other", () => {
    expect(takes(4_096, false)).toEqual([]);
    expect(takes(4_097, false)).toEqual(["notification 1/2", "close"]);
    expect(takes(4_097, true)).toEqual([]);
    expect(takes(65_535, true)).toEqual([]);
  });
});

describe("what is counted", () => {
  it("is each message of each kind, over all connections since the peer was added", () => {
    const bench = new Bench();
    const counted = () => bench.engine.counters()[0];
    bench.routes(announce(["10.0.0.0/8", "2001:db8::/32"]));
    bench.set();
    expect(counted()).toEqual({
      peer: "router",
      opensSent: 0,
      opensReceived: 0,
      notificationsSent: 0,
      notificationsReceived: 0,
      updatesSent: 0,
      updatesReceived: 0,
      keepalivesSent: 0,
      keepalivesReceived: 0,
      routeRefreshesReceived: 0,
      updatesTreatedAsWithdraw: 0,
      attributesDiscarded: 0,
      bytesSent: 0,
      announcedPrefixes: 0,
      pendingPrefixes: 2,
      holdEndsAt: null,
    });
    bench.standUp();
    bench.receive(encodeKeepalive());
    bench.receive(update("0017 02 0000 0000"));
    bench.receive(encodeRouteRefresh("ipv4-unicast", "request"));
    bench.drain();
    // One route, two ends of tables, the route again.
    expect(counted()).toEqual({
      peer: "router",
      opensSent: 1,
      opensReceived: 1,
      notificationsSent: 0,
      notificationsReceived: 0,
      updatesSent: 4,
      updatesReceived: 1,
      keepalivesSent: 1,
      keepalivesReceived: 2,
      routeRefreshesReceived: 1,
      updatesTreatedAsWithdraw: 0,
      attributesDiscarded: 0,
      bytesSent: 2 * 45 + 23 + 29,
      announcedPrefixes: 1,
      pendingPrefixes: 1,
      holdEndsAt: 90_000,
    });
    bench.receive(encodeNotification(notification(6, 4)));
    expect(counted()).toMatchObject({ notificationsReceived: 1, notificationsSent: 0, pendingPrefixes: 2 });
    bench.advance(1_000);
    bench.connected();
    bench.receive(encodeOpen(peerOpen({ identifier: address("0.0.0.0") })));
    expect(counted()).toMatchObject({ opensSent: 2, opensReceived: 2, notificationsSent: 1, updatesSent: 4 });
  });

  it("is no NOTIFICATION that could not be sent, since the connection did not stand", () => {
    const bench = new Bench();
    bench.set();
    bench.step({ kind: "peer-down", peer: "router", cause: "bfd", text: "" });
    expect(bench.engine.counters()).toMatchObject([{ notificationsSent: 0 }]);
  });
});
