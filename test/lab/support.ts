import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KubeClient, type KubeObject, loadCluster, RESOURCES } from "metallb/kube";
import type { LabView } from "metallb/view";
import type { TestObject } from "../support/objects.ts";
import { eventually } from "../support/programs.ts";

const METALLB = join(import.meta.dirname, "../../packages/metallb/bin/metallb");
const NOBODY = 65534;

/** The last alone fits a zero. */
const LIMITS = Array.from({ length: 20_000 }, (_, i) => ({ minimum: 19_999 - i }));

const SPINNING = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "spins.spin.example" },
  spec: {
    group: "spin.example",
    scope: "Namespaced",
    names: { plural: "spins", kind: "Spin" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { list: { type: "array", items: { type: "integer", anyOf: LIMITS } } },
          },
        },
      },
    ],
  },
};

/** How a command came out. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder for labs of its own, so that no other lab on this machine is touched. */
export class LabHouse {
  readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly identity: { readonly uid?: number; readonly gid?: number };

  static async open(options: { readonly unprivileged?: boolean; readonly within?: string } = {}): Promise<LabHouse> {
    const made = await mkdtemp(join(tmpdir(), "metallb-house-"));
    const folder = join(made, options.within ?? "");
    await mkdir(folder, { recursive: true });
    await chmod(made, 0o755);
    const drop = options.unprivileged === true && process.getuid?.() === 0;
    if (drop) await chmod(folder, 0o777);
    return new LabHouse(folder, drop);
  }

  constructor(folder: string, drop: boolean) {
    this.folder = folder;
    this.env = { ...process.env, XDG_RUNTIME_DIR: folder };
    this.identity = drop ? { uid: NOBODY, gid: NOBODY } : {};
  }

  /** Runs `metallb` to its end. */
  run(...args: readonly string[]): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    execFile(METALLB, args, { env: this.env, timeout: 60_000, ...this.identity }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    return promise;
  }

  /** Runs a line of a shell in a folder, to its end. */
  shell(line: string, cwd: string): { readonly code: number; readonly stdout: string } {
    const { status, stdout } = spawnSync("sh", ["-c", line], {
      env: this.env,
      cwd,
      encoding: "utf8",
      timeout: 60_000,
      ...this.identity,
    });
    return { code: status ?? -1, stdout };
  }

  /** Server-side apply of custom resources. */
  async apply(kubeconfig: string, objects: readonly object[]): Promise<void> {
    await this.withClient(kubeconfig, async (client) => {
      for (const object of objects as readonly TestObject[]) {
        const resource = Object.values(RESOURCES).find(({ kind }) => kind === object.kind);
        if (resource === undefined) throw new Error(`no resource ${object.kind}`);
        await client.apply(resource, { ...object.metadata }, object as unknown as KubeObject, "test");
      }
    });
  }

  async remove(kubeconfig: string, names: readonly (readonly [keyof typeof RESOURCES, string])[]): Promise<void> {
    await this.withClient(kubeconfig, async (client) => {
      for (const [kind, name] of names) await client.remove(RESOURCES[kind], { namespace: "metallb-system", name });
    });
  }

  /**
   * Has the API compute for minutes: half a million values, each held against twenty thousand schemas. Resolves once
   * it does not answer others any more.
   */
  async spin(kubeconfig: string): Promise<{ readonly outcome: Promise<"answered" | "no answer"> }> {
    const cluster = loadCluster({ kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "metallb-test" });
    const spins = "/apis/spin.example/v1/namespaces/default/spins";
    const send = (path: string, body: object) => client.request("POST", path, { body, timeout: 60_000 });
    await send("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", SPINNING);
    await eventually(
      () => client.request("GET", spins).catch(() => null),
      (list) => list !== null,
      { what: "the kind is not served" },
    );
    const outcome = send(spins, {
      apiVersion: "spin.example/v1",
      kind: "Spin",
      metadata: { name: "long" },
      list: Array(500_000).fill(0),
    }).then(
      () => "answered" as const,
      (error: { status?: unknown }) => (error.status === 0 ? ("no answer" as const) : ("answered" as const)),
    );
    const version = () =>
      client.request("GET", "/version", { timeout: 1_000 }).then(
        () => true,
        () => false,
      );
    await eventually(version, (answers) => !answers, { what: "the API does not compute" });
    void outcome.then(() => client.close());
    return { outcome };
  }

