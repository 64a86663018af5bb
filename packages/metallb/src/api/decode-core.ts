import { DRAIN } from "./annotations.ts";
import type {
  Endpoint,
  EndpointSlice,
  Ingress,
  Labels,
  Namespace,
  Node,
  Secret,
  Service,
  ServicePort,
} from "./core.ts";

// Projections at the door. The API server has validated these objects, so a field of the wrong type is
// read as absent; an object without a name is nothing. None of this throws.

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const textOrNull = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const texts = (value: unknown): readonly string[] => list(value).filter((each) => typeof each === "string");

const NONE: Labels = Object.freeze({});

function labels(value: unknown, keep: (name: string) => boolean = () => true): Labels {
  const entries = Object.entries(fields(value)).filter(([name, each]) => typeof each === "string" && keep(name));
  return entries.length === 0 ? NONE : (Object.fromEntries(entries) as Labels);
}

function meta(
  object: unknown,
): { key: string; namespace: string; name: string; uid: string; resourceVersion: string } | null {
  const metadata = fields(fields(object).metadata);
  const [namespace, name] = [text(metadata.namespace), text(metadata.name)];
  if (name === "") return null;
  const key = namespace === "" ? name : `${namespace}/${name}`;
  return { key, namespace, name, uid: text(metadata.uid), resourceVersion: text(metadata.resourceVersion) };
}

const ours = (name: string): boolean => name.startsWith("metallb.io/") || name.startsWith("metallb.universe.tf/");

const FAMILY_POLICIES = ["SingleStack", "PreferDualStack", "RequireDualStack"] as const;

export function decodeService(object: unknown): Service | null {
  const head = meta(object);
  if (!head) return null;
  const metadata = fields(fields(object).metadata);
  const spec = fields(fields(object).spec);
  const clusterIPs = texts(spec.clusterIPs);
  const clusterIP = textOrNull(spec.clusterIP);
  return {
    ...head,
    labels: labels(metadata.labels),
    annotations: labels(metadata.annotations, ours),
    type: text(spec.type) || "ClusterIP",
    loadBalancerClass: typeof spec.loadBalancerClass === "string" ? spec.loadBalancerClass : null,
    loadBalancerIP: textOrNull(spec.loadBalancerIP),
    clusterIPs: clusterIPs.length > 0 || clusterIP === null ? clusterIPs : [clusterIP],
    ipFamilies: texts(spec.ipFamilies),
    ipFamilyPolicy: FAMILY_POLICIES.find((policy) => policy === spec.ipFamilyPolicy) ?? null,
    externalTrafficPolicy: spec.externalTrafficPolicy === "Local" ? "Local" : "Cluster",
    selector: labels(spec.selector),
    ports: list(spec.ports).map(port),
    ingress: list(fields(fields(fields(object).status).loadBalancer).ingress).map(ingress),
    creationTimestamp: text(metadata.creationTimestamp),
    deleting: textOrNull(metadata.deletionTimestamp) !== null,
  };
}

function port(value: unknown): ServicePort {
  const { protocol, port: number } = fields(value);
  return { protocol: text(protocol) || "TCP", port: typeof number === "number" ? number : 0 };
}

function ingress(value: unknown): Ingress {
  const { ip, hostname, ipMode } = fields(value);
  return { ip: textOrNull(ip), hostname: textOrNull(hostname), ipMode: textOrNull(ipMode) };
}

export function decodeEndpointSlice(object: unknown): EndpointSlice | null {
  const head = meta(object);
  if (!head) return null;
  const service = textOrNull(labels(fields(fields(object).metadata).labels)["kubernetes.io/service-name"]);
  return {
    ...head,
    serviceKey: service === null ? null : `${head.namespace}/${service}`,
    endpoints: list(fields(object).endpoints).map(endpoint),
  };
}

function endpoint(value: unknown): Endpoint {
  const { nodeName, conditions, addresses } = fields(value);
  const { ready, serving } = fields(conditions);
  return {
    nodeName: textOrNull(nodeName),
    serving: ready === undefined || ready === null || ready === true || serving === true,
    hasAddress: texts(addresses).length > 0,
  };
}

export function decodeNode(object: unknown): Node | null {
  const head = meta(object);
  if (!head) return null;
  const status = fields(fields(object).status);
  return {
    ...head,
    labels: labels(fields(fields(object).metadata).labels),
    drain: drainOf(object),
    networkUnavailable: list(status.conditions)
      .map(fields)
      .some((condition) => condition.type === "NetworkUnavailable" && condition.status === "True"),
  };
}

function drainOf(object: unknown): string | null {
  const said = fields(fields(fields(object).metadata).annotations)[DRAIN];
  if (typeof said === "string") return said === "false" ? null : said;
  const taint = list(fields(fields(object).spec).taints)
    .map(fields)
    .find(({ key }) => key === DRAIN);
  return taint ? text(taint.value) : null;
}

export function decodeNamespace(object: unknown): Namespace | null {
  const head = meta(object);
  return head && { ...head, labels: labels(fields(fields(object).metadata).labels) };
}

export function decodeSecret(object: unknown): Secret | null {
  const head = meta(object);
  if (!head) return null;
  const type = text(fields(object).type);
  const encoded = fields(fields(object).data).password;
  // Other Secrets are none of our business: nothing of them is kept.
  const password = type === "kubernetes.io/basic-auth" && typeof encoded === "string" ? decodeBase64(encoded) : null;
  return { ...head, type, password };
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 4648 section 4 as UTF-8 text; null for anything else. */
function decodeBase64(encoded: string): string | null {
  const digits = encoded.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = ALPHABET.indexOf(digit);
    if (value < 0) return null;
    held = ((held << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
