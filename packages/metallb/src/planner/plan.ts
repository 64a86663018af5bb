import type { EndpointSlice, Node, Service } from "#api";
import type { PathAttributes, PeerSettings, TableChange } from "#bgp";
import type { Config } from "#config";
import type { Ip, Prefix } from "#net";
import type { Placeable } from "./layer2-placement.ts";
import type { Reason } from "./reasons.ts";

/** What the planner decides from; the stores of `kube` fit it. Reading never copies. */
export interface World {
  readonly services: ReadonlyMap<string, Service>;
  readonly nodes: ReadonlyMap<string, Node>;
  /** The slices of one Service, without a scan. */
  endpointSlices(serviceKey: string): Iterable<EndpointSlice>;
  /** Null until the configuration was read once: then nothing is decided. */
  readonly config: Config | null;
  /** The nodes whose speakers are alive, for the layer-2 election; null or absent: all that the API knows. */
  readonly members?: ReadonlySet<string> | null;
  /**
   * What our speakers told of their interfaces, by node: another map whenever it differs. A live member that is
   * not in it is a speaker of MetalLB's own. Null or absent: nothing is known of any.
   */
  readonly speakers?: ReadonlyMap<string, SpeakerLinks> | null;
  /** False: this node sees half of the speakers or fewer. Absent: it is not known. */
  readonly hasMajority?: boolean;
  /** Who holds a Lease, for advertisements that are fenced so: another object whenever it differs. */
  readonly leases?: LeaseHolders | null;
}

export interface LeaseHolders {
  /** Nodes that count as alive since they hold their Lease, the own one among them as long as it does. */
  readonly holders: ReadonlySet<string>;
  /** What the holders told of their interfaces. */
  readonly speakers: ReadonlyMap<string, SpeakerLinks>;
  /** Why this node does not hold its own, where it does not. */
  readonly why: string;
}

/**
 * How far the drain of the own node has come. `warned`: routes stand, and routers are asked to take other ways.
 * `withdrawn`: only what no other node would announce stands. `closed`: nothing stands, and the sessions end.
 */
export type DrainPhase = "none" | "warned" | "withdrawn" | "closed";

/** The interfaces of a node on which its speaker can answer. */
export interface SpeakerLinks {
  /** Null: it has not told yet. */
  readonly links: readonly NodeLink[] | null;
  /** False: it has more than it could tell. */
  readonly isWhole: boolean;
}

export interface NodeLink {
  readonly name: string;
  readonly arp: boolean;
  readonly ndp: boolean;
  readonly subnets: readonly Prefix[];
}

/** What differs since the last plan: keys only, never events. */
export interface Changes {
  /** Services that differ themselves or in their slices. */
  readonly services: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
  readonly config: boolean;
  /** The live members differ. */
  readonly members?: boolean;
}

/** What this node does, entirely. `Planner.update` gives the same as `plan` from scratch. A live view. */
export interface Plan {
  readonly peers: ReadonlyMap<string, PeerSettings>;
  /** Names of the tables that peers read. */
  readonly tables: readonly string[];
  /** What stands in a table, made when asked for. Equal attributes are one object. */
  routes(table: string): Iterable<Route>;
  /** What this node answers for by layer 2, and for which Service. */
  layer2(): Iterable<Layer2Claim>;
  /** Nodes whose end would make this node announce something, and for how many Services; empty where all watch all. */
  readonly watched: ReadonlyMap<string, number>;
  /** Balanced Services: where they may be, and are, placed. */
  readonly placeable: ReadonlyMap<string, Placeable>;
  /** Whether an advertisement wants this node to hold a Lease. */
  readonly wantsLease: boolean;
  /** What is said of a Service: every one has a verdict, also one that is not ours or not there. Made when asked for. */
  verdict(key: string, service: Service | undefined): Verdict;
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
  readonly layer2: Layer2Difference;
  /** Services whose verdict differs. */
  readonly verdicts: readonly string[];
}

export interface Layer2Difference {
  readonly announce: readonly Layer2Claim[];
  readonly withdraw: readonly Layer2Withdrawal[];
}

/** An address that this node answers for. */
export interface Layer2Claim {
  /** The key of the Service; several may hold one address. */
  readonly holder: string;
  readonly address: Ip;
  /** Names, ascending; null: all. */
  readonly interfaces: readonly string[] | null;
  /** Only while this node holds its Lease. */
  readonly fenced: boolean;
}

export type Layer2Withdrawal = Omit<Layer2Claim, "interfaces">;

/** What this node does for one Service, per protocol, and why not. */
export interface Verdict {
  readonly bgp: BgpVerdict;
  readonly layer2: Layer2Verdict;
}

export type BgpVerdict = AnnouncedByBgp | Refused;
export type Layer2Verdict = AnnouncedByLayer2 | Refused;
export type ProtocolVerdict = BgpVerdict | Layer2Verdict;

export interface AnnouncedByBgp {
  readonly announced: true;
  readonly ips: readonly string[];
  /** Names of peers, sorted. */
  readonly peers: readonly string[];
  /** Addresses of the Service that no peer can carry; empty in nearly all. */
  readonly lacking: readonly (Refused & { readonly ips: readonly string[] })[];
  /** What is to be known of it besides: what it sets by annotation and may not, say. Absent in nearly all. */
  readonly notes?: readonly Reason[];
}

export interface AnnouncedByLayer2 {
  readonly announced: true;
  readonly ips: readonly string[];
  /** Names, ascending; null: all. */
  readonly interfaces: readonly string[] | null;
  /** Nodes that an advertisement selects and that cannot answer, by name; the first of many. */
  readonly leftOut: readonly LeftOut[];
}

/** A node that an advertisement would let announce, and why it is no candidate. */
export interface LeftOut extends Reason {
  readonly node: string;
}

export interface Refused extends Reason {
  readonly announced: false;
}
