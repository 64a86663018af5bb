import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { withBundledCluster } from "./bundled-cluster.ts";
import { type Api, fill } from "./cluster.ts";
import { type Benchmark, median, type Row } from "./report.ts";
import { monotonic, Sink } from "./sink-client.ts";
import { type Cluster, SINK } from "./speaker.ts";

// Goal 12: what the programs of the image hold in memory, as the kernel counts it, beside Node alone;
// and how soon they are ready. Read from the bundle, with the flags of the image.

const MB = 2 ** 20;
/** Longer than a program waits after its start before it gives back what that took. */
const SETTLE = 8_000;
const PROBES = { controller: 17_511, speaker: 17_512 } as const;
type Program = keyof typeof PROBES;

/** `Rss`, `Private_*` and the like of smaps_rollup(5), in octets. */
function memoryOf(pid: number): { readonly resident: number; readonly own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { resident: of("Rss"), own: of("Private_Clean") + of("Private_Dirty") };
}

export const end = async (child: ChildProcess): Promise<void> => {
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
};

export async function start(bundle: string, program: Program, kubeconfig: string) {
  const flags = [
    "--namespace=metallb-system",
    "--port=0",
    `--health-probe-port=${PROBES[program]}`,
    "--log-level=error",
  ];
  const own = {
    controller: ["--webhook-mode=disabled", "--disable-cert-rotation"],
    speaker: ["--node-name=node-1"],
  }[program];
  const v8 = ["--max-semi-space-size=1", "--v8-pool-size=1"];
  const began = monotonic();
  const child = spawn(process.execPath, [...v8, join(bundle, `${program}.mjs`), ...flags, ...own], {
    env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig, MALLOC_ARENA_MAX: "1" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  while (true) {
    // Not /readyz: a controller that stands by is ready too, and has read no Service.
    const answer = await fetch(`http://127.0.0.1:${PROBES[program]}/state`).catch(() => null);
    if (((await answer?.json()) as { ready?: boolean } | undefined)?.ready === true) break;
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    await pause(5);
  }
  return { child, ready: monotonic() - began };
}

async function nodeAlone(): Promise<number> {
  const child = spawn(process.execPath, [
    "--max-semi-space-size=1",
    "--v8-pool-size=1",
    "-e",
    "setInterval(()=>{},1e6)",
  ]);
  await pause(1_000);
  const { resident } = memoryOf(child.pid ?? 0);
  await end(child);
  return resident / MB;
}

async function measure(bundle: string, cluster: Cluster, services: number, runs: number): Promise<Row[]> {
  const count = services === 0 ? "idle" : `${services.toLocaleString("en-US")} Services`;
  const rows: Row[] = [];
  const goals = { controller: services === 0 ? 70 : 120, speaker: services === 0 ? 70 : 90 };
  for (const program of ["controller", "speaker"] as const) {
    const resident: number[] = [];
    const own: number[] = [];
    const ready: number[] = [];
    for (let run = 0; run < runs; run++) {
      const sink = program === "speaker" && services > 0 ? new Sink(SINK) : null;
      if (sink) {
        await sink.expect(services);
        await sink.listen();
      }
      const started = await start(bundle, program, cluster.kubeconfig);
      ready.push(started.ready);
      if (sink) await sink.reached(120);
      await pause(SETTLE);
      const memory = memoryOf(started.child.pid ?? 0);
      resident.push(memory.resident / MB);
      own.push(memory.own / MB);
      await end(started.child);
      if (sink) await sink.close();
    }
    rows.push(
      {
        goal: 12,
        what: `${program}, resident, ${count}`,
        who: "metallb-ts",
        unit: "MB",
        samples: resident,
        goalValue: goals[program],
        judged: "median",
        note: `${median(own).toFixed(0)} MB of it private, the rest pages of files`,
      },
      {
        goal: program === "controller" ? 3 : 4,
        what: `${program}, start → ready, ${count}`,
        who: "metallb-ts",
        unit: "ms",
        samples: ready,
        goalValue: null,
        judged: "median",
        note: "bundle",
      },
    );
  }
  return rows;
}

async function giveAddresses(
  bundle: string,
  cluster: Cluster,
  api: Api,
  services: number,
  say: (line: string) => void,
) {
  await fill(api, services, say);
  const controller = await start(bundle, "controller", cluster.kubeconfig);
  // What it writes at its first sight of each is no cost of holding them, and holds the next one's lead up.
  while (true) {
    const { body } = await api.call("GET", "/api/v1/namespaces/default/services");
    const written = body.split('"metallb.io/Allocated"').length - 1;
    if (written >= services) break;
    await pause(1_000);
  }
  await end(controller.child);
}

export const footprintBenchmark: Benchmark = (say) =>
  withBundledCluster(async ({ bundle, cluster, api }) => {
    const rows: Row[] = [
      {
        goal: 12,
        what: "Node alone, resident",
        who: "floor",
        unit: "MB",
        samples: [await nodeAlone()],
        goalValue: null,
        judged: "median",
        note: "",
      },
    ];
    say("goal 12: memory of the idle programs");
    rows.push(...(await measure(bundle, cluster, 0, 3)));
    say("goal 12: making 5,000 Services");
    await giveAddresses(bundle, cluster, api, 5_000, say);
    rows.push(...(await measure(bundle, cluster, 5_000, 3)));
    return rows;
  });
