import type { Duration, Seconds, Timestamp } from "#net";
/** What the page, `metallb status` and `metallb lab status` show: plain data, ready for JSON. */
export type View = LabView | ClusterView;

/** What every source can show. What could not be read is null or absent, and `problems` says why. */
export interface Picture {
  readonly controller: ControllerView;
  readonly nodes: readonly NodeView[];
  readonly pools: readonly PoolView[];
  /** Of type LoadBalancer. */
  readonly services: readonly ServiceView[];
  /** Who answers ARP and NDP for which address. */
  readonly layer2: readonly OwnerView[];
  /** What is wrong with the custom resources. */
  readonly configuration: readonly ConfigurationProblem[];
  /** What could not be read just now, in words. */
  readonly problems: readonly string[];
  /** Kinds of objects that could not be read: what is made of them is not empty but unknown. Absent: all were. */
  readonly unread?: readonly string[];
}

/** A lab, which also sees the router and the processes. */
export interface LabView extends Picture {
  readonly kind: "lab";
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startedAt: Timestamp;
  readonly kubernetes: "embedded" | "real";
  readonly network: "loopback" | "namespaces";
  /** Path of the kubeconfig file. */
  readonly kubeconfig: string;
  readonly dashboard: string;
  /** What to type at a shell for `metallb lab`, from any folder. */
  readonly command: string;
  readonly router: RouterView;
  readonly routes: readonly RouteView[];
}

/** A cluster as its API server tells it. */
export interface ClusterView extends Picture {
  readonly kind: "cluster";
  /** The API server's address. */
  readonly server: string;
  /** Where MetalLB runs. */
  readonly namespace: string;
  /** What one should know and nobody need mend. */
  readonly notes: readonly string[];
}

export interface RouterView {
  /** Such as `BIRD 2.0.12`. */
  readonly title: string;
  readonly address: string;
  readonly port: number;
  readonly asn: number;
}

export interface ProcessView {
  readonly running: boolean;
  /** `process 4711`, or the name of the Pod; empty when there is none. */
  readonly title: string;
  /** Null where it is no process of this machine. */
  readonly pid: number | null;
  /** How often it was started again after it ended by itself. */
  readonly restarts: number;
  /** How it last ended, or why it is not ready; empty while all is well. */
  readonly lastEnding: string;
}

export interface ControllerView extends ProcessView {
  /** Whether it decides; false: a replica that stands by; null: it did not say. */
  readonly leading: boolean | null;
}

export interface NodeView {
  readonly name: string;
  readonly address: string;
  /** Whether the lab has cut it off the router. */
  readonly cut: boolean;
  readonly speaker: ProcessView;
  readonly sessions: readonly SessionView[];
}

/** One BGP session, as each side tells it. */
export interface SessionView {
  /** The name of the BGPPeer. */
  readonly peer: string;
  readonly established: boolean;
  /** The router's own word; empty where no router is asked. */
  readonly router: string;
  /** Empty when the speaker does not tell. */
  readonly speaker: string;
  /** Why it is not established or last fell, as the speaker tells it. */
  readonly reason: string;
  /** What does not work although it is established, such as a family that the peer lacks. */
  readonly shortcomings: readonly string[];
  /** When it came into this state, milliseconds since 1970; null: not told. */
  readonly since: Timestamp | null;
  /** What the lab knows will happen by itself, such as `ends within 6 s`; empty: nothing. */
  readonly timer: string;
  /** What the speaker does by itself, and when; null: nothing. */
  readonly next: { readonly kind: "connect" | "give up"; readonly at: Timestamp } | null;
  /** When silence of the router ends the session; null: not told, or never. */
  readonly holdEndsAt: Timestamp | null;
  readonly holdTime: Seconds | null;
  /** How BFD finds the path; null: it is not asked, or not told. */
  readonly bfd: PathView | null;
  readonly announcedPrefixes: number | null;
}

export interface PathView {
  /** RFC 5880 section 4.1. */
  readonly state: string;
  readonly reason: string;
  /** Silence of this length, in milliseconds, is a failure; null: it is not up. */
  readonly detectionTime: Duration | null;
}

export interface RouteView {
  readonly prefix: string;
  /** `namespace/name` of the Services that hold the address. */
  readonly services: readonly string[];
  readonly via: readonly { readonly node: string; readonly nextHop: string }[];
}

export interface PoolView {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly autoAssign: boolean;
  /** Text, since IPv6 pools are larger than numbers; null while nobody has said. */
  readonly used: string | null;
  readonly free: string | null;
}

export interface ServiceView {
  readonly key: string;
  readonly addresses: readonly string[];
  readonly pool: string;
  /** Why it has no address, or not all that it wants; empty when all is well. */
  readonly pending: string;
  /** The pools that were looked at in vain, each with its reason. */
  readonly refusedBy: readonly { readonly pool: string; readonly reason: string }[];
  /** Why it is not ours to serve, such as another load balancer class; empty when it is. */
  readonly foreign: string;
  /** Nodes that announce it, and how. */
  readonly announcedFrom: readonly string[];
  /** Those that do not, with the same reason together. */
  readonly refusals: readonly Refusals[];
}

export interface OwnerView {
  readonly service: string;
  readonly address: string;
  readonly node: string;
  /** Empty: all. */
  readonly interfaces: readonly string[];
}

export interface Refusals {
  readonly nodes: readonly string[];
  readonly reason: string;
}

/** What is wrong with one field of one object. */
export interface ConfigurationProblem {
  /** Such as `IPAddressPool lab`. */
  readonly object: string;
  /** Such as `spec.addresses[0]`; empty for the whole object. */
  readonly field: string;
  readonly code: string;
  readonly message: string;
}
