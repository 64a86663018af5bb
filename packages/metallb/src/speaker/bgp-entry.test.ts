import { expect, it } from "vitest";
import type { PathAttributes, PeerSettings, TableChange } from "#bgp";
import { hostPrefix, ip } from "#net";
import type { TcpListener } from "#sys";
import { bgpEntry } from "./bgp-entry.ts";
import type { BgpDifference, BgpReport, EngineTypes, Seat } from "./engine-registry.ts";

type Event = EngineTypes["bgp"]["event"];

const settings: PeerSettings = {
  name: "router",
  localAs: 64500,
  peerAs: 64512,
  endpoint: { kind: "address", address: ip(4, 1n), interface: null },
  port: 179,
  sourceAddress: null,
  vrf: null,
  holdTime: null,
  keepaliveTime: null,
  connectTime: null,
  routerId: null,
  password: null,
  ebgpMultiHop: false,
  passive: false,
  bfd: null,
  restartTime: null,
  gracefulRestart: false,
  families: ["ipv4-unicast"],
  table: "all",
};

/** The entry with a seat and a TCP that a test plays. */
function open() {
  const reports: BgpReport[] = [];
  const listeners: TcpListener[] = [];
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
  }).create(seat);
  const apply = (difference: Partial<BgpDifference>, now = 0): Event[] => {
    const nothing = { routes: [], peersSet: [], peersRemoved: [], fallbackRouterId: ip(4, 2n) };
    const events = [...engine.events({ ...nothing, ...difference })];
    for (const event of events) step(event, now);
    return events;
  };
  return { engine, step, apply, reports, listeners, sent, left };
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
