import {
  ALLOCATED_FROM_POOL,
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeEndpointSlice,
  decodeIPAddressPool,
  decodeL2Advertisement,
  decodeNamespace,
  decodeNode,
  decodeSecret,
  decodeService,
  type EndpointSlice,
  type Service,
} from "#api";
import { type IndexFunction, RESOURCES, type Resource } from "#kube";
import { projectConfigText, sameConfigText } from "./config-text.ts";
import { decoding } from "./decoded.ts";
import { sameDecoded, sameNamespace, sameNode, sameSecret, sameService, sameSlice } from "./same.ts";

/** How one kind is watched: where, what is kept of an object, and when two of them say the same. */
export interface Kind<T> {
  readonly resource: Resource;
  /** Objects of MetalLB's own namespace alone, or of the whole cluster. */
  readonly scope: "own" | "cluster";
  readonly fieldSelector?: string;
  /** Only metadata counts, so only that is asked for. */
  readonly metadataOnly?: boolean;
  readonly project: (object: unknown) => T | null;
  readonly same: (a: T, b: T) => boolean;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
}

const kind = <T>(kind: Kind<T>): Kind<T> => kind;

const custom = <T extends object>(
  resource: Resource,
  decode: Parameters<typeof decoding<T>>[1],
): Kind<ReturnType<ReturnType<typeof decoding<T>>>> =>
  kind({ resource, scope: "own", project: decoding(resource.kind, decode), same: sameDecoded });

/** Every kind that a decision is made from. A process names those that it reads. */
export const KINDS = {
  services: kind({ resource: RESOURCES.services, scope: "cluster", project: projectService, same: sameService }),
  endpointslices: kind<EndpointSlice>({
    resource: RESOURCES.endpointslices,
    scope: "cluster",
    project: decodeEndpointSlice,
    same: sameSlice,
    indexes: { service: ({ serviceKey }) => (serviceKey === null ? [] : [serviceKey]) },
  }),
  // Whole, since NetworkUnavailable is a condition and metadata does not tell it; no field selector of Nodes does
  // either. What is kept is labels and that one bit; what is held while reading is one page (`kube/reflector.ts`).
  nodes: kind({ resource: RESOURCES.nodes, scope: "cluster", project: decodeNode, same: sameNode }),
  namespaces: kind({
    resource: RESOURCES.namespaces,
    scope: "cluster",
    metadataOnly: true,
    project: decodeNamespace,
    same: sameNamespace,
  }),
  secrets: kind({
    resource: RESOURCES.secrets,
    scope: "own",
    // A release of Helm is a Secret of up to a megabyte, and never a password.
    fieldSelector: "type!=helm.sh/release.v1",
    project: decodeSecret,
    same: sameSecret,
  }),
  configmaps: kind({
    resource: RESOURCES.configmaps,
    scope: "own",
    project: projectConfigText,
    same: sameConfigText,
  }),
  ipaddresspools: custom(RESOURCES.ipaddresspools, decodeIPAddressPool),
  communities: custom(RESOURCES.communities, decodeCommunity),
  bgpadvertisements: custom(RESOURCES.bgpadvertisements, decodeBGPAdvertisement),
  l2advertisements: custom(RESOURCES.l2advertisements, decodeL2Advertisement),
  bgppeers: custom(RESOURCES.bgppeers, decodeBGPPeer),
  bfdprofiles: custom(RESOURCES.bfdprofiles, decodeBFDProfile),
} as const;

export type KindName = keyof typeof KINDS;

export type ObjectOf<K extends KindName> = (typeof KINDS)[K] extends Kind<infer T> ? T : never;

const NOTHING: readonly never[] = Object.freeze([]);
const NO_LABELS = Object.freeze({});

/**
 * A Service that is no LoadBalancer, and bears no mark of having been one, is kept as a name only: in
 * most clusters that is nearly all of them, and none of their changes matters.
 */
function projectService(object: unknown): Service | null {
  const service = decodeService(object);
  if (service === null || service.type === "LoadBalancer") return service;
  const marked = service.ingress.length > 0 || service.annotations[ALLOCATED_FROM_POOL] !== undefined;
  return marked ? service : leanService(service);
}

/** The name and type of a Service, and nothing else of it. */
export const leanService = ({ key, namespace, name, uid, type }: Service): Service => ({
  key,
  namespace,
  name,
  uid,
  resourceVersion: "",
  labels: NO_LABELS,
  annotations: NO_LABELS,
  type,
  loadBalancerClass: null,
  loadBalancerIP: null,
  clusterIPs: NOTHING,
  ipFamilies: NOTHING,
  ipFamilyPolicy: null,
  externalTrafficPolicy: "Cluster",
  selector: NO_LABELS,
  ports: NOTHING,
  ingress: NOTHING,
  creationTimestamp: "",
  deleting: false,
});
