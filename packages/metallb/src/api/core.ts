/**
 * The kinds of Kubernetes itself that this project reads, projected at the door: only the fields
 * that somebody here needs, so that memory holds nothing else. Keys are `namespace/name`, or `name`
 * for kinds without a namespace.
 */

export type Labels = Readonly<Record<string, string>>;

interface Meta {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export interface ServicePort {
  /** TCP, UDP or SCTP. */
  readonly protocol: string;
  readonly port: number;
}

/** One entry of `status.loadBalancer.ingress` as the API server holds it. */
export interface Ingress {
  readonly ip: string | null;
  readonly hostname: string | null;
  readonly ipMode: string | null;
}

export interface Service extends Meta {
  readonly labels: Labels;
  /** Only those whose name starts with `metallb.io/` or `metallb.universe.tf/`. */
  readonly annotations: Labels;
  readonly type: string;
  readonly loadBalancerClass: string | null;
  readonly loadBalancerIP: string | null;
  /** As written; `spec.clusterIP` alone becomes a list of one. May hold "None". */
  readonly clusterIPs: readonly string[];
  /** IPv4 or IPv6, in order of preference. */
  readonly ipFamilies: readonly string[];
  readonly ipFamilyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack" | null;
  readonly externalTrafficPolicy: "Cluster" | "Local";
  readonly selector: Labels;
  readonly ports: readonly ServicePort[];
  readonly ingress: readonly Ingress[];
  /** Oldest first decides who is served when several Services wait. RFC 3339 as written. */
  readonly creationTimestamp: string;
  readonly deleting: boolean;
}

export interface Endpoint {
  readonly nodeName: string | null;
  /** Whether it may get traffic: `ready` is true or absent, or `serving` is true. */
  readonly serving: boolean;
  readonly hasAddress: boolean;
}

export interface EndpointSlice extends Meta {
  /** `namespace/name` of the Service that the label `kubernetes.io/service-name` names; null without it. */
  readonly serviceKey: string | null;
  readonly endpoints: readonly Endpoint[];
}

export interface Node extends Meta {
  readonly labels: Labels;
  /** The condition NetworkUnavailable is True. */
  readonly networkUnavailable: boolean;
  /**
   * What the annotation metallb.io/drain says, else the taint of that key: its speaker is to give its routes away
   * without loss. Null: it is not asked to. Cordoning alone never asks.
   */
  readonly drain: string | null;
}

export interface Namespace extends Meta {
  readonly labels: Labels;
}

/** A Secret of type kubernetes.io/basic-auth; other types are kept with no password. */
export interface Secret extends Meta {
  readonly type: string;
  /** `data.password` decoded; null when there is none. Never log, never store elsewhere. */
  readonly password: string | null;
}
