import { setTimeout as pause } from "node:timers/promises";
import { withBundledCluster } from "./bundled-cluster.ts";
import { type Api, fill } from "./cluster.ts";
import { end, start } from "./footprint.ts";
import type { Benchmark, Row } from "./report.ts";
import { monotonic } from "./sink-client.ts";

// Goals 2, 3 and 14: how soon a Service has its address, how soon a controller is ready, and what it
// writes for that. The bundle against the embedded API, with Services that hold addresses already.

const HELD = 10_000;
const STARTS = 5;
const SERVICES = 300;
/** Nothing is written any more when nothing was for so long, milliseconds. */
const QUIET = 2_000;

const PATH = "/api/v1/namespaces/default/services";

class Watched {
  /** Writes of Services since they were last counted. */
  writes = 0;
  private last = monotonic();
  private readonly waiting = new Map<string, { added?: number; resolve: (times: readonly [number, number]) => void }>();

  async open(api: Api): Promise<void> {
    await api.watch(PATH, (type, { metadata: { name }, status }) => {
      const at = monotonic();
      if (type === "MODIFIED") this.writes++;
      this.last = at;
      const waits = this.waiting.get(name);
      if (!waits) return;
      if (type === "ADDED") waits.added = at;
      if ((status?.loadBalancer?.ingress ?? []).length === 0) return;
      this.waiting.delete(name);
      waits.resolve([waits.added ?? at, at]);
    });
  }

  /** When the Service was seen, and when it was seen with an address. */
  served(name: string): Promise<readonly [number, number]> {
    return new Promise((resolve) => this.waiting.set(name, { resolve }));
  }

  async quiet(): Promise<void> {
    while (monotonic() - this.last < QUIET) await pause(100);
  }
}

export const controllerBenchmark: Benchmark = (say) =>
  withBundledCluster(async ({ bundle, cluster, api }) => {
    await fill(api, HELD, say);
    const watched = new Watched();
    await watched.open(api);
    // What it writes at its first sight of each is no cost of a start.
    const first = await start(bundle, "controller", cluster.kubeconfig);
    await watched.quiet();
    await end(first.child);
    return [
      ...(await starts(bundle, cluster.kubeconfig, watched)),
      ...(await creations(bundle, cluster.kubeconfig, api, watched)),
    ];
  });

const row = (
  goal: number,
  what: string,
  unit: string,
  samples: readonly number[],
  goalValue: number | null,
  judged: Row["judged"],
  note = "",
): Row => ({
  goal,
  what: `${what}, ${HELD.toLocaleString("en-US")} Services`,
  who: "metallb-ts",
  unit,
  samples,
  goalValue,
  judged,
  note,
});

async function starts(bundle: string, kubeconfig: string, watched: Watched): Promise<readonly Row[]> {
  const ready: number[] = [];
  watched.writes = 0;
  for (let run = 0; run < STARTS; run++) {
    const controller = await start(bundle, "controller", kubeconfig);
    ready.push(controller.ready);
    await watched.quiet();
    await end(controller.child);
  }
  return [
    row(3, "controller, start → ready", "ms", ready, 1_000, "p99", "bundle, with the reading of every Service"),
    row(14, `writes of ${STARTS} starts where nothing changed`, "writes", [watched.writes], 0, "max"),
  ];
}

async function creations(bundle: string, kubeconfig: string, api: Api, watched: Watched): Promise<readonly Row[]> {
  const controller = await start(bundle, "controller", kubeconfig);
  await watched.quiet();
  watched.writes = 0;
  const alone: number[] = [];
  const whole: number[] = [];
  for (let n = 0; n < SERVICES; n++) {
    const name = `new-${n}`;
    const served = watched.served(name);
    const spec = { type: "LoadBalancer", ports: [{ port: 80 }], allocateLoadBalancerNodePorts: false };
    const { status } = await api.call("POST", PATH, { apiVersion: "v1", kind: "Service", metadata: { name }, spec });
    if (status !== 201) throw new Error(`POST ${name}: ${status}`);
    const [added, addressed] = await served;
    whole.push(addressed - added);
    // What the API alone takes: a read and a write of the status, as the controller makes them.
    const began = monotonic();
    const { body } = await api.call("GET", `${PATH}/${name}`);
    await api.call("PUT", `${PATH}/${name}/status`, JSON.parse(body));
    alone.push(monotonic() - began);
  }
  await watched.quiet();
  // Those of this benchmark change nothing, and are none.
  const writes = watched.writes / SERVICES;
  await end(controller.child);
  return [
    row(2, "Service seen → address in its status", "ms", whole, null, "p99"),
    { ...row(2, "a read and a write of the status", "ms", alone, null, "p99"), who: "API alone" },
    row(
      2,
      "address beyond the API's own time",
      "ms",
      whole.map((time, i) => Math.max(0, time - (alone[i] ?? 0))),
      20,
      "p99",
    ),
    row(14, "writes for each new Service", "writes", [writes], 1, "max"),
  ];
}
