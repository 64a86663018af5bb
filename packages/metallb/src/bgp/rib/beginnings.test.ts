import { describe, expect, it } from "vitest";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeOpen } from "../packet/open.ts";
import { encodeRouteRefresh } from "../packet/route-refresh.ts";
import type { PathAttributes } from "../settings.ts";
import { address, announce, Bench, capabilities, PLAIN, peerOpen, Reader, withdraw } from "../testing.ts";

// What becomes of a table that is still to be sent when something else happens.

const IPV4 = encodeRouteRefresh("ipv4-unicast", "request");
const IPV6 = encodeRouteRefresh("ipv6-unicast", "request");
const ENHANCED = capabilities({ enhancedRouteRefresh: true });

const link = (bench: Bench, ipv6: string | null) =>
  bench.step({
    kind: "link",
    connection: bench.connection,
    link: { ipv4: address("192.0.2.10"), ipv6: ipv6 === null ? null : address(ipv6), linkLocal: null },
  });

/** Established, with a next hop for both families; nothing of the table is sent, since the peer does not read yet. */
function unread(offered = capabilities()): Bench {
  const bench = new Bench();
  bench.routes(announce(["10.0.0.0/8", "2001:db8::/32"]));
  bench.set();
  bench.connected();
  link(bench, "2001:db8:1::10");
  bench.drain();
  bench.receive(encodeOpen(peerOpen({ capabilities: offered })));
  bench.receive(encodeKeepalive());
  expect(bench.report.state).toBe("Established");
  return bench;
}

/** What the peer hears once it reads. */
function heard(bench: Bench): readonly string[] {
  const reader = new Reader();
  reader.read(bench.sent(bench.drain()));
  return reader.heard;
}

const WHOLE = ["update +1 -0", "end ipv4-unicast", "update +1 -0", "end ipv6-unicast"];

describe("the first table", () => {
  it("is sent once the peer reads", () => {
    expect(heard(unread())).toEqual(WHOLE);
    expect(heard(unread(ENHANCED))).toEqual(WHOLE);
  });

  it("stays the first, with its End-of-RIB, whatever asks for it meanwhile", () => {
    const asked = unread(ENHANCED);
    asked.receive(IPV4);
    asked.receive(IPV6);
    expect(heard(asked)).toEqual(WHOLE);
    const drained = unread();
    drained.step({ kind: "drain", on: true });
    expect(heard(drained)).toEqual(WHOLE);
    const moved = unread();
    link(moved, "2001:db8:1::20");
    expect(heard(moved)).toEqual(WHOLE);
  });

  it("withdraws nothing of a family that loses its next hop before it was told", () => {
    const bench = unread();
    link(bench, null);
    expect(heard(bench)).toEqual(["update +1 -0", "end ipv4-unicast", "end ipv6-unicast"]);
  });

  it("of the session before is forgotten: the next has only the families that it agreed on", () => {
    const bench = unread();
    bench.step({ kind: "closed", connection: bench.connection, reason: "reset" });
    expect(bench.engine.counters()).toMatchObject([{ announcedPrefixes: 0, pendingPrefixes: 2 }]);
    bench.advance(1_000);
    const reader = bench.standUp({ capabilities: capabilities({ families: ["ipv4-unicast"] }) });
    expect(reader.heard).toEqual(["open", "keepalive", "update +1 -0", "end ipv4-unicast"]);
  });

  it("has no route whose attributes fit no message, nor its withdrawal where the family has no next hop", () => {
    const bench = new Bench();
    const communities = Array.from({ length: 2_000 }, (_, i) => i);
    bench.routes(announce(["2001:db8::/32"], { ...PLAIN, communities }));
    expect(bench.establish().heard).toEqual(["open", "keepalive", "end ipv4-unicast", "end ipv6-unicast"]);
  });
});

describe("a refresh that is due", () => {
  /** Both families told, and an unread change behind it. */
  function refreshing(): Bench {
    const bench = unread(ENHANCED);
    bench.drain();
    bench.receive(encodeKeepalive());
    bench.drain();
    bench.routes(announce(["10.1.0.0/16"]));
    bench.receive(IPV4);
    return bench;
  }

  it("carries what is announced meanwhile, which is not told twice", () => {
    const bench = refreshing();
    bench.routes(announce(["10.2.0.0/16"]));
    expect(heard(bench)).toEqual(["refresh begin ipv4-unicast", "update +3 -0", "refresh end ipv4-unicast"]);
  });

  it("keeps its marks, whatever else asks for the table", () => {
    const bench = refreshing();
    bench.step({ kind: "drain", on: true });
    expect(heard(bench).slice(0, 3)).toEqual([
      "refresh begin ipv4-unicast",
      "update +2 -0",
      "refresh end ipv4-unicast",
    ]);
  });

  it("of a family that was not agreed on is not answered, not even by marks", () => {
    const bench = new Bench();
    bench.routes(announce(["2001:db8::/32"]));
    bench.establish({}, { capabilities: { ...ENHANCED, families: ["ipv4-unicast"] } });
    bench.receive(IPV6);
    expect(bench.sent()).toEqual([]);
    expect(heard(bench)).toEqual([]);
  });

  it("of a family that has no next hop has marks alone", () => {
    const bench = new Bench();
    bench.routes(announce(["2001:db8::/32"]));
    bench.establish({}, { capabilities: ENHANCED });
    const reader = new Reader();
    bench.receive(IPV6);
    reader.read(bench.sent());
    expect(reader.heard).toEqual(["refresh begin ipv6-unicast", "refresh end ipv6-unicast"]);
  });
});

