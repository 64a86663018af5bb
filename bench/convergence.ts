import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_SETTINGS, type PeerSettings } from "metallb/bgp";
import { hostPrefix, type Ip, ip, parseIp } from "metallb/net";
import type { PlanDifference } from "metallb/planner";
import { bgpParts, EngineThread } from "metallb/speaker";
import { type Peer, startBird, startFrr, startGobgp } from "./peers.ts";
import type { Benchmark, Row } from "./report.ts";
import { Sink, type SinkSession } from "./sink-client.ts";

// Goals 5 and 6: from Established to the last prefix read by the peer, and octets against the floor.

const SINK = { host: "127.0.0.9", port: 20180, asn: 64512 };
const OWN = { address: "127.0.0.10", asn: 64500 };

/** Octets of N IPv4 host routes to an eBGP peer: 43 fixed and 5 each, 810 in a message of 4,096 octets. */
const floorOctets = (prefixes: number): number => Math.ceil(prefixes / 810) * 43 + prefixes * 5;

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

const peerSettings = (name: string): PeerSettings => ({
  ...DEFAULT_SETTINGS,
  name,
  localAs: OWN.asn,
  peerAs: SINK.asn,
  endpoint: { kind: "address", address: address(SINK.host), interface: null },
  port: SINK.port,
  sourceAddress: address(OWN.address),
  ebgpMultiHop: true,
  families: ["ipv4-unicast"],
});

const spread = (sessions: readonly SinkSession[]): number =>
  Math.max(...sessions.map(({ last }) => last)) - Math.min(...sessions.map(({ established }) => established));

const NOTHING = {
  routes: [],
  peersSet: [],
  peersRemoved: [],
  routesAfter: [],
  layer2: { announce: [], withdraw: [] },
  verdicts: [],
};

/**
 * The engines' thread as the speaker has it, filled with N routes before its peers come up, all at
 * once. A fresh thread each time: nothing has been encoded before.
 */
async function oursOnce(
  prefixes: number,
  peers: number,
): Promise<{ time: number; octets: number; changes: readonly SinkSession[] }> {
  const sink = new Sink(SINK);
  const thread = new EngineThread({
    applied: () => {},
    report: () => {},
    log: () => {},
    died: (reason) => console.error(reason),
  });
  const apply = (difference: Partial<PlanDifference>) =>
    thread.send("bgp", bgpParts({ ...NOTHING, ...difference }, address("192.0.2.1")));
  const attributes = { localPref: null, communities: [], largeCommunities: [] };
  const announce = Array.from({ length: prefixes }, (_, n) => ({
    prefix: hostPrefix(ip(4, BigInt(0x0a000000 + n))),
    attributes,
  }));
  try {
    await sink.expect(prefixes, peers);
    await sink.listen();
    const peersSet = Array.from({ length: peers }, (_, n) => peerSettings(`peer-${n}`));
    apply({ routes: [{ table: "all", announce, withdraw: [] }], peersSet });
    const sessions = await sink.reached(60);
    const changes: SinkSession[] = [];
    const changed = announce.slice(7, 8);
    for (const change of [
      { table: "all", announce: [], withdraw: changed.map(({ prefix }) => prefix) },
      { table: "all", announce: changed, withdraw: [] },
    ]) {
      await sink.expect(1, peers);
      apply({ routes: [change] });
      changes.push(...(await sink.reached(5)));
    }
    return { time: spread(sessions), octets: sessions[0]?.updateBytes ?? 0, changes };
  } finally {
    await thread.stop("the measurement is over", "withdraw");
    await sink.close();
  }
}

async function ours(
  prefixes: number,
  peers: number,
  runs: number,
): Promise<{ times: number[]; octets: number; changes: readonly SinkSession[] }> {
  const measured = [];
  for (let run = 0; run < runs; run++) measured.push(await oursOnce(prefixes, peers));
  return {
    times: measured.map(({ time }) => time),
    octets: Math.max(...measured.map(({ octets }) => octets)),
    changes: measured.flatMap(({ changes }) => changes),
  };
}

async function theirs(
  start: (options: Parameters<typeof startBird>[0]) => Promise<Peer | null> | Peer | null,
  prefixes: number,
  runs: number,
): Promise<{ name: string; times: number[]; octets: number } | null> {
  const folder = mkdtempSync(join(tmpdir(), "metallb-bench-"));
  const sink = new Sink(SINK);
  let peer: Peer | null = null;
  try {
    await sink.expect(prefixes);
    await sink.listen();
    peer = await start({ folder, ...OWN, sink: SINK, prefixes });
    if (!peer) return null;
    const times: number[] = [];
    let octets = 0;
    for (let run = 0; run < runs; run++) {
      const sessions = await sink.reached(90);
      times.push(spread(sessions));
      octets = sessions[0]?.updateBytes ?? 0;
      if (run === runs - 1) break;
      await sink.drop();
      await sink.expect(prefixes);
      await sink.listen();
    }
    return { name: peer.name, times, octets };
  } finally {
    await peer?.close();
    await sink.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const convergenceBenchmark: Benchmark = async (say) => {
  const rows: Row[] = [];
  const time = (what: string, who: string, samples: readonly number[], goalValue: number | null): void => {
    rows.push({ goal: 5, what, who, unit: "ms", samples, goalValue, judged: "median" });
  };
  const octets = (what: string, who: string, ratio: number, goalValue: number | null): void => {
    rows.push({ goal: 6, what, who, unit: "× floor", samples: [ratio], goalValue, judged: "max" });
  };
  for (const [prefixes, peers, goal] of [
    [1_000, 1, null],
    [10_000, 1, 8],
    [100_000, 1, 25],
    [10_000, 64, 30],
  ] as const) {
    say(`goal 5: ${prefixes} prefixes, ${peers} peers`);
    const measured = await ours(prefixes, peers, 10);
    const what = `Established → last prefix, ${prefixes.toLocaleString("en-US")} × ${peers}`;
    time(what, "metallb-ts", measured.times, goal);
    if (peers > 1) continue;
    octets(
      `octets of ${prefixes.toLocaleString("en-US")} prefixes`,
      "metallb-ts",
      measured.octets / floorOctets(prefixes),
      1.001,
    );
    const worst = Math.max(...measured.changes.map(({ updates }) => updates));
    rows.push({
      goal: 6,
      what: "UPDATEs for one change",
      who: "metallb-ts",
      unit: "messages",
      samples: [worst],
      goalValue: 1,
      judged: "max",
    });
  }
  for (const [start, program, prefixes, runs] of [
    [startBird, "BIRD", 10_000, 5],
    [startGobgp, "GoBGP", 10_000, 3],
    [startFrr, "FRR", 1_000, 1],
  ] as const) {
    const many = prefixes.toLocaleString("en-US");
    say(`goal 5: ${many} prefixes, ${program}`);
    const measured = await theirs(start, prefixes, runs).catch((error: Error) => {
      say(error.message);
      return null;
    });
    if (!measured) {
      say(`no figures for ${program}: it is not installed, or did not run`);
      continue;
    }
    time(`Established → last prefix, ${many} × 1`, measured.name, measured.times, null);
    octets(`octets of ${many} prefixes`, measured.name, measured.octets / floorOctets(prefixes), null);
  }
  return rows;
};
