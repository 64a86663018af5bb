import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type BgpEngine, createBgpEngine } from "metallb/bgp";
import type { Config } from "metallb/config";
import { ip } from "metallb/net";
import { Planner, type World } from "metallb/planner";
import { bgpParts } from "metallb/speaker";
import { encodeKeepalive } from "../packages/metallb/src/bgp/packet/keepalive.ts";
import { encodeOpen } from "../packages/metallb/src/bgp/packet/open.ts";
import { Bench, hostRoutes, PLAIN, peerOpen } from "../packages/metallb/src/bgp/testing.ts";
import {
  advertisement,
  changes,
  config,
  node,
  OPTIONS,
  peer,
  pool,
  service,
} from "../packages/metallb/src/planner/testing.ts";
import type { Benchmark, Row } from "./report.ts";

// Goal 12 and the bars of the planner: what a Service costs, and what a change costs that changes nothing.

const SERVICES = 50_000;
const RUNS = 30;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function held(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function time(act: () => unknown): number {
  const began = performance.now();
  act();
  return performance.now() - began;
}

/** A cluster of one node and so many Services, each with an address of its own. */
class Cluster implements World {
  readonly services: Map<string, NonNullable<ReturnType<World["services"]["get"]>>> = new Map();
  readonly nodes: Map<string, NonNullable<ReturnType<World["nodes"]["get"]>>> = new Map();
  config: Config;
  private readonly slices = [{ endpoints: [{ nodeName: "node-1", serving: true, hasAddress: true }] }];

  constructor(count: number, config: Config) {
    this.config = config;
    this.relabel({});
    for (let n = 0; n < count; n++) this.serve(n, n);
  }

  endpointSlices(): ReturnType<World["endpointSlices"]> {
    return this.slices as unknown as ReturnType<World["endpointSlices"]>;
  }

  relabel(labels: Readonly<Record<string, string>>): void {
    this.nodes.set("node-1", node("node-1", { labels }));
  }

  serve(n: number, address: number): string {
    const ips = [`10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`];
    const annotations = { "metallb.io/ip-allocated-from-pool": "lab" };
    const made = service(`service-${n}`, { ips, annotations });
    this.services.set(made.key, made);
    return made.key;
  }
}

const EVERYTHING = changes({ config: true });
const who = "metallb-ts";

/** Plans it and hands it to the engine, as the other thread has it: what it is sent is copied. Nothing of it stays here. */
function hand(planner: Planner, world: World, engine: BgpEngine): { readonly first: number; readonly holds: number[] } {
  const began = performance.now();
  const difference = planner.update(world, EVERYTHING);
  const first = performance.now() - began;
  const holds: number[] = [];
  for (const part of bgpParts(difference, ip(4, 1n))) {
    const { routes } = structuredClone(part);
    holds.push(time(() => routes.forEach((change) => void engine.step({ kind: "routes", change }, 0))));
  }
  return { first, holds };
}

function many(say: (line: string) => void): readonly Row[] {
  say(`planner: ${SERVICES} Services`);
  const world = new Cluster(SERVICES, config([pool("lab", "10.0.0.0/8", [advertisement("a")])], [peer("p")]));
  const planner = new Planner(OPTIONS);
  // The ring of its last events has a bound of its own, whatever the number of Services.
  const engine = createBgpEngine({ random: () => 0.5, ringSize: 0 });
  const before = held();
  const { first, holds } = hand(planner, world, engine);
  const both = (held() - before) / SERVICES;
  const idle = Array.from({ length: RUNS }, (_, run) => {
    world.relabel({ run: String(run) });
    return time(() => planner.update(world, changes({ nodes: new Set(["node-1"]) })));
  });
  const other = Array.from({ length: RUNS }, (_, run) => {
    const [lab] = world.config.pools;
    world.config = { ...world.config, pools: lab ? [lab, pool("more", `11.0.${run}.0/24`, [])] : [] };
    return time(() => planner.update(world, EVERYTHING));
  });
  return [
    row(4, "first plan of 50,000 Services", "ms", [first], null),
    row(12, "planner and engine, each further Service", "B", [both], 200),
    row(12, "replan, own node relabelled, nothing differs", "ms", idle, 20),
    row(12, "replan, another pool edited, nothing differs", "ms", other, 20),
    row(8, "engines' thread held by one part of 50,000 routes", "ms", holds, 10),
  ];
}

function apart(say: (line: string) => void): readonly Row[] {
  say("planner: 64 peers with an advertisement each");
  const names = Array.from({ length: 64 }, (_, n) => `peer-${n}`);
  const advertisements = names.map((name) => advertisement(name, { peers: new Set([name]) }));
  const world = new Cluster(
    2_000,
    config(
      [pool("lab", "10.0.0.0/8", advertisements)],
      names.map((name) => peer(name)),
    ),
  );
  const planner = new Planner(OPTIONS);
  planner.update(world, EVERYTHING);
  const one = Array.from({ length: 1_000 }, (_, run) => {
    const key = world.serve(7, 1_000_000 + run);
    return 1_000 * time(() => planner.update(world, changes({ services: new Set([key]) })));
  });
  return [row(12, "64 peers with an advertisement each, one Service changed", "µs", one, 100)];
}

/** A session that comes up on 50,000 routes, and a peer that reads slowly while all of them change: each step is timed. */
function turns(say: (line: string) => void): readonly Row[] {
  say("engines: 50,000 routes to a peer, in turns");
  const samples: number[] = [];
  for (let run = 0; run < 5; run++) {
    const bench = new Bench(undefined, 0);
    const change = (localPref: number | null): void => {
      const { announce, ...rest } = hostRoutes(SERVICES, { ...PLAIN, localPref });
      for (let at = 0; at < SERVICES; at += 800)
        samples.push(time(() => bench.routes({ ...rest, announce: announce.slice(at, at + 800) })));
    };
    const drain = (): void => {
      do samples.push(time(() => bench.drain()));
      while (bench.sent().length > 0);
    };
    change(null);
    bench.set();
    bench.connected();
    bench.drain();
    bench.receive(encodeOpen(peerOpen()));
    bench.drain();
    samples.push(time(() => bench.receive(encodeKeepalive())));
    drain();
    bench.routes(hostRoutes(1, PLAIN, 0x0b000000));
    change(5);
    drain();
  }
  return [row(8, "engines' thread held by one step, 50,000 told and changed", "ms", samples, 10)];
}

const row = (goal: number, what: string, unit: string, samples: readonly number[], goalValue: number | null): Row => ({
  goal,
  what,
  who,
  unit,
  samples,
  goalValue,
  judged: goal === 8 ? "p99" : "median",
});

export const plannerBenchmark: Benchmark = async (say) => [...many(say), ...apart(say), ...turns(say)];