describe("a family without a next hop", () => {
  it("is told of neither its routes nor their ends", () => {
    const bench = new Bench();
    bench.establish();
    bench.routes(announce(["2001:db8::/32"]));
    bench.drain();
    bench.routes(withdraw(["2001:db8::/32"]));
    expect(bench.sent()).toEqual([]);
  });

  it("is no news while it still has none", () => {
    const bench = new Bench();
    bench.establish();
    expect(link(bench, null)).toEqual([]);
  });
});

describe("what a peer has not read", () => {
  it("is counted as pending, change by change", () => {
    const bench = new Bench();
    bench.establish({ families: ["ipv4-unicast"] });
    bench.routes(announce(["10.0.0.0/8"]));
    expect(bench.engine.counters()).toMatchObject([{ announcedPrefixes: 1, pendingPrefixes: 0 }]);
    bench.routes(announce(["10.1.0.0/16"]));
    bench.routes(announce(["10.2.0.0/16"]));
    expect(bench.engine.counters()).toMatchObject([{ announcedPrefixes: 3, pendingPrefixes: 2 }]);
    bench.drain();
    expect(bench.engine.counters()).toMatchObject([{ announcedPrefixes: 3, pendingPrefixes: 0 }]);
  });
});

describe("a route that comes and goes before the peer reads", () => {
  it("is not withdrawn, for it was never told", () => {
    const bench = new Bench();
    bench.establish({ families: ["ipv4-unicast"] });
    bench.routes(announce(["10.0.0.0/8"]));
    // The first change behind what was sent, and a later one.
    for (const text of ["10.1.0.0/16", "10.2.0.0/16"]) {
      bench.routes(announce([text]));
      bench.routes(withdraw([text]));
    }
    expect(heard(bench)).toEqual([]);
  });

  it("is not withdrawn when the peer is moved to another table in between, either", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"]));
    bench.routes(announce(["10.0.0.0/8"], PLAIN, "other"));
    bench.establish({ families: ["ipv4-unicast"] });
    bench.routes(announce(["10.1.0.0/16"]));
    bench.drain();
    bench.routes(announce(["10.2.0.0/16"]));
    bench.drain();
    bench.routes(announce(["10.3.0.0/16"]));
    // Not read: 10.4.0.0/16 and 10.5.0.0/16 are in no message.
    bench.routes(announce(["10.4.0.0/16"]));
    bench.routes(announce(["10.5.0.0/16"]));
    bench.set({ families: ["ipv4-unicast"], table: "other" });
    const reader = new Reader();
    reader.read(bench.sent(bench.drain()));
    expect(reader.heard).toEqual(["update +0 -3"]);
  });
});

describe("two peers of one table", () => {
  /** Both Established and told, then one change that neither reads. */
  function pair() {
    const bench = new Bench();
    const connections = ["a", "b"].map((name) => {
      bench.set({ name });
      const { connection } = bench;
      bench.standUp();
      bench.drain();
      return connection;
    });
    bench.routes(announce(["10.0.0.0/8"]));
    bench.routes(announce(["10.1.0.0/16"]));
    const [a = -1, b = -1] = connections;
    return { bench, a, b };
  }
  const reads = (bench: Bench, connection: number) => bench.sent(bench.drain(connection), connection);

  it("are told apart where one of them has asked for the table", () => {
    const { bench, a, b } = pair();
    bench.receive(IPV4, a);
    const readers = [a, b].map((connection) => {
      const reader = new Reader();
      reader.read(reads(bench, connection));
      return reader.heard;
    });
    expect(readers).toEqual([["update +2 -0"], ["update +1 -0"]]);
  });

  it("share the octets of one encoding, though a setting of one has changed in place", () => {
    const { bench, a, b } = pair();
    bench.set({ name: "a", keepaliveTime: 7 });
    const [first] = reads(bench, a);
    const [second] = reads(bench, b);
    expect(first).toBeDefined();
    expect(second).toBe(first);
  });
});

describe("a peer that is moved to another table", () => {
  const RED: PathAttributes = { ...PLAIN, communities: [1] };

  it("is told where the two differ, in both families", () => {
    const bench = unread();
    bench.drain();
    bench.receive(encodeKeepalive());
    bench.drain();
    bench.routes(announce(["10.0.0.0/8", "2001:db8:2::/48"], PLAIN, "other"));
    bench.set({ table: "other" });
    const reader = new Reader();
    reader.read(bench.sent());
    expect(reader.heard).toEqual(["update +1 -0", "update +0 -1"]);
    expect([...reader.routes.keys()]).toEqual(["2001:db8:2::/48"]);
  });

  it("is told a route again whose attributes are others there, and one whose are not, not", () => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8", "10.1.0.0/16"]));
    bench.routes(announce(["10.0.0.0/8"], { ...PLAIN }, "other"));
    bench.routes(announce(["10.1.0.0/16"], RED, "other"));
    bench.establish();
    bench.set({ table: "other" });
    const reader = new Reader();
    reader.read(bench.sent());
    expect([...reader.routes.keys()]).toEqual(["10.1.0.0/16"]);
  });
});
