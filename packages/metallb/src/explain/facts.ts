import {
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeIPAddressPool,
  decodeL2Advertisement,
  decodeNamespace,
} from "#api";
import { type Compilation, compile, type Malformed, PoolLookup } from "#config";
import { parseIp, unmap } from "#net";
import { type Fields, fields, list, text } from "#view";

/** What is read of a cluster. */
export const FACT_KINDS = [
  "services",
  "nodes",
  "namespaces",
  "endpointslices",
  "pods",
  "ipaddresspools",
  "bgpadvertisements",
  "l2advertisements",
  "bgppeers",
  "bfdprofiles",
  "communities",
  "configurationstates",
  "servicebgpstatuses",
  "servicel2statuses",
] as const;
export type FactKind = (typeof FACT_KINDS)[number];

/** A cluster as its API server told it, objects as JSON gives them. */
export interface ClusterFacts {
  readonly server: string;
  /** Where MetalLB runs. */
  readonly namespace: string;
  /** Null, or missing: it could not be read, and `problems` says why. */
  readonly objects: Readonly<Partial<Record<FactKind, readonly unknown[] | null>>>;
  /** What the Pods of MetalLB serve at `/state`, by the Pod's name; missing: it does not answer. */
  readonly states: ReadonlyMap<string, unknown>;
  /** The data of the ConfigMap kube-proxy; null: it could not be read, or there is none. */
  readonly kubeProxy: string | null;
  readonly problems: readonly string[];
}

export const objectsOf = (facts: ClusterFacts, kind: FactKind): readonly Fields[] =>
  (facts.objects[kind] ?? []).map(fields);

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function metaOf(object: unknown): ObjectMeta {
  const { name, namespace, labels } = fields(fields(object).metadata);
  const key = text(namespace) === "" ? text(name) : `${text(namespace)}/${text(name)}`;
  const pairs = Object.entries(fields(labels)).filter(([, value]) => typeof value === "string");
  return {
    name: text(name),
    namespace: text(namespace),
    key,
    labels: Object.fromEntries(pairs) as Record<string, string>,
  };
}

/** A Pod of MetalLB. */
export interface OwnPod {
  readonly name: string;
  readonly component: "controller" | "speaker";
  readonly node: string;
  readonly address: string;
  readonly ready: boolean;
  /** Whether its container runs, ready or not. */
  readonly isRunning: boolean;
  readonly restarts: number;
  /** Why it is not ready, or how it last ended; empty when all is well. */
  readonly trouble: string;
  readonly image: string;
  readonly args: readonly string[];
}

/** The Pods of MetalLB, under the labels of its manifests or of its chart. */
export function ownPods(pods: readonly unknown[]): readonly OwnPod[] {
  return pods.flatMap((pod): readonly OwnPod[] => {
    const { name, labels } = metaOf(pod);
    if (labels.app !== "metallb" && labels["app.kubernetes.io/name"] !== "metallb") return [];
    const component = labels.component ?? labels["app.kubernetes.io/component"];
    if (component !== "controller" && component !== "speaker") return [];
    const { spec, status } = fields(pod);
    const containers = list(fields(spec).containers).map(fields);
    const main = containers.find((each) => each.name === component) ?? containers[0] ?? {};
    const statuses = list(fields(status).containerStatuses).map(fields);
    const told = statuses.find((each) => each.name === main.name) ?? statuses[0] ?? {};
    const ready = list(fields(status).conditions)
      .map(fields)
      .some((condition) => condition.type === "Ready" && condition.status === "True");
    return [
      {
        name,
        component,
        node: text(fields(spec).nodeName),
        address: text(fields(status).podIP),
        ready,
        isRunning: fields(told.state).running !== undefined,
        restarts: typeof told.restartCount === "number" ? told.restartCount : 0,
        trouble: ready
          ? endingOf(told)
          : waitingOf(told) || endingOf(told) || text(fields(status).phase) || "not ready",
        image: text(main.image),
        args: list(main.args).map(text),
      },
    ];
  });
}

/** One of MetalLB's own programs, which tell nothing at `/state`. */
export const isUpstream = ({ image }: OwnPod): boolean => /(^|\/)metallb[/-](controller|speaker)(?=[:@]|$)/.test(image);

const waitingOf = (status: Fields): string => {
  const { reason, message } = fields(fields(status.state).waiting);
  return [text(reason), text(message)].filter((part) => part !== "").join(": ");
};

const endingOf = (status: Fields): string => {
  const { reason, exitCode } = fields(fields(status.lastState).terminated);
  return typeof exitCode === "number" ? `${text(reason) || "ended"}, exit code ${exitCode}` : "";
};

/** The value of a flag such as `--lb-class=x` or `--lb-class x`; null when it is not given. */
export function flagOf(args: readonly string[], name: string): string | null {
  for (const [index, word] of args.entries()) {
    if (word.startsWith(`--${name}=`)) return word.slice(name.length + 3);
    if (word === `--${name}`) return args[index + 1] ?? null;
  }
  return null;
}

/** The class that MetalLB serves; null: Services without a class. */
export const classOf = (pods: readonly OwnPod[]): string | null =>
  flagOf(pods.find(({ component }) => component === "controller")?.args ?? [], "lb-class") || null;

/** What the custom resources say, as MetalLB itself reads it. Passwords are not asked for. */
export function compileFacts(facts: ClusterFacts): Compilation {
  const malformed: Malformed[] = [];
  const decode = <T>(kind: FactKind, decodeOne: (object: unknown) => Decoded<T>): readonly T[] =>
    objectsOf(facts, kind).flatMap((object) => {
      const decoded = decodeOne(object);
      if (decoded.ok) return [decoded.value];
      malformed.push({ kind: text(object.kind), name: metaOf(object).name, problems: decoded.error });
      return [];
    });
  const resources = {
    pools: decode("ipaddresspools", decodeIPAddressPool),
    communities: decode("communities", decodeCommunity),
    namespaces: objectsOf(facts, "namespaces").flatMap((object) => decodeNamespace(object) ?? []),
    bgpAdvertisements: decode("bgpadvertisements", decodeBGPAdvertisement),
    l2Advertisements: decode("l2advertisements", decodeL2Advertisement),
    peers: decode("bgppeers", decodeBGPPeer),
    bfdProfiles: decode("bfdprofiles", decodeBFDProfile),
    secrets: new Map(),
    malformed,
  };
  return compile(resources, null);
}

type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Malformed["problems"] };

/** Names the pool that holds an address; null: none does. */
export function poolHolding(facts: ClusterFacts): (address: string) => string | null {
  const lookup = new PoolLookup(compileFacts(facts).config);
  return (address) => {
    const ip = parseIp(address);
    return ip.ok ? (lookup.of(unmap(ip.value))?.name ?? null) : null;
  };
}
