import { expect, it } from "vitest";
import {
  DEFAULT_SETTINGS,
  encodeKeepalive,
  encodeOpen,
  type PathAttributes,
  type PeerSettings,
  type TableChange,
} from "#bgp";
import { hostPrefix, type Ip, ip } from "#net";
import type { HostLink, HostLinksListener, TcpListener } from "#sys";
import { bgpEntry } from "./bgp-entry.ts";
import type { BgpDifference, BgpReport, EngineTypes, Seat } from "./engine-registry.ts";

const PLAIN: PathAttributes = { localPref: null, communities: [], largeCommunities: [] };

type Event = EngineTypes["bgp"]["event"];

const settings: PeerSettings = {
  ...DEFAULT_SETTINGS,
  name: "router",
  localAs: 64500,
  peerAs: 64512,
  endpoint: { kind: "address", address: ip(4, 1n), interface: null },
  families: ["ipv4-unicast"],
};

/** The entry with a seat and a TCP that a test plays. */
function open() {
  const reports: BgpReport[] = [];
  const listeners: TcpListener[] = [];
  const links: HostLinksListener[] = [];
  const sent: Uint8Array[] = [];
  const left = Promise.withResolvers<void>();
  const step = (event: Event, now = 0): void => {
    for (const effect of engine.step(event, now)) engine.perform(effect, now);
  };
  const seat: Seat<Event, BgpReport> = {
    step,
    wakeAt: () => {},
    wallClock: (at) => 1_700_000_000_000 + at,
    random: () => 0.5,
    report: (_, report) => void reports.push(report),
    log: () => {},
    pass: () => {},
  };
  const engine = bgpEntry({
    openTcp: (_, listener) => {
      listeners.push(listener);
      return { begin: () => {}, send: (chunks) => void sent.push(...chunks), close: () => left.promise };
    },
    listen: () => Promise.reject(new Error("nobody listens in this test")),
    discover: () => Promise.reject(new Error("nobody looks in this test")),
    watchLinks: (listener) => {
      links.push(listener);
      return Promise.resolve({ close: () => {} });
    },
  }).create(seat);
  const apply = (difference: Partial<BgpDifference>, now = 0): Event[] => {
    const nothing = { routes: [], peersSet: [], peersRemoved: [], fallbackRouterId: ip(4, 2n) };
    const events = [...engine.events({ ...nothing, ...difference })];
    for (const event of events) step(event, now);
    return events;
  };
  return { engine, step, apply, reports, listeners, links, sent, left };
}

it("opens the connection of a peer, and holds the end up until its goodbye has left", async () => {
  const { engine, step, apply, listeners, sent, left } = open();
  apply({ peersSet: [settings] });
  step(engine.wake, 1_000);
  listeners[0]?.connected(ip(4, 2n), ip(4, 1n), false);
  // OPEN
  expect(sent.map((bytes) => bytes[18])).toEqual([1]);
  const farewell = engine.farewell?.("bye", "withdraw");
  if (farewell) step(farewell, 2);
  // NOTIFICATION: the peer has not answered, so it may or may not be said; the connection is being closed.
  let isFlushed = false;
  const flushed = engine.flushed?.().then(() => {
    isFlushed = true;
  });
  await Promise.resolve();
  expect(isFlushed).toBe(false);
  left.resolve();
  await flushed;
  expect(isFlushed).toBe(true);
});

it("tells since when a session is as it is on a clock that everybody has", () => {
  const { step, engine, apply, reports } = open();
  apply({ peersSet: [settings] }, 500);
  step(engine.wake, 10_000);
  const since = reports.flatMap((report) => (report.kind === "session" ? [report.session.since] : []));
  expect(since[0]).toBeGreaterThanOrEqual(1_700_000_000_000);
  engine.standing?.(10_000);
  expect(reports.at(-1)).toMatchObject({ kind: "counters", counters: [{ peer: "router" }] });
});

it("says of a drain before all else, and why peers are removed", () => {
  const { apply } = open();
  const difference = { drain: true, peersSet: [settings], peersRemoved: ["old"], farewell: "drained" };
  expect(apply(difference)).toMatchObject([
    { kind: "drain", on: true },
    { kind: "peer-set" },
    { kind: "peer-removed", peer: "old", text: "drained" },
  ]);
  expect(apply({ peersRemoved: ["router"] })).toEqual([{ kind: "peer-removed", peer: "router" }]);
});

it("makes equal attribute sets of different parts one object again: packing groups by identity", () => {
  const { apply } = open();
  const route = (n: number, attributes: PathAttributes): TableChange => ({
    table: "all",
    announce: [{ prefix: hostPrefix(ip(4, BigInt(n))), attributes }],
    withdraw: [],
  });
  const set = () => ({ localPref: 7, communities: [1, 2], largeCommunities: [] });
  const given = [
    apply({ routes: [route(1, set())] }),
    apply({ routes: [route(2, set()), route(3, { ...set(), localPref: 8 })] }),
  ];
  const [first, second, third] = given
    .flat()
    .flatMap((event) => (event.kind === "routes" ? event.change.announce.map(({ attributes }) => attributes) : []));
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(third).toEqual({ ...set(), localPref: 8 });
});

it("waits for the addresses of its interfaces where the other family needs one, and tells the engine of later ones", async () => {
  const { engine, apply, step, listeners, links, sent } = open();
  const eth0 = (...addresses: readonly Ip[]): HostLink => ({
    index: 2,
    name: "eth0",
    mac: null,
    up: true,
    running: false,
    broadcast: true,
    loopback: false,
    noArp: false,
    enslaved: false,
    addresses: addresses.map((address) => ({ address, prefixLength: 24 })),
    linkLocal: null,
  });
  apply({ peersSet: [{ ...settings, families: ["ipv4-unicast", "ipv6-unicast"] }] });
  expect(listeners).toHaveLength(0);
  links[0]?.changed(2, eth0(ip(4, 2n)));
  links[0]?.complete();
  expect(listeners).toHaveLength(1);
  listeners[0]?.connected(ip(4, 2n), ip(4, 1n), false);
  const routes = { table: "all", announce: [{ prefix: hostPrefix(ip(6, 77n)), attributes: PLAIN }], withdraw: [] };
  apply({ routes: [routes] });
  const open4 = encodeOpen({
    as: 64512,
    holdTime: 90,
    identifier: ip(4, 1n),
    capabilities: {
      families: ["ipv4-unicast", "ipv6-unicast"],
      extendedNextHop: false,
      routeRefresh: true,
      enhancedRouteRefresh: false,
      extendedMessage: false,
      fourOctetAs: 64512,
      gracefulRestart: null,
    },
  });
  listeners[0]?.received(open4);
  listeners[0]?.received(encodeKeepalive());
  listeners[0]?.drained();
  const before = sent.length;
  links[0]?.changed(2, eth0(ip(4, 2n), ip(6, 2n)));
  listeners[0]?.drained();
  // An UPDATE, without a new session.
  expect(sent.slice(before).map((bytes) => bytes[18])).toEqual([2]);
  // A further address changes nothing.
  links[0]?.changed(2, eth0(ip(4, 2n), ip(6, 1n), ip(6, 2n)));
  expect(sent).toHaveLength(before + 1);
  step(engine.wake, 1);
});
