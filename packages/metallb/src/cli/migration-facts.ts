import { type KubeClient, RESOURCES } from "#kube";
import { ask } from "./ask.ts";
import { fieldsOf, textOf } from "./json.ts";

/** A Deployment or DaemonSet, as far as a move concerns it. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, unknown>>;
  /** The chart's release; null: plain manifests. */
  readonly release: string | null;
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  /** Of a Deployment as asked for, of a DaemonSet as many as there are Pods. */
  readonly replicas: number;
}

/** What a cluster that runs MetalLB holds beside its custom resources. Null: it could not be read. */
export interface MigrationFacts {
  readonly deployments: readonly Workload[] | null;
  readonly daemonSets: readonly Workload[] | null;
  /** Names of ConfigMaps in MetalLB's namespace. */
  readonly configMaps: ReadonlySet<string>;
  /** `namespace/name` of the objects by which others than MetalLB use FRR-K8s. */
  readonly foreignFrr: readonly string[];
  readonly ownFrr: number;
  /** How the CRD of BGPPeer converts. */
  readonly conversion: string;
  readonly hasWebhook: boolean;
}

const CONFIG_MAPS = ["metallb-excludel2", "bgpextras", "metallb-memberlist-config", "config"] as const;
const LIMIT = 500;

/** Reads what a move depends on; what one may not read is absent. */
export async function readMigration(client: KubeClient, namespace: string): Promise<MigrationFacts> {
  const list = async (resource: (typeof RESOURCES)["deployments" | "daemonsets"]) =>
    (await ask(client.list(resource, {}, { limit: LIMIT })))?.items?.map(workloadOf) ?? null;
  const [deployments, daemonSets, frr, crd, webhook] = await Promise.all([
    list(RESOURCES.deployments),
    list(RESOURCES.daemonsets),
    ask(client.list(RESOURCES.frrconfigurations, {}, { limit: LIMIT })),
    ask(client.get(RESOURCES.customresourcedefinitions, { name: "bgppeers.metallb.io" })),
    ask(client.get(RESOURCES.validatingwebhookconfigurations, { name: "metallb-webhook-configuration" })),
  ]);
  const found = await Promise.all(
    CONFIG_MAPS.map(async (name) => ((await ask(client.get(RESOURCES.configmaps, { namespace, name }))) ? [name] : [])),
  );
  const names = itemsOf(frr).map((item) => fieldsOf(fieldsOf(item).metadata));
  // MetalLB writes one object a node, in its own namespace or that of FRR-K8s.
  const isOwn = (name: string): boolean => name.startsWith("metallb-");
  const conversion = fieldsOf(fieldsOf(fieldsOf(crd).spec).conversion);
  return {
    deployments,
    daemonSets,
    configMaps: new Set(found.flat()),
    foreignFrr: names
      .filter(({ name }) => !isOwn(textOf(name)))
      .map((at) => `${textOf(at.namespace)}/${textOf(at.name)}`),
    ownFrr: names.filter(({ name }) => isOwn(textOf(name))).length,
    conversion: textOf(conversion.strategy),
    hasWebhook: webhook !== null,
  };
}

const itemsOf = (answer: unknown): readonly unknown[] => {
  const { items } = fieldsOf(answer);
  return Array.isArray(items) ? items : [];
};

function workloadOf(object: unknown): Workload {
  const { metadata, spec, status } = fieldsOf(object);
  const head = fieldsOf(metadata);
  const labels = fieldsOf(head.labels);
  const release = textOf(fieldsOf(head.annotations)["meta.helm.sh/release-name"]);
  const pod = fieldsOf(fieldsOf(fieldsOf(spec).template).spec);
  const containers = (Array.isArray(pod.containers) ? pod.containers : []).map(fieldsOf);
  const env = containers.flatMap((each) => (Array.isArray(each.env) ? each.env : []).map(fieldsOf));
  const { replicas } = fieldsOf(spec);
  const { desiredNumberScheduled } = fieldsOf(status);
  return {
    namespace: textOf(head.namespace),
    name: textOf(head.name),
    labels,
    release:
      release ||
      (labels["app.kubernetes.io/managed-by"] === "Helm" ? textOf(labels["app.kubernetes.io/instance"]) : null),
    containers: containers.map(({ name, image }) => ({ name: textOf(name), image: textOf(image) })),
    args: containers.flatMap(({ args }) => (Array.isArray(args) ? args.map(textOf) : [])),
    env: new Map(env.map(({ name, value }) => [textOf(name), textOf(value)])),
    replicas:
      typeof replicas === "number" ? replicas : typeof desiredNumberScheduled === "number" ? desiredNumberScheduled : 1,
  };
}
