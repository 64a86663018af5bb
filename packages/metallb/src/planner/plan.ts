import type { EndpointSlice, Node, Service } from "#api";
import type { PathAttributes, PeerSettings, TableChange } from "#bgp";
import type { Config } from "#config";
import type { Prefix } from "#net";

/** What the planner decides from; the stores of `kube` fit it. Reading never copies. */
export interface World {
  readonly services: ReadonlyMap<string, Service>;
  readonly nodes: ReadonlyMap<string, Node>;
  /** The slices of one Service, without a scan. */
  endpointSlices(serviceKey: string): Iterable<EndpointSlice>;
  /** Null until the configuration was read once: then nothing is decided. */
  readonly config: Config | null;
}

/** What differs since the last plan: keys only, never events. */
export interface Changes {
  /** Services that differ themselves or in their slices. */
  readonly services: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
  readonly config: boolean;
}

/** What this node does, entirely. `Planner.update` gives the same as `plan` from scratch. */
export interface Plan {
  readonly peers: ReadonlyMap<string, PeerSettings>;
  /** Table name → prefix text → route. Equal attributes are one object. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, Route>>;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

export interface Route {
  readonly prefix: Prefix;
  readonly attributes: PathAttributes;
}

/** The way from one plan to the next; what the engines' thread gets. */
export interface PlanDifference {
  /** Before the peers: a peer that moves to another table finds it filled. */
  readonly routes: readonly TableChange[];
  readonly peersSet: readonly PeerSettings[];
  readonly peersRemoved: readonly string[];
  /** After the peers: tables that no peer reads any more are emptied. */
  readonly routesAfter: readonly TableChange[];
  /** Services whose verdict differs. */
  readonly verdicts: readonly string[];
}

/** What this node does for one Service, per protocol, and why not. */
export interface Verdict {
  readonly bgp: ProtocolVerdict;
  readonly layer2: ProtocolVerdict;
}

export type ProtocolVerdict =
  | {
      readonly announced: true;
      readonly ips: readonly string[];
      /** Names of peers (bgp), sorted. */
      readonly peers: readonly string[];
    }
  | {
      readonly announced: false;
      /** A code of `reasons.ts`. */
      readonly reason: string;
      readonly facts: Readonly<Record<string, string>>;
    };
