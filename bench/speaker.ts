import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findBuilt, startRealControlPlane } from "@metallb-ts/lab/kubernetes";
import { parse } from "yaml";
import { type Api, connect, fill, setReady } from "./cluster.ts";
import { type Benchmark, median, type Row } from "./report.ts";
import { monotonic, Sink } from "./sink-client.ts";

// Goals 4 and 7: from the start of a speaker to its full table at the peer, and from a change in the
// Kubernetes API to the prefix at the peer. The speaker is the program that is shipped.

export const SINK = { host: "127.0.0.9", port: 20182, asn: 64512 };
const root = join(import.meta.dirname, "..");

export interface Cluster {
  readonly what: string;
  readonly kubeconfig: string;
  close(): Promise<void>;
}

export async function embedded(folder: string): Promise<Cluster> {
  const child = spawn(process.execPath, [join(root, "bench/api-process.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await new Promise<string[]>((resolve) =>
    createInterface({ input: child.stdout }).once("line", (text) => resolve([text])),
  )) as [string];
  const kubeconfig = join(folder, "embedded.yaml");
  writeFileSync(kubeconfig, JSON.parse(line) as string);
  return {
    what: "embedded API",
    kubeconfig,
    close: async () => {
      child.stdin.end();
      if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

async function real(folder: string): Promise<Cluster | null> {
  const programs = findBuilt({ env: process.env });
  if (!programs) return null;
  const plane = await startRealControlPlane({
    programs: { ...programs, controllerManager: null },
    folder: join(folder, "control-plane"),
  });
  return { what: `kube-apiserver ${programs.version}`, kubeconfig: plane.kubeconfig, close: () => plane.close() };
}

const metallb = (version: string, kind: string, name: string, spec: object) => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: "metallb-system" },
  spec,
});

async function must(api: Api, path: string, body: unknown): Promise<void> {
  // A fresh CustomResourceDefinition is served a moment after it was made.
  for (let attempt = 0; ; attempt++) {
    const { status, body: text } = await api.call("POST", path, body);
    if (status < 300 || status === 409) return;
    if (status !== 404 || attempt > 50) throw new Error(`POST ${path}: ${status} ${text.slice(0, 200)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function prepare(api: Api): Promise<void> {
  const crds = join(root, "deploy/crds");
  for (const file of readdirSync(crds))
    await must(
      api,
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      parse(readFileSync(join(crds, file), "utf8")),
    );
  await must(api, "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "metallb-system" } });
  await must(api, "/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1", labels: { "kubernetes.io/hostname": "node-1" } },
  });
  const own = (plural: string, version: string) => `/apis/metallb.io/${version}/namespaces/metallb-system/${plural}`;
  await must(
    api,
    own("ipaddresspools", "v1beta1"),
    metallb("v1beta1", "IPAddressPool", "pool", { addresses: ["10.0.0.0/8"] }),
  );
  await must(api, own("bgpadvertisements", "v1beta1"), metallb("v1beta1", "BGPAdvertisement", "all", {}));
  const peer = {
    myASN: 64500,
    peerASN: SINK.asn,
    peerAddress: SINK.host,
    peerPort: SINK.port,
    sourceAddress: "127.0.0.11",
  };
  await must(api, own("bgppeers", "v1beta2"), metallb("v1beta2", "BGPPeer", "sink", peer));
}

interface Speaker {
  readonly startedAt: number;
  stop(): Promise<void>;
}

function startSpeaker(kubeconfig: string): Speaker {
  const startedAt = monotonic();
  const argv = [
    "--namespace=metallb-system",
    "--node-name=node-1",
    "--port=0",
    "--health-probe-port=0",
    "--log-level=error",
  ];
  const child = spawn(join(root, "packages/metallb/bin/speaker"), argv, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return {
    startedAt,
    stop: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

async function measureStart(cluster: Cluster, services: number, runs: number): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const sink = new Sink(SINK);
    await sink.expect(services);
    await sink.listen();
    const speaker = startSpeaker(cluster.kubeconfig);
    try {
      const [session] = await sink.reached(120);
      times.push((session?.last ?? Number.NaN) - speaker.startedAt);
    } finally {
      await speaker.stop();
      await sink.close();
    }
  }
  return times;
}

/** From the API's answer to a write that makes one endpoint ready or not, to the prefix at the peer. */
async function measureChange(
  cluster: Cluster,
  api: Api,
  services: number,
  runs: number,
): Promise<{ fromAnswer: number[]; fromRequest: number[]; write: number[] }> {
  const sink = new Sink(SINK);
  await sink.expect(services);
  await sink.listen();
  const speaker = startSpeaker(cluster.kubeconfig);
  const times = { fromAnswer: [] as number[], fromRequest: [] as number[], write: [] as number[] };
  try {
    await sink.reached(120);
    for (let run = 0; run < runs; run++) {
      const n = (run * 7919) % services;
      for (const ready of [false, true]) {
        await sink.expect(1);
        const asked = monotonic();
        await setReady(api, n, ready);
        const answered = monotonic();
        const [session] = await sink.reached(30);
        const last = session?.last ?? Number.NaN;
        if ((session?.updates ?? 0) !== 1) throw new Error(`one change sent ${session?.updates} UPDATEs`);
        times.fromAnswer.push(Math.max(0, last - answered));
        times.fromRequest.push(last - asked);
        times.write.push(answered - asked);
      }
    }
    return times;
  } finally {
    await speaker.stop();
    await sink.close();
  }
}

async function measure(cluster: Cluster, services: number, say: (line: string) => void): Promise<Row[]> {
  const api = connect(readFileSync(cluster.kubeconfig, "utf8"));
  const count = services.toLocaleString("en-US");
  try {
    await prepare(api);
    say(`${cluster.what}: making ${count} Services`);
    await fill(api, services, say);
    say(`goal 4: start of a speaker, ${cluster.what}, ${count} Services`);
    const starts = await measureStart(cluster, services, 10);
    say(`goal 7: one change, ${cluster.what}, ${count} Services`);
    const { fromAnswer, fromRequest, write } = await measureChange(cluster, api, services, 100);
    return [
      {
        goal: 4,
        what: `speaker start → full table, ${count} Services`,
        who: "metallb-ts",
        unit: "ms",
        samples: starts,
        goalValue: 1500,
        judged: "median",
        note: cluster.what,
      },
      {
        goal: 7,
        what: `event → prefix at the peer, ${count} Services`,
        who: "metallb-ts",
        unit: "ms",
        samples: fromAnswer,
        goalValue: 10,
        judged: "p99",
        note: cluster.what,
      },
      {
        goal: 7,
        what: "the same, from the request on",
        who: "metallb-ts",
        unit: "ms",
        samples: fromRequest,
        goalValue: null,
        judged: "p99",
        note: cluster.what,
      },
      {
        goal: 7,
        what: "the API's own answer",
        who: "floor",
        unit: "ms",
        samples: write,
        goalValue: null,
        judged: "p99",
        note: `${cluster.what}; median ${median(write).toFixed(1)}`,
      },
    ];
  } finally {
    api.close();
  }
}

export const speakerBenchmark: Benchmark = async (say) => {
  const folder = mkdtempSync(join(tmpdir(), "metallb-bench-"));
  const rows: Row[] = [];
  try {
    for (const [start, services] of [
      [real, 5_000],
      [embedded, 10_000],
    ] as const) {
      const cluster = await start(folder);
      if (!cluster) {
        say("no real Kubernetes has been built: npm test builds it");
        continue;
      }
      try {
        rows.push(...(await measure(cluster, services, say)));
      } finally {
        await cluster.close();
      }
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
