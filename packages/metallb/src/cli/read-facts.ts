import { type ClusterFacts, FACT_KINDS, type FactKind, flagOf, metaOf, type OwnPod, ownPods } from "#explain";
import { ApiError, getFromPod, type KubeClient, nameOf, notServed, pathOf, RESOURCES } from "#kube";
import type { Connection } from "./connect.ts";
import { Unreachable } from "./exit-codes.ts";

export interface ReadOptions {
  /** Where MetalLB runs; null: where its Pods are found. */
  readonly namespace: string | null;
  /** Kinds that are not needed are not asked for: nobody should need more rights than a command says. */
  readonly kinds: readonly FactKind[];
  /** Whether to ask MetalLB's Pods for their state. */
  readonly states: boolean;
}

const PAGE = 500;
/** Upstream's own default. */
const NAMESPACE = "metallb-system";
/** Upstream's default of `--health-probe-port`. */
const HEALTH_PORT = "17472";
/** How many Pods are asked at once: thousands of speakers must not be thousands of connections. */
const AT_ONCE = 16;
const LIMIT_MILLISECONDS = 5_000;

/** Kinds of MetalLB itself, which live where it runs. */
export const OWN_KINDS: ReadonlySet<FactKind> = new Set(
  FACT_KINDS.filter((kind) => RESOURCES[kind].group === "metallb.io"),
);

/** Reads what a command needs, through the API server alone. What cannot be read is a problem in words; rejects when nothing can. */
export async function readFacts({ client, server }: Connection, options: ReadOptions): Promise<ClusterFacts> {
  const problems: string[] = [];
  const pods = options.kinds.includes("pods") ? await readPods(client, options.namespace, problems) : null;
  const namespace = options.namespace ?? namespaceOf(pods ?? []) ?? NAMESPACE;
  const objects: Partial<Record<FactKind, readonly unknown[] | null>> = pods === null ? {} : { pods };
  const others = options.kinds.filter((kind) => kind !== "pods");
  const lists = await Promise.all(
    others.map((kind) => readAll(client, kind, OWN_KINDS.has(kind) ? namespace : undefined, problems)),
  );
  for (const [index, kind] of others.entries()) objects[kind] = lists[index] ?? null;
  const own = ownPods(pods ?? []);
  const states = options.states ? await readStates(client, namespace, own) : new Map<string, unknown>();
  const kubeProxy = options.kinds.includes("endpointslices") ? await readKubeProxy(client) : null;
  if (options.states) problems.push(...(await readWaits(client, namespace, own)));
  return { server, namespace, objects, states, kubeProxy, problems };
}

/** MetalLB's Pods, under the labels of its manifests or of its chart, and kube-proxy's. */
async function readPods(
  client: KubeClient,
  namespace: string | null,
  problems: string[],
): Promise<readonly unknown[] | null> {
  const selectors = ["app=metallb", "app.kubernetes.io/name=metallb"];
  const lists = await Promise.all([
    ...selectors.map((labelSelector) => readAll(client, "pods", namespace ?? undefined, problems, labelSelector)),
    // Without this right one misses only what explain says of kube-proxy.
    readAll(client, "pods", "kube-system", [], "k8s-app=kube-proxy"),
  ]);
  if (lists[0] === null && namespace === null) {
    // Without the right to list Pods everywhere, perhaps with that in the usual place.
    const usual = await readPods(client, NAMESPACE, []);
    if (usual !== null) {
      problems.length = 0;
      return usual;
    }
  }
  if (lists[0] === null) return null;
  return [...new Map(lists.flatMap((list) => list ?? []).map((pod) => [metaOf(pod).key, pod])).values()];
}

const namespaceOf = (pods: readonly unknown[]): string | null => {
  const [first] = pods.filter((pod) => ownPods([pod]).length > 0);
  return first === undefined ? null : metaOf(first).namespace;
};

