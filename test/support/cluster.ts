import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PodBackends, startApiServer } from "@metallb-ts/apiserver";
import {
  findOrBuild,
  type KubernetesPrograms,
  startKubeProxy,
  startRealControlPlane,
} from "@metallb-ts/lab/kubernetes";
import { createNamespaceNetwork, type LabNetwork, type NodePlace } from "@metallb-ts/lab/network";
import { type Router, type RouterDescription, type RouterKind, startRouter } from "@metallb-ts/lab/routers";
import { NAMESPACE, nodeObject, type TestObject } from "./objects.ts";
import { kubectlProgram, realKubernetes } from "./probes.ts";
import { eventually, HERE, type Program, projectFile, runWith, startProgram } from "./programs.ts";

export interface TestClusterOptions {
  readonly nodes: number;
  readonly kubernetes: "embedded" | "real";
  readonly router: RouterKind;
  /** Overrides what the router is told. */
  readonly describe?: (description: RouterDescription) => RouterDescription;
}

export const ROUTER_ASN = 64512;
export const SPEAKER_ASN = 64500;
const HEALTH_PORT = 17472;
/** The name of a node's IPv6 session at the router. */
export const sixOf = (node: string): string => `${node}-six`;

/** Network namespaces, a Kubernetes API with a Node object each, and a router that waits for the nodes. */
export interface TestCluster {
  readonly network: LabNetwork;
  readonly router: Router;
  readonly kubeconfig: string;
  node(name: string): NodePlace & { readonly pod: NonNullable<NodePlace["pod"]> };
  kubectl(...args: readonly string[]): Promise<string>;
  /** `kubectl apply`, and the status of those that have one. */
  apply(...objects: readonly TestObject[]): Promise<void>;
  startController(): Promise<Program>;
  startSpeaker(node: string, env?: Readonly<Record<string, string>>, flags?: readonly string[]): Promise<Program>;
  /** What the speaker serves at /state. */
  speakerState(node: string): Promise<unknown>;
  /** Starts the real kube-proxy of a node. */
  startProxy(node: string): Promise<void>;
  close(): Promise<void>;
}

export async function startTestCluster(options: TestClusterOptions): Promise<TestCluster> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await assemble(options, undo, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(
  options: TestClusterOptions,
  undo: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), "metallb-test-"));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const network = await createNamespaceNetwork({ nodes: options.nodes });
  undo.push(() => network.close());
  const reached = new Map<string, number>();
  const programs = options.kubernetes === "real" ? await realPrograms() : null;
  const { kubeconfig, port, closePlane } = await startPlane(programs, folder, podsOf(reached));
  undo.push(closePlane);
  await network.publish(port);

  const description = describeRouter(network);
  const { router } = await startRouter(
    options.router,
    network.router,
    options.describe?.(description) ?? description,
    join(folder, "router"),
  );
  undo.push(() => router.close());

  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const kubectl = (args: readonly string[], input?: string) =>
    runWith(HERE, [kubectlProgram(), ...args], { env, ...(input === undefined ? {} : { input }) });
  const node = (name: string) => {
    const found = network.nodes.find((candidate) => candidate.name === name);
    if (found?.pod == null) throw new Error(`no node ${name}`);
    return { ...found, pod: found.pod };
  };
  const start = async (...args: Parameters<typeof startProgram>) => {
    const program = await startProgram(...args);
    undo.push(() => program.stop());
    return program;
  };

  const cluster: TestCluster = {
    network,
    router,
    kubeconfig,
    node,
    kubectl: (...args) => kubectl(args),
    async apply(...objects) {
      const documents = objects.map((object) => JSON.stringify({ ...object, status: undefined }));
      await kubectl(["apply", "-f", "-"], documents.join("\n---\n"));
      for (const { kind, metadata, status } of objects) {
        if (status === undefined) continue;
        const where = metadata.namespace === undefined ? [] : ["-n", metadata.namespace];
        const patch = ["--subresource=status", "--type=merge", "-p", JSON.stringify({ status })];
        await kubectl(["patch", kind.toLowerCase(), metadata.name, ...where, ...patch]);
      }
    },
    startController: () =>
      start(
        HERE,
        [projectFile("packages/metallb/bin/controller"), ...FLAGS, "--health-probe-port=0", ...NO_WEBHOOKS],
        speakerEnv(kubeconfig, {}),
      ),
    async startSpeaker(name, more = {}, flags = []) {
      reached.set(`${NAMESPACE}/speaker-${name}`, await network.reach(name, HEALTH_PORT));
      return await start(
        node(name),
        [projectFile("packages/metallb/bin/speaker"), ...FLAGS, `--health-probe-port=${HEALTH_PORT}`, ...flags],
        speakerEnv(kubeconfig, { METALLB_NODE_NAME: name, METALLB_HOST: node(name).address, ...more }),
      );
    },
    async speakerState(name) {
      const reached = await network.reach(name, HEALTH_PORT);
      const answer = await fetch(`http://127.0.0.1:${reached}/state`);
      return await answer.json();
    },
    async startProxy(name) {
      if (programs === null) throw new Error("the embedded API has no kube-proxy");
      const clusterCidrs = ["10.244.0.0/16", "fd00:10:244::/48"];
      const proxy = await startKubeProxy({ programs, kubeconfig, node: node(name), clusterCidrs, folder });
      undo.push(() => proxy.stop());
    },
    close,
  };
  await eventually(
    () => kubectl(["get", "namespace", "default", "-o", "name"]),
    (text) => text.includes("default"),
    { what: "the API has no namespace default" },
  );
  const crds = projectFile("deploy/crds");
  await kubectl(["apply", "--server-side", "-f", crds]);
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "-f", crds]);
  await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  await cluster.apply(...network.nodes.map(nodeObject));
  return cluster;
}