  private async withClient(kubeconfig: string, use: (client: KubeClient) => Promise<void>): Promise<void> {
    const cluster = loadCluster({ kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "metallb-test" });
    try {
      await use(client);
    } finally {
      client.close();
    }
  }

  /** Starts a lab without a terminal and waits until it is ready. */
  async start(...args: readonly string[]): Promise<RunningLab> {
    const child = spawn(METALLB, ["lab", ...args], {
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      ...this.identity,
    });
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    let output = "";
    const take = (text: string) => {
      output += text;
      if (output.includes("Try next") && output.includes("lab stop")) resolve();
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    const ended = once(child, "exit").then(([code, signal]) => {
      reject(new Error(`the lab ended (${String(code ?? signal)}):\n${output}`));
      return code as number | null;
    });
    await ready;
    const [view] = await this.status(...named(args));
    if (view === undefined || child.pid === undefined) throw new Error(`no lab in the status:\n${output}`);
    return { name: view.name, pid: child.pid, ended, output: () => output, kill: (signal) => child.kill(signal) };
  }

  async status(...args: readonly string[]): Promise<readonly LabView[]> {
    const { stdout, stderr } = await this.run("lab", "status", "--json", ...args);
    try {
      return JSON.parse(stdout) as LabView[];
    } catch {
      throw new Error(`no JSON in the status: ${stdout} ${stderr}`);
    }
  }

  /** Looks until the view is as wanted. */
  async until(what: string, good: (view: LabView) => boolean, limit = 30_000): Promise<LabView> {
    const deadline = performance.now() + limit;
    for (;;) {
      const [view] = await this.status();
      if (view !== undefined && good(view)) return view;
      if (performance.now() > deadline)
        throw new Error(`not within ${limit} ms: ${what}\n${JSON.stringify(view, null, 1)}`);
    }
  }

  /** Names of labs that have left something. */
  async left(): Promise<readonly string[]> {
    return await readdir(join(this.folder, "metallb-lab")).catch(() => []);
  }

  async close(): Promise<void> {
    for (const view of await this.status().catch(() => [])) await this.run("lab", "stop", "--name", view.name);
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface RunningLab {
  readonly name: string;
  readonly pid: number;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
  output(): string;
  kill(signal: NodeJS.Signals): void;
}

const named = (args: readonly string[]): readonly string[] => {
  const at = args.indexOf("--name");
  return at < 0 ? [] : args.slice(at, at + 2);
};

/** The nodes through which the router goes to the sample Service. */
export const waysToHello = (view: LabView): readonly string[] =>
  view.routes
    .filter((route) => route.services.includes("default/hello"))
    .flatMap((route) => route.via.map((hop) => hop.node));

/** All processes that a lab says are its own. */
export const pidsOf = (view: LabView): readonly number[] =>
  [view.controller.pid, ...view.nodes.map((node) => node.speaker.pid)].filter((pid) => pid !== null);

/** Whether the process runs. One that has ended but was not yet taken note of by its parent (a zombie) does not. */
export function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** The process of the embedded Kubernetes API, among the children of a lab. */
export function apiOf(lab: number): number {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      const parent = /^\d+ \(.*\) \S+ (\d+)/s.exec(readFileSync(`/proc/${entry}/stat`, "utf8"))?.[1];
      if (parent === String(lab) && command.includes("api-process")) return Number(entry);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`lab ${lab} runs no embedded API`);
}