async function readAll(
  client: KubeClient,
  kind: FactKind,
  namespace: string | undefined,
  problems: string[],
  labelSelector?: string,
): Promise<readonly unknown[] | null> {
  const items: unknown[] = [];
  let from: string | undefined;
  try {
    do {
      const query = { limit: PAGE, continue: from, labelSelector };
      const page = await client.list(RESOURCES[kind], { namespace }, query);
      items.push(...(page.items ?? []));
      from = page.metadata?.continue || undefined;
    } while (from !== undefined);
    return items;
  } catch (error) {
    problems.push(readingTrouble(kind, error));
    return null;
  }
}

function readingTrouble(kind: FactKind, error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 0)
    throw new Unreachable(
      `${error.reason === "Unreachable" ? "the API server cannot be reached: " : ""}${error.message}`,
    );
  if (error.status === 401) throw new Unreachable(`the API server does not accept your credentials: ${error.message}`);
  if (error.isForbidden) return `no right to list ${nameOf(RESOURCES[kind])}`;
  if (error.isNotFound) return notServed(RESOURCES[kind]);
  return `${nameOf(RESOURCES[kind])}: ${error.message}`;
}

async function readStates(
  client: KubeClient,
  namespace: string,
  pods: readonly OwnPod[],
): Promise<ReadonlyMap<string, unknown>> {
  const states = new Map<string, unknown>();
  const queue = pods.filter(({ ready }) => ready);
  const work = async () => {
    for (let pod = queue.shift(); pod !== undefined; pod = queue.shift()) {
      try {
        states.set(pod.name, await askPod(client, namespace, pod, "state"));
      } catch (error) {
        // The view says who does not tell.
        if (!(error instanceof ApiError)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return states;
}

/** What Pods that run and are not ready wait for, as they tell it: such as a right, or a CRD. One line each, few asked. */
async function readWaits(client: KubeClient, namespace: string, pods: readonly OwnPod[]): Promise<readonly string[]> {
  const waiting = pods.filter(({ ready, isRunning }) => isRunning && !ready).slice(0, AT_ONCE);
  const told = await Promise.all(waiting.map((pod) => waitsOf(client, namespace, pod)));
  const by = new Map<string, string[]>();
  for (const [index, reasons] of told.entries())
    for (const reason of reasons) by.set(reason, [...(by.get(reason) ?? []), waiting[index]?.name ?? ""]);
  return [...by].map(([reason, names]) => `${names.join(", ")} ${names.length === 1 ? "waits" : "wait"}: ${reason}`);
}

async function waitsOf(client: KubeClient, namespace: string, pod: OwnPod): Promise<readonly string[]> {
  try {
    await askPod(client, namespace, pod, "readyz");
    return [];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status !== 503) return [];
    return error.message
      .split("\n")
      .slice(1)
      .filter((line) => line !== "");
  }
}

/**
 * What the Pod tells at this path, to its own machine alone: the API server carries the connection there. Where that
 * is not to be had (the lab's API, or without the right), its proxy is asked, which reaches what listens for all.
 */
export async function askPod(client: KubeClient, namespace: string, pod: OwnPod, path: string): Promise<unknown> {
  const port = flagOf(pod.args, "health-probe-port") ?? HEALTH_PORT;
  const where = { namespace, name: `${pod.name}:${port}`, subresource: `proxy/${path}` };
  const timeout = LIMIT_MILLISECONDS;
  try {
    return await getFromPod(client, { namespace, pod: pod.name, port: Number(port) }, `/${path}`, timeout);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status < 400) throw error;
    return await client.request("GET", pathOf(RESOURCES.pods, where), { timeout });
  }
}

async function readKubeProxy(client: KubeClient): Promise<string | null> {
  try {
    const { data } = await client.get(RESOURCES.configmaps, { namespace: "kube-system", name: "kube-proxy" });
    return typeof data === "object" && data !== null ? Object.values(data).join("\n") : null;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}
