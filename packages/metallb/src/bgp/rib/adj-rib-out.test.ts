import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BgpEffect } from "../events.ts";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeOpen } from "../packet/open.ts";
import { encodeRouteRefresh } from "../packet/route-refresh.ts";
import type { PathAttributes, PeerSettings, TableChange } from "../settings.ts";
import {
  address,
  announce,
  at,
  Bench,
  capabilities,
  hex,
  hostRoutes,
  PLAIN,
  peerOpen,
  Reader,
  withdraw,
} from "../testing.ts";
import { RouteTable } from "./route-table.ts";

const BLUE: PathAttributes = { ...PLAIN, communities: [1] };
const RED: PathAttributes = { ...PLAIN, communities: [2] };
const REFRESH = encodeRouteRefresh("ipv4-unicast", "request");

/** What is sent for one event on an established session that has drained. */
function sends(bench: Bench, act: () => void): readonly string[] {
  const reader = new Reader();
  act();
  reader.read(bench.sent());
  bench.drain();
  reader.read(bench.sent());
  return reader.heard;
}

describe("a session is sent", () => {
  it("the whole table and End-of-RIB for each family once it is established", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32", "198.51.100.2/32", "2001:db8::1/128"]));
    const reader = bench.establish();
    expect(reader.heard).toEqual(["open", "keepalive", "update +2 -0", "end ipv4-unicast", "end ipv6-unicast"]);
    expect([...reader.routes.keys()]).toEqual(["198.51.100.1/32", "198.51.100.2/32"]);
  });

  it("one change for one change, and nothing for none", () => {
    const bench = new Bench();
    bench.routes(hostRoutes(5000));
    bench.establish();
    expect(sends(bench, () => bench.routes(announce(["198.51.100.1/32"])))).toEqual(["update +1 -0"]);
    expect(sends(bench, () => bench.routes(announce(["198.51.100.1/32"], { ...PLAIN })))).toEqual([]);
    expect(sends(bench, () => bench.routes(announce(["198.51.100.1/32"], BLUE)))).toEqual(["update +1 -0"]);
    expect(sends(bench, () => bench.routes(withdraw(["198.51.100.1/32"])))).toEqual(["update +0 -1"]);
    expect(sends(bench, () => bench.routes(withdraw(["198.51.100.1/32"])))).toEqual([]);
  });

  it("the last form of what changed while it did not read", () => {
    const bench = new Bench();
    bench.establish();
    bench.routes(announce(["198.51.100.1/32"]));
    for (let i = 0; i < 100; i++) {
      expect(bench.routes(announce(["198.51.100.2/32"], i % 2 ? BLUE : RED)).filter(isSend)).toEqual([]);
      bench.routes(announce(["198.51.100.3/32"]));
      bench.routes(withdraw(["198.51.100.3/32"]));
    }
    const reader = new Reader();
    bench.drain();
    reader.read(bench.sent());
    expect(reader.heard).toEqual(["update +1 -0"]);
    expect(reader.routes.get("198.51.100.2/32")?.communities).toEqual([1]);
  });

  it("a family again when it asks, and what was withdrawn before", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32"]));
    bench.establish();
    expect(sends(bench, () => bench.receive(REFRESH))).toEqual(["update +3 -0"]);
    bench.routes(announce(["198.51.100.4/32"]));
    bench.receive(REFRESH);
    bench.routes(withdraw(["198.51.100.1/32"]));
    expect(sends(bench, () => bench.drain())).toEqual(["update +0 -1", "update +3 -0"]);
  });

  it("the refresh between its marks where both know them (RFC 7313)", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32"]));
    bench.establish({}, { capabilities: capabilities({ enhancedRouteRefresh: true }) });
    expect(sends(bench, () => bench.receive(REFRESH))).toEqual([
      "refresh begin ipv4-unicast",
      "update +1 -0",
      "refresh end ipv4-unicast",
    ]);
    expect(sends(bench, () => bench.receive(encodeRouteRefresh("ipv4-unicast", "begin")))).toEqual([]);
  });

  it("the difference when it is moved to another table", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32"]));
    bench.routes(announce(["198.51.100.1/32", "198.51.100.4/32"], PLAIN, "other"));
    bench.routes(announce(["198.51.100.3/32"], RED, "other"));
    bench.establish();
    expect(sends(bench, () => bench.set({ table: "other" }))).toEqual(["update +1 -0", "update +1 -0", "update +0 -1"]);
    expect(bench.report.state).toBe("Established");
  });

  it("the difference to what it was told, however it was moved while it did not read", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32", "198.51.100.2/32"]));
    bench.routes(announce(["198.51.100.1/32", "198.51.100.3/32"], PLAIN, "other"));
    bench.routes(announce(["198.51.100.2/32", "198.51.100.3/32"], PLAIN, "third"));
    bench.establish();
    bench.routes(announce(["203.0.113.1/32"]));
    bench.routes(withdraw(["198.51.100.1/32"]));
    bench.set({ table: "other" });
    bench.set({ table: "third" });
    const reader = new Reader();
    reader.read(bench.sent(bench.drain()));
    // What was withdrawn while it did not read may stand with it or not: it is told in any case.
    expect(reader.heard).toEqual(["update +1 -0", "update +0 -2"]);
    expect([...reader.routes.keys()]).toEqual(["198.51.100.3/32"]);
  });

  it("no withdrawal of what it was never told, when it is moved before it was told anything", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32"]));
    bench.set();
    bench.connected();
    bench.receive(encodeOpen(peerOpen()));
    bench.receive(encodeKeepalive());
    bench.set({ table: "other" });
    expect(sends(bench, () => bench.drain())).toEqual(["end ipv4-unicast", "end ipv6-unicast"]);
  });

  it("messages of 65,535 octets where both take them", () => {
    const bench = new Bench();
    bench.routes(hostRoutes(10_000));
    const reader = bench.establish({}, { capabilities: capabilities({ extendedMessage: true }) });
    expect(reader.heard).toContain("update +8000 -0");
  });

  it("nothing of a family that has no next hop; it is counted as pending", () => {
    const bench = new Bench();
    bench.routes(announce(["198.51.100.1/32", "2001:db8::1/128", "2001:db8::2/128"]));
    bench.establish();
    expect(bench.engine.counters()).toMatchObject([{ announcedPrefixes: 1, pendingPrefixes: 2 }]);
    expect(sends(bench, () => bench.receive(encodeRouteRefresh("ipv6-unicast", "request")))).toEqual([]);
  });

  it("the other family once its next hop is known, with another one when that changes, and withdrawn without one", () => {
    const bench = new Bench();
    const link = (ipv6: string | null, connection = bench.connection) =>
      bench.step({
        kind: "link",
        connection,
        link: { ipv4: address("192.0.2.10"), ipv6: ipv6 === null ? null : address(ipv6), linkLocal: null },
      });
    bench.routes(announce(["198.51.100.1/32", "2001:db8::1/128", "2001:db8::2/128"]));
    bench.establish();
    expect(bench.report.shortcomings).toEqual([
      "no IPv6 route is sent: this end of the session has no next hop for IPv6",
    ]);
    const reader = new Reader();
    const hears = (act: () => void): readonly string[] => {
      const before = reader.heard.length;
      act();
      reader.read(bench.sent());
      reader.read(bench.sent(bench.drain()));
      return reader.heard.slice(before);
    };
    expect(hears(() => link("2001:db8:1::10"))).toEqual(["update +2 -0"]);
    expect(reader.routes.get("2001:db8::1/128")?.nextHop).toEqual(address("2001:db8:1::10"));
    expect(bench.report).toMatchObject({ state: "Established", shortcomings: [], announcedPrefixes: 3 });
    expect(hears(() => link("2001:db8:1::10"))).toEqual([]);
    expect(hears(() => link("2001:db8:1::20"))).toEqual(["update +2 -0"]);
    expect(reader.routes.get("2001:db8::2/128")?.nextHop).toEqual(address("2001:db8:1::20"));
    // It goes while the peer does not read, and so do a route and its withdrawal.
    bench.routes(withdraw(["2001:db8::2/128"]));
    reader.read(bench.sent());
    expect(hears(() => link(null))).toEqual(["update +0 -1"]);
    expect([...reader.routes.keys()]).toEqual([]);
    expect(hears(() => bench.routes(announce(["2001:db8::9/128"])))).toEqual([]);
    expect(hears(() => link("2001:db8:1::10"))).toEqual(["update +2 -0"]);
    expect([...reader.routes.keys()]).toEqual(["2001:db8::1/128", "2001:db8::9/128"]);
    expect(bench.report.state).toBe("Established");
  });

  it("no new session for another address of the interface, though the router ID came from there", () => {
    const bench = new Bench();
    bench.set({ endpoint: at("2001:db8:1::1") });
    const link = { ipv4: null, ipv6: address("2001:db8:1::10"), linkLocal: null };
    bench.standUp({}, "2001:db8:1::10", link);
    bench.step({ kind: "link", connection: bench.connection, link: { ...link, ipv4: address("192.0.2.10") } });
    bench.set({ endpoint: at("2001:db8:1::1"), keepaliveTime: 7 });
    expect(bench.report.state).toBe("Established");
  });

  it("IPv4 over an IPv6 session only where RFC 8950 was agreed", () => {
    for (const extendedNextHop of [false, true]) {
      const bench = new Bench();
      bench.routes(announce(["198.51.100.1/32", "2001:db8::1/128"]));
      const reader = bench.establish(
        { endpoint: at("2001:db8:1::1") },
        { capabilities: capabilities({ extendedNextHop }) },
        "2001:db8:1::10",
      );
      expect(reader.routes.get("198.51.100.1/32")?.nextHop).toEqual(
        extendedNextHop ? address("2001:db8:1::10") : undefined,
      );
      expect(reader.routes.get("2001:db8::1/128")?.nextHop).toEqual(address("2001:db8:1::10"));
      expect(reader.endOfRib).toEqual(["ipv4-unicast", "ipv6-unicast"]);
    }
  });
});

