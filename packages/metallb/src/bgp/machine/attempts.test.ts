import { describe, expect, it } from "vitest";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeOpen } from "../packet/open.ts";
import { Bench, inShort, peerOpen } from "../testing.ts";

// RFC 4271 section 8: ConnectRetryTimer limits an attempt and waits for the next, and stops once a connection stands.

const failed = (bench: Bench, connection = bench.connection) =>
  bench.step({ kind: "connect-failed", connection, reason: "connection refused" });

const down = (bench: Bench, cause: "bfd" | "administrative") =>
  bench.step({ kind: "peer-down", peer: "router", cause, text: "" });

describe("what this side does next", () => {
  it("is to give up an attempt that meets silence, then to make another", () => {
    const bench = new Bench(() => 0);
    bench.set();
    expect(bench.report).toMatchObject({ state: "Connect", next: { kind: "give up", at: 7_500 }, failures: 0 });
    expect(inShort(bench.advance(7_500))).toEqual(["close", "connect"]);
    expect(bench.report).toMatchObject({ state: "Connect", next: { kind: "give up", at: 15_000 } });
  });

  it("is nothing once the connection stands", () => {
    const bench = new Bench();
    bench.set();
    bench.connected();
    expect(bench.report).toMatchObject({ state: "OpenSent", next: null });
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    expect(bench.report).toMatchObject({ state: "OpenConfirm", next: null });
    bench.receive(encodeKeepalive());
    expect(bench.report).toMatchObject({ state: "Established", next: null });
  });

  it("is to connect after a failure, later each time", () => {
    const bench = new Bench();
    bench.set();
    failed(bench);
    expect(bench.report).toMatchObject({ state: "Active", next: { kind: "connect", at: 1_000 }, failures: 1 });
    bench.advance(1_000);
    failed(bench);
    expect(bench.report).toMatchObject({ state: "Active", next: { kind: "connect", at: 3_000 }, failures: 2 });
  });

  it("is nothing while the peer's own connection has taken the place of the attempt that was due", () => {
    const bench = new Bench();
    bench.set();
    failed(bench);
    bench.accepted(1);
    expect(bench.report).toMatchObject({ state: "OpenSent", next: null });
    expect(inShort(bench.advance(200_000))).toEqual([]);
    // Once that is gone the session begins again by itself.
    bench.step({ kind: "closed", connection: 1, reason: "reset" });
    expect(bench.report).toMatchObject({ state: "Active", next: { kind: "connect", at: 202_000 } });
  });

  it("is to give up its own attempt beside the peer's connection, and to make another", () => {
    const bench = new Bench();
    bench.set();
    bench.accepted(1);
    expect(bench.report).toMatchObject({ state: "OpenSent", next: { kind: "give up", at: 10_000 } });
    expect(inShort(bench.advance(10_000))).toEqual(["close", "connect"]);
    expect(bench.report).toMatchObject({ state: "OpenSent", reason: "no answer: the connection attempt timed out" });
    failed(bench);
    expect(bench.report).toMatchObject({ state: "OpenSent", next: null });
    expect(inShort(bench.advance(200_000))).toEqual([]);
  });

  it("is not done before its time, though another timer is due", () => {
    const bench = new Bench();
    bench.set({ connectTime: 7 });
    bench.accepted(1);
    bench.drain(1);
    bench.advance(239_999);
    expect(bench.report.next).toEqual({ kind: "give up", at: 245_000 });
    // The OPEN on the peer's connection is not answered.
    expect(inShort(bench.advance(1))).toEqual(["notification 4/0", "close"]);
    expect(bench.report).toMatchObject({ state: "Connect", next: { kind: "give up", at: 245_000 } });
  });

  it("is nothing more when the OPEN on the peer's connection ends its own attempt", () => {
    const bench = new Bench();
    bench.set();
    bench.accepted(1);
    bench.receive(encodeOpen(peerOpen()), 1);
    expect(bench.report).toMatchObject({ state: "OpenConfirm", next: null });
  });

  it("is nothing for a passive peer, whoever failed", () => {
    const bench = new Bench();
    bench.set({ passive: true });
    expect(bench.report).toMatchObject({ state: "Active", next: null });
  });

  it("is nothing while BFD holds the session, whatever else happens", () => {
    const bench = new Bench();
    bench.establish();
    down(bench, "bfd");
    expect(bench.report).toMatchObject({ state: "Idle", next: null });
    down(bench, "administrative");
    expect(bench.report.next).toBeNull();
    bench.set({ connectTime: 7 });
    expect(bench.report.next).toBeNull();
    bench.step({ kind: "peer-up", peer: "router" });
    expect(bench.report).toMatchObject({
      state: "Idle",
      next: { kind: "connect", at: bench.now + 100 },
      reason: "BFD says that the peer is up again",
    });
    expect(bench.reports.at(-1)).toEqual(bench.report);
  });

  it("forgets what failed before where BFD says that the peer is back", () => {
    const bench = new Bench();
    bench.set();
    for (const pause of [1_000, 2_000, 4_000]) {
      failed(bench);
      bench.advance(pause);
    }
    expect(bench.report.failures).toBe(3);
    down(bench, "bfd");
    bench.step({ kind: "peer-up", peer: "router" });
    expect(bench.report.failures).toBe(0);
  });

  it("is at once where a word of BFD was not about this peer", () => {
    const bench = new Bench();
    bench.set();
    const before = bench.report;
    expect(bench.step({ kind: "peer-up", peer: "router" })).toEqual([]);
    expect(bench.report).toEqual(before);
  });
});