const FLAGS = [`--namespace=${NAMESPACE}`, "--port=0"] as const;
const NO_WEBHOOKS = ["--webhook-mode=disabled", "--disable-cert-rotation"] as const;

const speakerEnv = (kubeconfig: string, more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  KUBECONFIG: kubeconfig,
  ...more,
});

/** `metallb` reaches the speakers through the API, as in a cluster; by the names of their Pods, where there are any. */
const podsOf = (reached: ReadonlyMap<string, number>): PodBackends => ({
  address(pod) {
    const port = reached.get(pod);
    return port === undefined ? null : { host: "127.0.0.1", port };
  },
  log: () => null,
  insteadOfExec: "there is no container",
});

export async function realPrograms(): Promise<KubernetesPrograms> {
  const folder = realKubernetes();
  const env = { ...process.env, ...(folder === null ? {} : { KUBEBUILDER_ASSETS: folder }) };
  return await findOrBuild({ env, progress: () => {} });
}

export async function startPlane(programs: KubernetesPrograms | null, folder: string, pods?: PodBackends) {
  if (programs !== null) {
    const plane = await startRealControlPlane({ programs, folder: join(folder, "kubernetes") });
    return { kubeconfig: plane.kubeconfig, port: plane.port, closePlane: () => plane.close() };
  }
  const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null, ...(pods ? { pods } : {}) });
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, server.kubeconfig, { mode: 0o600 });
  return { kubeconfig, port: Number(new URL(server.url).port), closePlane: () => server.close() };
}

function describeRouter(network: LabNetwork): RouterDescription {
  const { address, address6 } = network.router;
  return {
    asn: ROUTER_ASN,
    routerId: address,
    port: network.bgpPort,
    listen: [address, ...(address6 === null ? [] : [address6])],
    installRoutes: true,
    neighbours: network.nodes.flatMap((node) => {
      const common = { asn: SPEAKER_ASN, holdTime: 90, password: null };
      return [
        { ...common, name: node.name, address: node.address, families: ["ipv4-unicast"] as const },
        { ...common, name: sixOf(node.name), address: node.address6 ?? "", families: ["ipv6-unicast"] as const },
      ];
    }),
  };
}