const isSend = ({ kind }: { kind: string }): boolean => kind === "send";

/** Several peers on one engine, each read by a reader of its own that drains when it is told to. */
class Peers {
  readonly bench: Bench;
  readonly peers = new Map<string, { connection: number; reader: Reader; table: string }>();

  constructor(turn?: number) {
    this.bench = new Bench(undefined, undefined, turn);
  }

  add(name: string, table: string): void {
    this.bench.set({ name, table });
    const { connection } = this.bench;
    this.peers.set(name, { connection, reader: new Reader(), table });
    this.bench.connected();
    this.deliver();
    this.bench.receive(encodeOpen(peerOpen()), connection);
    this.deliver();
    this.bench.receive(encodeKeepalive(), connection);
    this.deliver();
  }

  deliver(): void {
    for (const { connection, reader } of this.peers.values()) reader.read(this.bench.sent(undefined, connection));
  }

  drain(name: string): void {
    this.bench.drain(this.peers.get(name)?.connection);
    this.deliver();
  }

  settle(): void {
    const heard = () => [...this.peers.values()].reduce((sum, { reader }) => sum + reader.bytes, 0);
    let before: number;
    do {
      before = heard();
      for (let round = 0; round < 4; round++) {
        this.bench.step({ kind: "time" });
        this.deliver();
        for (const name of this.peers.keys()) this.drain(name);
      }
    } while (heard() > before);
  }
}

