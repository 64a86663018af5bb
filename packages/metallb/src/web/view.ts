/** What the dashboard and `metallb lab status` show: plain data, ready for JSON. */
export interface LabView {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly kubernetes: "embedded" | "real";
  readonly network: "loopback" | "namespaces";
  /** Path of the kubeconfig file. */
  readonly kubeconfig: string;
  readonly dashboard: string;
  readonly router: RouterView;
  readonly controller: ProcessView;
  readonly nodes: readonly NodeView[];
  readonly routes: readonly RouteView[];
  readonly pools: readonly PoolView[];
  readonly services: readonly ServiceView[];
  /** What could not be read just now, in words. */
  readonly problems: readonly string[];
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
  readonly pid: number | null;
  /** How often it was started again after it ended by itself. */
  readonly restarts: number;
  /** How it last ended; empty while it never did. */
  readonly lastEnding: string;
}

export interface NodeView {
  readonly name: string;
  readonly address: string;
  /** Whether the lab has cut it off the router. */
  readonly cut: boolean;
  readonly speaker: ProcessView;
  readonly session: SessionView;
}

/** One BGP session, as each side tells it. */
export interface SessionView {
  readonly established: boolean;
  readonly router: string;
  /** Empty when the speaker does not answer. */
  readonly speaker: string;
  /** Why it is not established or last fell, as the speaker tells it. */
  readonly reason: string;
  readonly announcedPrefixes: number | null;
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
  /** Text, since IPv6 pools are larger than numbers; null while the controller has not said. */
  readonly used: string | null;
  readonly free: string | null;
}

export interface ServiceView {
  readonly key: string;
  readonly addresses: readonly string[];
  readonly pool: string;
  /** Why it has no address; empty when it has one. */
  readonly pending: string;
  readonly announcements: readonly AnnouncementView[];
}

/** What one node does for a Service. */
export interface AnnouncementView {
  readonly node: string;
  readonly announced: boolean;
  /** Why not; empty when announced. */
  readonly reason: string;
}
