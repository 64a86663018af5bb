import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { decodeService } from "metallb/api";
import { DEFAULT_SETTINGS } from "metallb/bgp";
import { hostPrefix, type Ip, ip, parseIp } from "metallb/net";
import { bgpParts, EngineThread } from "metallb/speaker";
import type { Benchmark, Row } from "./report.ts";
import { Sink } from "./sink-client.ts";

// Goal 8: BFD at 3 × 50 ms and a session with a hold time of 3 s, while the main thread parses 50,000 Services again
// and again and 50,000 routes change all the time. BIRD's BFD beside it, on the same machine at the same time.

/** METALLB_BENCH_SECONDS=600 is what issue and goal ask for. */
const SECONDS = Number(process.env.METALLB_BENCH_SECONDS ?? 20);
const INTERVAL = 50;
const SINK = { host: "127.0.0.9", port: 20184, asn: 64512 };
const OURS = "127.0.0.10";
const BIRD = "127.0.0.11";
const COUNT = 50_000;

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

interface Heard {
  readonly up: boolean;
  readonly gaps: readonly number[];
  readonly falls: number;
}

/** The measuring neighbour; see `bfd-sink.ts`. */
class Neighbour {
  private readonly child = spawn(process.execPath, [`${import.meta.dirname}/bfd-sink.ts`, SINK.host, `${INTERVAL}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  private readonly lines = createInterface({ input: this.child.stdout });

  async ask(command: "begin" | "report"): Promise<Readonly<Record<string, Heard>>> {
    const line = new Promise<string>((resolve) => this.lines.once("line", resolve));
    this.child.stdin.write(`${command}\n`);
    return JSON.parse(await line);
  }

  async up(who: readonly string[], seconds: number): Promise<readonly string[]> {
    const deadline = performance.now() + seconds * 1_000;
    for (;;) {
      const heard = await this.ask("report");
      const missing = who.filter((each) => heard[each]?.up !== true);
      if (missing.length === 0 || performance.now() > deadline) return missing;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async close(): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode === null) await new Promise((resolve) => this.child.once("exit", resolve));
  }
}

/** Null where it is not installed. */
function bird(folder: string): { readonly name: string; close(): Promise<void> } | null {
  const { error, stderr, stdout } = spawnSync("/usr/sbin/bird", ["--version"], { encoding: "utf8" });
  if (error) return null;
  const timers = `interval ${INTERVAL} ms; multiplier 3;`;
  writeFileSync(
    join(folder, "bird.conf"),
    `router id ${BIRD};
protocol device {}
protocol bfd { multihop { ${timers} }; neighbor ${SINK.host} local ${BIRD} multihop on; }`,
  );
  const files = ["conf", "ctl", "pid"].map((kind) => join(folder, `bird.${kind}`));
  const [conf = "", ctl = "", pid = ""] = files;
  const child = spawn("/usr/sbin/bird", ["-f", "-c", conf, "-s", ctl, "-P", pid], { stdio: "ignore" });
  const close = async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once("exit", resolve));
  };
  return { name: `BIRD ${/\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? ""}`, close };
}

const ROUTER = {
  ...DEFAULT_SETTINGS,
  name: "router",
  localAs: 64500,
  peerAs: SINK.asn,
  endpoint: { kind: "address", address: address(SINK.host), interface: null },
  port: SINK.port,
  sourceAddress: address(OURS),
  holdTime: 3,
  families: ["ipv4-unicast"],
  bfd: {
    receiveInterval: INTERVAL,
    transmitInterval: INTERVAL,
    detectMultiplier: 3,
    minimumTtl: 255,
    passive: false,
    echoInterval: null,
    authentication: null,
  },
} as const;

/** What a list of Services looks like on the wire. */
const listed = Array.from({ length: COUNT }, (_, n) =>
  JSON.stringify({
    metadata: { name: `service-${n}`, namespace: "default", uid: `${n}`, resourceVersion: `${n}` },
    spec: { type: "LoadBalancer", clusterIPs: ["10.96.0.1"], ports: [{ name: "http", port: 80, protocol: "TCP" }] },
    status: { loadBalancer: { ingress: [{ ip: `10.0.${n >> 8}.${n & 255}`, ipMode: "VIP" }] } },
  }),
);
const body = `{"items":[${listed.join()}]}`;

const parse = (): number =>
  (JSON.parse(body) as { items: unknown[] }).items.map(decodeService).filter((each) => each !== null).length;

export const bfdBenchmark: Benchmark = async (say) => {
  const folder = mkdtempSync(join(tmpdir(), "metallb-bench-"));
  const neighbour = new Neighbour();
  const sink = new Sink(SINK);
  const other = bird(folder);
  const states: string[] = [];
  const thread = new EngineThread({
    applied: () => {},
    report: ({ engine, report }) => {
      if (engine === "bgp" && report.kind === "session") states.push(report.session.state);
    },
    log: (level, _, subject, message) => void (level === "warn" && say(`${subject}: ${message}`)),
    died: (reason) => console.error(reason),
  });
  const routes = (localPref: number | null) => {
    const attributes = { localPref, communities: [localPref ?? 0], largeCommunities: [] };
    const prefix = (n: number) => hostPrefix(ip(4, BigInt(0x0a000000 + n)));
    return Array.from({ length: COUNT }, (_, n) => ({ prefix: prefix(n), attributes }));
  };
  const apply = (announce: ReturnType<typeof routes>, peersSet: readonly (typeof ROUTER)[] = []) =>
    new Promise<void>((resolve) => {
      const none = { peersRemoved: [], routesAfter: [], layer2: { announce: [], withdraw: [] }, verdicts: [] };
      const difference = { ...none, routes: [{ table: "all", announce, withdraw: [] }], peersSet };
      thread.send("bgp", bgpParts(difference, address("192.0.2.1")), resolve);
    });
  try {
    await sink.listen();
    const tables = [routes(1), routes(2)] as const;
    await apply(tables[0], [ROUTER]);
    await sink.established(30);
    const missing = await neighbour.up([OURS, ...(other ? [BIRD] : [])], 30);
    if (missing.includes(OURS)) throw new Error("BFD does not come up");
    await neighbour.ask("begin");
    states.length = 0;
    say(`BFD 3 × ${INTERVAL} ms for ${SECONDS} s, ${COUNT} Services parsed and as many routes changed meanwhile`);
    const end = performance.now() + SECONDS * 1_000;
    let rounds = 0;
    for (; performance.now() < end; rounds++) {
      const applied = apply(tables[rounds & 1 ? 0 : 1]);
      if (parse() !== COUNT) throw new Error("a Service was not read");
      await applied;
    }
    const heard = await neighbour.ask("report");
    const falls = heard[OURS]?.falls ?? Number.NaN;
    const lost = states.filter((state) => state !== "Established").length;
    const note = `${rounds} rounds, ${SECONDS} s`;
    const what = `silence between BFD packets, 3 × ${INTERVAL} ms`;
    const row = (who: string, name: string, unit: string, samples: readonly number[], goal: number | null): Row => ({
      ...{ goal: 8, what: name, who, unit, samples, goalValue: goal, judged: "max", note },
    });
    const theirs = other && !missing.includes(BIRD) ? heard[BIRD] : undefined;
    return [
      row("metallb-ts", what, "ms", heard[OURS]?.gaps ?? [], 3 * INTERVAL),
      ...(theirs && other ? [row(other.name, what, "ms", theirs.gaps, null)] : []),
      row("metallb-ts", "BFD taken for down", "times", [falls], 0),
      ...(theirs && other ? [row(other.name, "BFD taken for down", "times", [theirs.falls], null)] : []),
      row("metallb-ts", "sessions lost, hold time 3 s", "times", [lost], 0),
    ];
  } finally {
    await thread.stop("the measurement is over", "withdraw");
    await Promise.all([sink.close(), neighbour.close(), other?.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
};