describe("peers with equal parameters", () => {
  it("share the octets of one encoding", () => {
    const { bench } = new Peers();
    bench.routes(hostRoutes(1000));
    const sent = ["a", "b"].map((name) => {
      bench.set({ name });
      bench.connected();
      bench.drain();
      bench.receive(encodeOpen(peerOpen()));
      bench.drain();
      return bench.sent(bench.receive(encodeKeepalive()));
    });
    expect(sent[0]?.[0]).toBe(sent[1]?.[0]);
  });

  it("do not wait for one that does not read", () => {
    const peers = new Peers();
    peers.add("slow", "all");
    peers.add("fast", "all");
    peers.settle();
    for (let i = 0; i < 3000; i++) {
      peers.bench.routes(announce([`10.0.${i % 7}.0/24`], i % 2 ? RED : BLUE));
      peers.deliver();
      peers.drain("fast");
    }
    expect(peers.peers.get("fast")?.reader.heard).toHaveLength(2 + 2 + 3000);
    peers.drain("slow");
    expect(peers.peers.get("slow")?.reader.heard.slice(-2)).toEqual(["update +4 -0", "update +3 -0"]);
  });
});

describe("a large change", () => {
  /** Prefixes of which the sends of one step tell. */
  const told = (effects: readonly BgpEffect[]): number =>
    effects.reduce((sum, effect) => {
      if (effect.kind !== "send") return sum;
      const reader = new Reader();
      reader.read(effect.chunks);
      return sum + reader.heard.reduce((all, text) => all + Number(/\+(\d+)/.exec(text)?.[1] ?? 0), 0);
    }, 0);

  it("is told in turns, so that no step encodes more than 8,000 routes, in as many octets as at once", () => {
    const bench = new Bench();
    const all = hostRoutes(50_000);
    for (let at = 0; at < 50_000; at += 800) bench.routes({ ...all, announce: all.announce.slice(at, at + 800) });
    bench.set();
    bench.connected();
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    bench.drain();
    const reader = new Reader();
    const steps: number[] = [];
    bench.receive(encodeKeepalive());
    do {
      steps.push(told(bench.effects));
      reader.read(bench.sent());
    } while (bench.sent(bench.drain()).length > 0);
    expect(steps).toEqual([8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 2_000]);
    expect([reader.routes.size, reader.heard.slice(-2)]).toEqual([50_000, ["end ipv4-unicast", "end ipv6-unicast"]]);
    // The floor (limits.md, section 1): 62 messages of 252,666 octets, and two times End-of-RIB.
    expect(reader.bytes).toBeLessThan(1.001 * 252_666 + 53);
  });

  it("of which a peer that reads slowly has to be told is told in turns too", () => {
    const bench = new Bench();
    bench.establish();
    bench.routes(announce(["198.51.100.1/32"]));
    const all = hostRoutes(20_000, BLUE);
    for (let at = 0; at < 20_000; at += 800)
      expect(told(bench.routes({ ...all, announce: all.announce.slice(at, at + 800) }))).toBe(0);
    const steps: number[] = [];
    while (bench.sent(bench.drain()).length > 0) steps.push(told(bench.effects));
    expect(steps).toEqual([8_000, 8_000, 4_000]);
  });

  it("goes on when what was left of a turn has changed meanwhile, and tells it once", () => {
    const bench = new Bench(undefined, undefined, 1);
    bench.establish();
    bench.routes(announce(["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"]));
    bench.routes(announce(["10.0.0.2/32", "10.0.0.3/32"], RED));
    const reader = new Reader();
    while (bench.sent(bench.drain()).length > 0) reader.read(bench.sent());
    expect(reader.heard).toEqual(["update +1 -0", "update +1 -0"]);
    expect([...reader.routes].map(([to, { communities }]) => [to, communities])).toEqual([
      ["10.0.0.2/32", RED.communities],
      ["10.0.0.3/32", RED.communities],
    ]);
  });

  it("is told to its end from another table, when the peer is moved in the middle of it", () => {
    const bench = new Bench(undefined, undefined, 1);
    const routes = ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"];
    bench.routes(announce(routes, PLAIN, "other"));
    const reader = bench.establish();
    bench.routes(announce(routes));
    reader.read(bench.sent());
    bench.set({ table: "other" });
    while (bench.sent(bench.drain()).length > 0) reader.read(bench.sent());
    expect([...reader.routes.keys()].sort()).toEqual(routes);
  });

  it("does not encode for more peers in one step than make a turn: the others' follows at once", () => {
    const peers = new Peers();
    for (let i = 0; i < 64; i++) {
      peers.bench.set({ name: `peer-${i}`, localAs: 64_600 + i });
      const { connection } = peers.bench;
      peers.peers.set(`peer-${i}`, { connection, reader: new Reader(), table: "all" });
      peers.bench.connected();
      peers.deliver();
      peers.bench.receive(encodeOpen(peerOpen()), connection);
      peers.deliver();
      peers.bench.receive(encodeKeepalive(), connection);
      peers.deliver();
    }
    peers.settle();
    const steps = [told(peers.bench.routes(hostRoutes(800)))];
    peers.deliver();
    while (peers.bench.wakeAt === peers.bench.now) {
      steps.push(told(peers.bench.step({ kind: "time" })));
      peers.deliver();
    }
    expect(steps).toEqual([8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 3_200]);
    for (const { reader } of peers.peers.values()) expect(reader.routes.size).toBe(800);
  });
});

