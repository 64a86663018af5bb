import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { withBundledCluster } from "./bundled-cluster.ts";
import { fill } from "./cluster.ts";
import type { Benchmark, Row } from "./report.ts";
import { monotonic, Sink } from "./sink-client.ts";
import { SINK } from "./speaker.ts";

// Goal 4, the way back: what a client of the only path sees when a speaker is ended and started anew without
// graceful restart. From SIGTERM to the last prefix at the peer; beside it how long Node alone takes to start.

const root = join(import.meta.dirname, "..");
const SERVICES = 10;
const RUNS = 10;

/** What is started: the sources as `npm start` does, and the file that the image holds. */
interface Variant {
  readonly name: string;
  readonly argv: readonly string[];
}

const FLAGS = [
  "--namespace=metallb-system",
  "--node-name=node-1",
  "--port=0",
  "--health-probe-port=0",
  "--log-level=error",
];
const V8 = ["--max-semi-space-size=1", "--v8-pool-size=1"];

const ended = async (child: ChildProcess): Promise<void> => {
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
};

async function gaps({ argv }: Variant, kubeconfig: string): Promise<number[]> {
  const [program = "", ...rest] = argv;
  const start = (): ChildProcess =>
    spawn(program, [...rest, ...FLAGS], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      stdio: ["ignore", "inherit", "inherit"],
    });
  const sink = new Sink(SINK);
  await sink.expect(SERVICES);
  await sink.listen();
  let child = start();
  const took: number[] = [];
  try {
    await sink.reached(60);
    for (let run = 0; run < RUNS; run++) {
      await sink.expect(SERVICES);
      const began = monotonic();
      await ended(child);
      child = start();
      const sessions = await sink.reached(60);
      took.push((sessions.at(-1)?.last ?? Number.NaN) - began);
    }
    return took;
  } finally {
    await ended(child);
    await sink.close();
  }
}

function nodeAlone(): number {
  const began = monotonic();
  spawnSync(process.execPath, [...V8, "-e", "0"]);
  return monotonic() - began;
}

export const restartBenchmark: Benchmark = (say) =>
  withBundledCluster(async ({ bundle, cluster, api }) => {
    await fill(api, SERVICES, say);
    const variants: readonly Variant[] = [
      { name: "bundle", argv: [process.execPath, ...V8, join(bundle, "speaker.mjs")] },
      { name: "sources", argv: [join(root, "packages/metallb/bin/speaker")] },
    ];
    const rows: Row[] = [];
    for (const variant of variants) {
      say(`restart without graceful restart, ${variant.name}`);
      rows.push({
        goal: 4,
        what: `restart: SIGTERM → last prefix, ${SERVICES} Services`,
        who: "metallb-ts",
        unit: "ms",
        samples: await gaps(variant, cluster.kubeconfig),
        goalValue: 300,
        judged: "median",
        note: variant.name,
      });
    }
    const samples = Array.from({ length: RUNS }, nodeAlone);
    const what = "the runtime alone, start to end";
    rows.push({ goal: 4, what, who: "floor", unit: "ms", samples, goalValue: null, judged: "median" });
    return rows;
  });
