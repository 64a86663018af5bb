import type { Labels } from "#api";
import type { Duration, Family, Ip, IpRange, RangeSet, Seconds } from "#net";
import type { PoolTerms } from "./pool-terms.ts";

/** Label selectors compiled to one question; an empty list of selectors compiles to `always`. */
export type LabelPredicate = (labels: Labels) => boolean;

/** Everything the custom resources say, checked, resolved and ready to decide with. */
export interface Config {
  /** By name, ascending. */
  readonly pools: readonly Pool[];
  /** By name, ascending. */
  readonly peers: readonly Peer[];
  readonly bfdProfiles: ReadonlyMap<string, BfdProfile>;
  /**
   * Peers whose objects are there and do not say with whom to speak: a session that stands is left as it is, and
   * none is opened.
   */
  readonly unreadablePeers: ReadonlySet<string>;
  /** What speaks of a pool of this name whose object is gone: it applies until the controller has moved the Services. */
  readonly departed: (pool: string) => Pool;
}

/** Why a pool gives nothing new. What is held from it is kept, and its advertisements apply. */
export type Frozen = "invalid" | "overlapping";

export interface Pool {
  readonly name: string;
  /**
   * What it gives out, in the order of the spec, CIDRs and ranges alike; never overlapping, in this pool or another.
   * Of a frozen pool the part of its addresses that no other pool gives out.
   */
  readonly ranges: readonly IpRange[];
  /** All that its object names: what may be held from it. */
  readonly addresses: RangeSet;
  /** Null: it counts. */
  readonly frozen: Frozen | null;
  /** A part of its addresses cannot be read, so the Services' own status alone tells what was given from it. */
  readonly unreadable: boolean;
  readonly families: ReadonlySet<Family>;
  readonly autoAssign: boolean;
  /** IPv4 addresses that end in .0 or .255 are not given out. */
  readonly avoidBuggyIPs: boolean;
  /** Null: open to all. Present: "pinned" to what it names. */
  readonly allocation: PoolAllocation | null;
  /** Absent: nothing is reserved, and no namespace has a quota. */
  readonly terms?: PoolTerms;
  readonly bgpAdvertisements: readonly BgpAdvertisement[];
  readonly l2Advertisements: readonly L2Advertisement[];
}

export interface PoolAllocation {
  /** 1 is best, 0 is last. */
  readonly priority: number;
  /** Null: any namespace. Resolved from names and selectors; empty: closed. */
  readonly namespaces: ReadonlySet<string> | null;
  readonly services: LabelPredicate;
  /** Whether there are service selectors at all. */
  readonly hasServiceSelectors: boolean;
}

export interface BgpAdvertisement {
  readonly name: string;
  /** RFC 3339; where two advertisements give one prefix two local preferences, the older one's counts, then by name. */
  readonly created: string;
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  /** Null: not set. */
  readonly localPref: number | null;
  /** Ascending, no duplicates. */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
  /** MULTI_EXIT_DISC; null: not set. */
  readonly med: number | null;
  /** How often the own AS stands in the path once more; null: not set. */
  readonly asPathPrepend: number | null;
  /** This node is weighed by the endpoints that it has of a Service with policy Local. */
  readonly weighsEndpoints: boolean;
  /** What Services may set by annotation; null: nothing. */
  readonly fromServices: ServiceAttributes | null;
  /** Null: all peers. */
  readonly peers: ReadonlySet<string> | null;
  readonly nodes: LabelPredicate;
  readonly services: LabelPredicate;
  readonly hasServiceSelectors: boolean;
}

/** RFC 8092. */
export type LargeCommunity = readonly [number, number, number];

/** What an advertisement lets Services set for themselves. */
export interface ServiceAttributes {
  /** By alias and by value, as a Service may write them. */
  readonly communities: ReadonlyMap<string, number | LargeCommunity>;
  /** Null: it may not be set. */
  readonly localPref: Bounds | null;
  readonly med: Bounds | null;
  readonly asPathPrepend: Bounds | null;
}

export interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

export interface L2Advertisement {
  readonly name: string;
  readonly nodes: LabelPredicate;
  readonly services: LabelPredicate;
  readonly hasServiceSelectors: boolean;
  /** Null: all interfaces. */
  readonly interfaces: ReadonlySet<string> | null;
  readonly preferences: readonly { readonly weight: number; readonly nodes: LabelPredicate }[];
  /** `hash`: by the election alone, as MetalLB's. `balanced`: where the address was placed, as long as that node can. */
  readonly placement: "hash" | "balanced";
  /** `majority`: only a node that sees most of the speakers announces. `lease`: only one that holds its Lease. */
  readonly fencing: "none" | "majority" | "lease";
}

/** One BGPPeer. Times in seconds; null where the resource says nothing. */
export interface Peer {
  readonly name: string;
  /** A part of its object is wrong and not in here: a session that stands is left as it is. */
  readonly frozen: boolean;
  readonly myASN: number;
  readonly peerASN: number | "internal" | "external";
  readonly localASN: number | null;
  /** Exactly one of the two is set. */
  readonly address: Ip | null;
  readonly interface: string | null;
  readonly sourceAddress: Ip | null;
  readonly port: number;
  readonly holdTime: Seconds | null;
  readonly keepaliveTime: Seconds | null;
  readonly connectTime: Seconds | null;
  readonly routerId: Ip | null;
  readonly nodes: LabelPredicate;
  /** From `password` or the Secret. Never log it. */
  readonly password: string | null;
  readonly bfdProfile: string | null;
  readonly gracefulRestart: boolean;
  readonly ebgpMultiHop: boolean;
  readonly vrf: string;
  readonly dualStackAddressFamily: boolean;
  /** By annotation: see `bfd-authentication.ts`. The key is never logged. */
  readonly bfdAuthentication: BfdAuthentication | null;
  /** By annotation: see `peer-terms.ts`. */
  readonly passive: boolean;
  readonly restartTime: Seconds | null;
}

/** RFC 5880 section 6.7. */
export interface BfdAuthentication {
  readonly type: "simple" | "keyed-md5" | "meticulous-keyed-md5" | "keyed-sha1" | "meticulous-keyed-sha1";
  readonly keyId: number;
  readonly key: string;
}

export interface BfdProfile {
  readonly name: string;
  /** Milliseconds. */
  readonly receiveInterval: Duration;
  readonly transmitInterval: Duration;
  readonly detectMultiplier: number;
  readonly echoInterval: Duration;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
}

/** Why an object, or a part of it, does not count. */
export interface Problem {
  readonly kind: string;
  readonly name: string;
  /** Path of the field, such as `spec.addresses[0]`; empty for the whole object. */
  readonly path: string;
  /** For machines: one table in `problems.ts`. */
  readonly code: string;
  /** For people; holds upstream's wording where users grep for it. */
  readonly message: string;
  /** A reference that may yet be fulfilled (upstream's TransientError). */
  readonly transient: boolean;
  /** The nodes that it concerns, by their labels; null: every node. */
  readonly nodes: LabelPredicate | null;
}