describe("the log of a table", () => {
  it("keeps what a slow session has to be told, within twice the number of prefixes", () => {
    const table = new RouteTable();
    table.apply(announce(["10.0.0.1/32", "10.0.0.2/32"]));
    for (let i = 0; i < 10_000; i++) {
      table.apply(announce(["10.0.0.9/32"], i % 2 ? RED : BLUE));
      table.trim(0);
    }
    expect([...table.since(0)].map(({ key }) => key)).toHaveLength(3);
    expect(table.position - table.oldest).toBeLessThan(2100);
  });

  const changes = (table: RouteTable, times: number) => {
    for (let i = 0; i < times; i++) table.apply(announce(["10.255.0.9/32"], i % 2 ? RED : BLUE));
  };
  const kept = (table: RouteTable) => table.position - table.oldest;

  it("forgets what every session is past, where that is most of it", () => {
    const table = new RouteTable();
    table.apply(hostRoutes(100));
    table.trim(50);
    expect(table.oldest).toBe(0);
    table.trim(64);
    expect(table.oldest).toBe(0);
    table.trim(65);
    expect(table.oldest).toBe(65);
    expect([...table.since(65)]).toHaveLength(35);
    expect([...table.since(90)]).toHaveLength(10);
    // Few of many are not worth it.
    table.apply(hostRoutes(1_000, BLUE));
    table.trim(65 + 500);
    expect(table.oldest).toBe(65);
    expect(table.size).toBe(1_000);
  });

  it("forgets the withdrawn prefixes of what is past, and no others", () => {
    const table = new RouteTable();
    table.apply(hostRoutes(200));
    const gone = hostRoutes(200).announce.map(({ prefix }) => prefix);
    table.apply({ table: "all", announce: [], withdraw: gone.slice(0, 100) });
    table.apply({ table: "all", announce: [], withdraw: gone.slice(100) });
    // A session that has been told of the first hundred.
    table.trim(300);
    expect([table.oldest, table.size]).toEqual([300, 100]);
    expect([...table.since(300)]).toHaveLength(100);
  });

  it("is gone through anew only when half of it is past use", () => {
    const table = new RouteTable();
    table.apply(hostRoutes(2_000));
    changes(table, 1_990);
    table.trim(0);
    expect(kept(table)).toBe(3_990);
    changes(table, 30);
    table.trim(0);
    expect(kept(table)).toBe(2_001);
    expect([...table.since(0)]).toHaveLength(2_001);
    const small = new RouteTable();
    changes(small, 1_025);
    small.trim(0);
    expect(kept(small)).toBe(1_025);
    changes(small, 2);
    small.trim(0);
    expect(kept(small)).toBe(1);
  });

  it("does not count as past use what it has forgotten", () => {
    const table = new RouteTable();
    for (let round = 0; round < 4; round++) {
      changes(table, 600);
      table.trim(table.position);
      expect(kept(table)).toBe(0);
    }
    changes(table, 1_000);
    table.trim(table.oldest);
    expect(kept(table)).toBe(1_000);
  });

  it("forgets withdrawn prefixes once every session has been told", () => {
    const table = new RouteTable();
    table.apply(hostRoutes(1000));
    const before = table.position;
    table.apply({ table: "all", announce: [], withdraw: hostRoutes(1000).announce.map((route) => route.prefix) });
    table.trim(before);
    expect([table.size, [...table.since(before)].length]).toEqual([1000, 1000]);
    table.trim(table.position);
    expect(table.size).toBe(0);
  });
});

