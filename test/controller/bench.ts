import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "@metallb-ts/apiserver";
import { findOrBuild, startRealControlPlane } from "@metallb-ts/lab/kubernetes";
import { createClient, type KubeClient, type KubeObject, loadCluster, RESOURCES } from "metallb/kube";
import { parse } from "yaml";
import { defineResources } from "../support/api.ts";
import { FaultyApi, type Pair } from "../support/faulty-api.ts";
import { realKubernetes } from "../support/probes.ts";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";

export const NAMESPACE = "metallb-system";
export const POOL = "metallb.io/ip-allocated-from-pool";

export type ApiKind = "embedded" | "real";

interface ServiceObject extends KubeObject {
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

export const ipsOf = (service: unknown): string[] =>
  ((service as ServiceObject).status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "");

export const pool = (name: string, addresses: readonly string[], more: object = {}): KubeObject => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name, namespace: NAMESPACE },
  spec: { addresses, ...more },
});

/** With what an API proves itself, and what a kubeconfig says of it and of who asks. */
export interface Proof {
  readonly pair: Pair;
  readonly cluster: object;
  readonly user: object;
}

/** An API with the custom resources and one pool "first", and what a test does with it. */
export class ControllerBench {
  readonly client: KubeClient;
  readonly env: NodeJS.ProcessEnv;
  private readonly undo: (() => Promise<unknown>)[];
  private readonly folder: string;

  private constructor(client: KubeClient, env: NodeJS.ProcessEnv, undo: (() => Promise<unknown>)[], folder: string) {
    this.folder = folder;
    this.client = client;
    this.env = env;
    this.undo = undo;
  }

  static async create(kind: ApiKind): Promise<ControllerBench> {
    const undo: (() => Promise<unknown>)[] = [];
    const folder = await mkdtemp(join(tmpdir(), "metallb-controller-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const kubeconfig = kind === "real" ? await real(folder, undo) : await embedded(folder, undo);
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    const cluster = loadCluster({ env });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "test" });
    undo.push(async () => client.close());
    await defineResources(client);
    const bench = new ControllerBench(client, env, undo, folder);
    await eventually(
      () => bench.createPool(pool("first", ["192.0.2.0/24", "2001:db8::/64"])),
      () => true,
      { what: "no pool could be made" },
    );
    return bench;
  }

  async close(): Promise<void> {
    for (const step of this.undo.splice(0).reverse()) await step();
  }

  start(...more: readonly string[]): Promise<Program> {
    return this.startIn(this.env, ...more);
  }

  /** The bearer token of who administers the cluster. */
  async token(): Promise<string> {
    const { users } = parse(await readFile(this.env.KUBECONFIG ?? "", "utf8")) as {
      readonly users: readonly { readonly user: { readonly token: string } }[];
    };
    return users[0]?.user.token ?? "";
  }

  /** An API that can be made to fail, in front of the one that is well; and the environment of who asks it. */
  async faultyApi(proof: Proof | null = null): Promise<{ readonly api: FaultyApi; readonly env: NodeJS.ProcessEnv }> {
    const api = await FaultyApi.open(this.client.server, await this.token(), proof?.pair);
    this.undo.push(() => api.close());
    const kubeconfig = join(this.folder, "faulty");
    const config = {
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster: { server: api.url, ...proof?.cluster } }],
      users: [{ name: "u", user: proof?.user ?? {} }],
    };
    await writeFile(kubeconfig, JSON.stringify(config), { mode: 0o600 });
    return { api, env: { ...process.env, KUBECONFIG: kubeconfig } };
  }

  async startIn(env: NodeJS.ProcessEnv, ...more: readonly string[]): Promise<Program> {
    const flags = [`--namespace=${NAMESPACE}`, "--port=0", "--health-probe-port=0", "--pod-name=controller-0", ...more];
    const program = await startProgram(HERE, [projectFile("packages/metallb/bin/controller"), ...flags], env);
    this.undo.push(() => program.stop("SIGKILL"));
    return program;
  }

  createPool(object: KubeObject): Promise<KubeObject> {
    return this.client.create(RESOURCES.ipaddresspools, { namespace: NAMESPACE }, object);
  }

  create(name: string, spec: object = {}, annotations: Readonly<Record<string, string>> = {}): Promise<KubeObject> {
    return this.client.create(
      RESOURCES.services,
      { namespace: "default" },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default", annotations },
        spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
      },
    );
  }

  get(name: string): Promise<KubeObject> {
    return this.client.get(RESOURCES.services, { namespace: "default", name });
  }

  remove(name: string): Promise<void> {
    return this.client.remove(RESOURCES.services, { namespace: "default", name });
  }

  served(name: string, ...ips: string[]): Promise<string[]> {
    return eventually(
      async () => ipsOf(await this.get(name)),
      (answer) => answer.join() === ips.join(),
      { what: `${name} has not ${ips.join()}` },
    );
  }
}

async function embedded(folder: string, undo: (() => Promise<unknown>)[]): Promise<string> {
  const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
  undo.push(() => server.close());
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, server.kubeconfig, { mode: 0o600 });
  return kubeconfig;
}

async function real(folder: string, undo: (() => Promise<unknown>)[]): Promise<string> {
  const assets = realKubernetes();
  const programs = await findOrBuild({
    env: { ...process.env, ...(assets === null ? {} : { KUBEBUILDER_ASSETS: assets }) },
    progress: () => {},
  });
  const plane = await startRealControlPlane({ programs, folder: join(folder, "kubernetes") });
  undo.push(() => plane.close());
  return plane.kubeconfig;
}
