import {
  type BgpEffect,
  createBgpEngine,
  DEFAULT_SETTINGS,
  encodeKeepalive,
  encodeOpen,
  type PeerSettings,
} from "metallb/bgp";
import { hostPrefix, type Ip, ip } from "metallb/net";
import type { Benchmark, Row } from "./report.ts";

// Goals 5 and 6, the engine alone: what of the time is its own, without sockets, threads and the peer.

const RUNS = 20;
const LOCAL_AS = 64500;
const PEER_AS = 64512;
const local = ip(4, 0xc000020an);
const remote = ip(4, 0xc0000201n);

/** Octets of the fewest messages: `fixed` and `room` as RFC 4271 section 4.3 gives them for the case. */
interface Case {
  readonly what: string;
  readonly prefixes: number;
  readonly peers: number;
  /** Milliseconds; null: no goal of its own. */
  readonly goal: number | null;
  readonly extendedMessage: boolean;
  readonly address: (n: number) => Ip;
  /** Octets of a message besides its prefixes, and of one prefix. */
  readonly fixed: number;
  readonly each: number;
}

const four = (n: number): Ip => ip(4, BigInt(0x0a000000 + n));
const six = (n: number): Ip => ip(6, (0x20010db8n << 96n) + BigInt(n));
const v4 = { address: four, fixed: 43, each: 5, extendedMessage: false } as const;

const CASES: readonly Case[] = [
  { ...v4, what: "IPv4", prefixes: 10_000, peers: 1, goal: 8 },
  { ...v4, what: "IPv4", prefixes: 100_000, peers: 1, goal: 25 },
  { ...v4, what: "IPv4", prefixes: 10_000, peers: 64, goal: 30 },
  { ...v4, what: "IPv4, long messages", prefixes: 100_000, peers: 1, goal: null, extendedMessage: true },
  { what: "IPv6", prefixes: 10_000, peers: 1, goal: null, extendedMessage: false, address: six, fixed: 61, each: 17 },
];

const settings = (name: string, address: Ip): PeerSettings => ({
  ...DEFAULT_SETTINGS,
  name,
  localAs: LOCAL_AS,
  peerAs: PEER_AS,
  endpoint: { kind: "address", address, interface: null },
});

const sentOctets = (effects: readonly BgpEffect[]): number =>
  effects.reduce(
    (sum, effect) => (effect.kind === "send" ? effect.chunks.reduce((total, chunk) => total + chunk.length, sum) : sum),
    0,
  );

interface Measured {
  /** From the first session Established until the last octet was handed over, milliseconds. */
  readonly table: number;
  /** Octets to each peer, without the two End-of-RIB. */
  readonly octets: number;
  /** One prefix withdrawn, until it was handed over to all peers. */
  readonly change: number;
  readonly changeOctets: number;
}

/** Octets of End-of-RIB for both families. */
const END_OF_RIB = 23 + 29;

function measure({ prefixes, peers, address, extendedMessage }: Case): Measured {
  const engine = createBgpEngine({ random: () => 0.5 });
  const attributes = { localPref: null, communities: [], largeCommunities: [] };
  const announce = Array.from({ length: prefixes }, (_, n) => ({ prefix: hostPrefix(address(n)), attributes }));
  engine.step({ kind: "routes", change: { table: "all", announce, withdraw: [] } }, 0);
  const end = address(0).family === 4 ? { local, remote } : { local: six(0), remote: six(1) };
  const open = encodeOpen({
    as: PEER_AS,
    holdTime: 90,
    identifier: remote,
    capabilities: {
      families: ["ipv4-unicast", "ipv6-unicast"],
      extendedNextHop: false,
      routeRefresh: true,
      enhancedRouteRefresh: false,
      extendedMessage,
      fourOctetAs: PEER_AS,
      gracefulRestart: null,
    },
  });
  const connections: number[] = [];
  for (let n = 0; n < peers; n++) {
    const asked = engine.step(
      { kind: "peer-set", settings: settings(`peer-${n}`, end.remote), fallbackRouterId: local },
      0,
    );
    for (const effect of asked) if (effect.kind === "connect") connections.push(effect.connection);
  }
  for (const connection of connections) {
    engine.step({ kind: "connected", connection, ...end }, 1);
    engine.step({ kind: "received", connection, bytes: open }, 1);
    engine.step({ kind: "drained", connection }, 1);
  }
  const keepalive = encodeKeepalive();
  const start = performance.now();
  let octets = 0;
  for (const connection of connections)
    octets += sentOctets(engine.step({ kind: "received", connection, bytes: keepalive }, 2));
  // What is due is told in turns, as each connection drains and as time goes on.
  for (let before = -1; before < octets; ) {
    before = octets;
    for (const connection of connections) octets += sentOctets(engine.step({ kind: "drained", connection }, 3));
    octets += sentOctets(engine.step({ kind: "time" }, 3));
  }
  const table = performance.now() - start;
  const withdraw = announce.slice(7, 8).map(({ prefix }) => prefix);
  const changeStart = performance.now();
  const changed = engine.step({ kind: "routes", change: { table: "all", announce: [], withdraw } }, 4);
  return {
    table,
    octets: octets / peers - END_OF_RIB,
    change: performance.now() - changeStart,
    changeOctets: sentOctets(changed) / peers,
  };
}

export const packingBenchmark: Benchmark = async (say) => {
  const rows: Row[] = [];
  for (const each of CASES) {
    const samples = Array.from({ length: RUNS }, () => measure(each));
    const size = `${each.prefixes.toLocaleString("en-US")} × ${each.peers}, ${each.what}`;
    say(`the BGP engine alone: ${size}`);
    const room = Math.floor(((each.extendedMessage ? 65_535 : 4_096) - each.fixed) / each.each);
    const floor = Math.ceil(each.prefixes / room) * each.fixed + each.prefixes * each.each;
    const row = { who: "metallb-ts, engine alone", judged: "median" } as const;
    rows.push(
      {
        ...row,
        goal: 5,
        what: `Established → last octet, ${size}`,
        unit: "ms",
        samples: samples.map(({ table }) => table),
        goalValue: each.goal,
      },
      {
        ...row,
        goal: 5,
        what: `one change to ${each.peers} of ${size}`,
        unit: "ms",
        samples: samples.map(({ change }) => change),
        goalValue: null,
        note: `${samples[0]?.changeOctets} octets each`,
      },
      {
        ...row,
        goal: 6,
        what: `octets, ${size}`,
        unit: "× floor",
        samples: samples.map(({ octets }) => octets / floor),
        goalValue: 1.001,
        judged: "max",
      },
    );
  }
  return rows;
};