describe("any history", () => {
  const prefixes = ["10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "0.0.0.0/0", "10.0.0.1/32", "10.0.0.2/32"] as const;
  const table = fc.constantFrom("all", "other");
  const name = fc.constantFrom("a", "b", "c");
  const change: fc.Arbitrary<TableChange> = fc
    .tuple(
      table,
      fc.uniqueArray(fc.constantFrom(...prefixes), { maxLength: 4 }),
      fc.constantFrom(PLAIN, BLUE, RED, null),
    )
    .map(([to, texts, attributes]) => (attributes ? announce(texts, attributes, to) : withdraw(texts, to)));
  const step = fc.oneof(
    { arbitrary: change.map((value) => (peers: Peers) => void peers.bench.routes(value)), weight: 6 },
    { arbitrary: name.map((who) => (peers: Peers) => peers.drain(who)), weight: 4 },
    fc.tuple(name, table).map(([who, to]) => (peers: Peers) => {
      const peer = peers.peers.get(who);
      if (!peer) return peers.add(who, to);
      peer.table = to;
      peers.bench.set({ name: who, table: to });
    }),
    name.map((who) => (peers: Peers) => void peers.bench.receive(REFRESH, peers.peers.get(who)?.connection ?? -1)),
    // A burst: the log of the table is compacted, and trimmed.
    fc.tuple(table, name).map(([to, who]) => (peers: Peers) => {
      for (let i = 0; i < 1300; i++) {
        peers.bench.routes(announce(["10.0.0.9/32"], i % 2 ? RED : BLUE, to));
        peers.deliver();
        if (i % 100 === 0) peers.drain(who);
      }
    }),
  );

  it("leaves every peer with exactly the routes of its table", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(1, 2, 3, undefined), (steps, turn) => {
        const peers = new Peers(turn);
        peers.add("a", "all");
        for (const act of steps) {
          act(peers);
          peers.deliver();
        }
        peers.settle();
        // A peer that comes now is told the table from scratch: the others must know the same.
        for (const to of ["all", "other"]) peers.add(`fresh ${to}`, to);
        peers.settle();
        for (const { reader, table: of } of peers.peers.values())
          expect(new Map(reader.routes)).toEqual(peers.peers.get(`fresh ${of}`)?.reader.routes);
      }),
      { numRuns: 200 },
    );
  });
});

