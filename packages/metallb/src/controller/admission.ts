import {
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeIPAddressPool,
  decodeL2Advertisement,
  type FieldProblem,
} from "#api";
import { type Malformed, type Problem, type Resources, validate } from "#config";
import type { AdmissionRequest, Judge, Verdict } from "#http";
import { type KubeClient, pathOf, RESOURCES, type Resource } from "#kube";
import type { Result } from "#net";

/** A kind that is judged, and the decoder that reads it. */
interface Kind {
  /** Upstream's path, which webhook configurations that stand already name. */
  readonly path: string;
  readonly resource: Resource;
  readonly decode: (object: unknown) => Result<{ readonly faults: readonly FieldProblem[] }, readonly FieldProblem[]>;
  /** Where the configuration's parts hold objects of this kind. */
  readonly list: "pools" | "communities" | "bgpAdvertisements" | "l2Advertisements" | "peers" | "bfdProfiles";
}

const path = (version: string, kind: string): string => `/validate-metallb-io-${version}-${kind}`;

const KINDS: readonly Kind[] = [
  {
    path: path("v1beta1", "ipaddresspool"),
    resource: RESOURCES.ipaddresspools,
    decode: decodeIPAddressPool,
    list: "pools",
  },
  { path: path("v1beta1", "community"), resource: RESOURCES.communities, decode: decodeCommunity, list: "communities" },
  {
    path: path("v1beta1", "bgpadvertisement"),
    resource: RESOURCES.bgpadvertisements,
    decode: decodeBGPAdvertisement,
    list: "bgpAdvertisements",
  },
  {
    path: path("v1beta1", "l2advertisement"),
    resource: RESOURCES.l2advertisements,
    decode: decodeL2Advertisement,
    list: "l2Advertisements",
  },
  { path: path("v1beta2", "bgppeer"), resource: RESOURCES.bgppeers, decode: decodeBGPPeer, list: "peers" },
  {
    path: path("v1beta1", "bfdprofile"),
    resource: RESOURCES.bfdprofiles,
    decode: decodeBFDProfile,
    list: "bfdProfiles",
  },
];

/** Every path that the API server may be told to ask. */
export const WEBHOOK_PATHS: readonly string[] = [...KINDS.map((kind) => kind.path), "/convert"];

/** A denial names the first of them; the rest shows when those are mended. */
const MAX_REASONS = 5;
/** The API server waits ten seconds for a webhook. */
const TIMEOUT = 8_000;

type Objects = Readonly<Record<Kind["list"], readonly unknown[]>>;

/**
 * Judges of the six kinds, by path. An object is denied for what would be wrong with it, and for what
 * it would make wrong with others that are right now; what was wrong before denies nothing. References
 * that may yet be fulfilled are no reason.
 */
export function admissionJudges(
  client: Pick<KubeClient, "request">,
  namespace: string,
): Readonly<Record<string, Judge>> {
  return Object.fromEntries(KINDS.map((kind) => [kind.path, (request) => judge(client, namespace, kind, request)]));
}

async function judge(
  client: Pick<KubeClient, "request">,
  namespace: string,
  kind: Kind,
  request: AdmissionRequest,
): Promise<Verdict> {
  if (request.namespace !== namespace)
    return request.operation === "CREATE"
      ? { kind: "denied", message: `resource must be created in ${namespace} namespace` }
      : { kind: "allowed" };
  if (request.operation === "DELETE" && kind.list !== "bfdProfiles") return { kind: "allowed" };
  const objects = await readAll(client, namespace);
  if (request.operation === "DELETE") return judgeDeletion(objects, request.name);
  const decoded = kind.decode(request.object);
  const faults = decoded.ok ? decoded.value.faults : decoded.error;
  if (faults.length > 0)
    return { kind: "unreadable", message: faults.map(({ path, message }) => `${path}: ${message}`).join("; ") };
  const others = objects[kind.list].filter((object) => nameOf(object) !== request.name);
  const before = new Set(problemsOf(objects).map(textOf));
  const after = problemsOf({ ...objects, [kind.list]: [...others, named(request)] });
  const own = after.filter(({ kind: of, name }) => of === kind.resource.kind && name === request.name);
  const news = after.filter((problem) => !own.includes(problem) && !before.has(textOf(problem)));
  const reasons = [
    ...own.map(({ message }) => message),
    ...news.map(({ kind: of, name, message }) => `${of} ${name}: ${message}`),
  ];
  if (reasons.length > 0) return { kind: "denied", message: [...new Set(reasons)].slice(0, MAX_REASONS).join("; ") };
  return { kind: "allowed", warnings: warningsOf(kind, request.object) };
}

function judgeDeletion(objects: Objects, profile: string): Verdict {
  for (const peer of objects.peers) {
    const { spec } = peer as { spec?: { bfdProfile?: unknown } | null };
    if (spec?.bfdProfile === profile)
      return { kind: "denied", message: `failed to delete BFDProfile ${profile}, used by BGPPeer ${nameOf(peer)}` };
  }
  return { kind: "allowed" };
}

/** As the API holds them at this moment: a cache could be behind the object that was created a moment ago. */
async function readAll(client: Pick<KubeClient, "request">, namespace: string): Promise<Objects> {
  const lists = KINDS.map(async ({ resource, list }) => {
    const answer = await client.request("GET", pathOf(resource, { namespace }), { timeout: TIMEOUT });
    const { items } = (answer ?? {}) as { items?: unknown };
    if (!Array.isArray(items)) throw new Error(`the list of ${resource.plural} cannot be read`);
    return [list, items as unknown[]] as const;
  });
  return Object.fromEntries(await Promise.all(lists)) as unknown as Objects;
}

/** What is wrong with these objects, but for references that may yet be fulfilled. */
function problemsOf(objects: Objects): readonly Problem[] {
  const malformed: Malformed[] = [];
  const decoded: Record<string, unknown[]> = {};
  for (const { list, resource, decode } of KINDS) {
    const good: unknown[] = [];
    for (const object of objects[list]) {
      const result = decode(object);
      if (result.ok) good.push(result.value);
      else malformed.push({ kind: resource.kind, name: nameOf(object), problems: result.error });
    }
    decoded[list] = good;
  }
  const resources = { ...decoded, namespaces: [], secrets: new Map(), malformed } as unknown as Resources;
  return validate(resources).filter(({ transient }) => !transient);
}

/** `generateName` is resolved by now, but not always shown in the object. */
function named({ name, namespace, object }: AdmissionRequest): unknown {
  const { metadata, ...rest } = object as { metadata?: object };
  return { ...rest, metadata: { ...metadata, name, namespace } };
}

function warningsOf({ list }: Kind, object: unknown): readonly string[] {
  const { spec } = object as { spec?: { disableMP?: unknown } | null };
  return list === "peers" && spec?.disableMP === true ? ["spec.disableMP is deprecated and has no effect"] : [];
}

const nameOf = (object: unknown): string => {
  const { metadata } = (object ?? {}) as { metadata?: { name?: unknown } | null };
  return typeof metadata?.name === "string" ? metadata.name : "";
};

const textOf = ({ kind, name, path: field, code }: Problem): string => [kind, name, field, code].join("\u0000");