describe("attributes beyond the usual", () => {
  const octets = (attributes: Partial<PathAttributes>, settings: Partial<PeerSettings> = {}) => {
    const bench = new Bench();
    bench.routes(announce(["10.0.0.0/8"], { ...PLAIN, ...attributes }));
    bench.set(settings);
    bench.connected();
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    bench.drain();
    bench.receive(encodeKeepalive());
    return { bench, text: bench.sent().map(hex).join("") };
  };

  it("are MULTI_EXIT_DISC, a longer path and the bandwidth of the link", () => {
    expect(octets({ med: 50 }).text).toContain("80040400000032");
    // One segment of three times AS 64500.
    expect(octets({ asPathPrepend: 2 }).text).toContain("40020e02030000fbf40000fbf40000fbf4");
    // 1.25e6 octets a second from AS 64500.
    expect(octets({ linkBandwidth: 1_250_000 }).text).toContain("c010084004fbf449989680");
    expect(octets({ asPathPrepend: 2 }, { localAs: 64512 }).text).toContain("400200");
    expect(octets({}).text).not.toMatch(/800404|c01008/);
  });

  it("say so once, where the route said it already (RFC 8326)", () => {
    const { bench } = octets({ communities: [1, 0xffff0000, 0xffff0001] });
    bench.drain();
    bench.step({ kind: "drain", on: true });
    const reader = new Reader();
    reader.read(bench.sent());
    expect(reader.routes.get("10.0.0.0/8")?.communities).toEqual([1, 0xffff0000, 0xffff0001]);
  });

  it("say during a drain that the route will go, and no longer after it", () => {
    const { bench } = octets({ communities: [1, 0xffffff01] }, { localAs: 64512 });
    const reader = new Reader();
    const told = () => {
      reader.read(bench.sent(bench.drain()));
      const route = reader.routes.get("10.0.0.0/8");
      return [route?.communities, route?.localPref];
    };
    bench.drain();
    bench.step({ kind: "drain", on: true });
    reader.read(bench.sent());
    expect(told()).toEqual([[1, 0xffff0000, 0xffffff01], 0]);
    bench.step({ kind: "drain", on: true });
    expect(bench.sent()).toEqual([]);
    bench.routes(announce(["10.1.0.0/16"]));
    reader.read(bench.sent());
    expect(reader.routes.get("10.1.0.0/16")?.communities).toEqual([0xffff0000]);
    bench.drain();
    bench.step({ kind: "drain", on: false });
    reader.read(bench.sent());
    expect(told()).toEqual([[1, 0xffffff01], 100]);
    expect(reader.endOfRib).toEqual([]);
  });
});
