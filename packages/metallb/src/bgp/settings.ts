import type { Duration, Ip, Prefix, Seconds } from "#net";

/** Autonomous system number, 0 to 2^32-1 (RFC 6793). */
export type Asn = number;

/** AFI/SAFI pairs that this speaker originates: unicast of both IP versions (RFC 4760). */
export type AddressFamily = "ipv4-unicast" | "ipv6-unicast";

/** Where the peer is. */
export type Endpoint =
  /** `interface`: where a link-local address is; null otherwise. */
  | { readonly kind: "address"; readonly address: Ip; readonly interface: string | null }
  /** Unnumbered: the router at the other end of the interface, found by its router advertisements (RFC 4861). */
  | { readonly kind: "interface"; readonly interface: string };

/** Intervals in milliseconds. */
export interface BfdParameters {
  readonly receiveInterval: Duration;
  readonly transmitInterval: Duration;
  readonly detectMultiplier: number;
  /** Of packets that passed several hops. */
  readonly minimumTtl: number;
  readonly passive: boolean;
  /** Between echo packets; null: none. */
  readonly echoInterval: Duration | null;
  readonly authentication: {
    readonly type: "simple" | "keyed-md5" | "meticulous-keyed-md5" | "keyed-sha1" | "meticulous-keyed-sha1";
    readonly keyId: number;
    /** Never logged, never in a dump. */
    readonly key: string;
  } | null;
}

/** What one session is configured with. All times in seconds. Compared by value, field by field. */
export interface PeerSettings {
  /** Unique in the speaker; the name of the BGPPeer. */
  readonly name: string;
  readonly localAs: Asn;
  /** The AS the peer must have; `internal`: the own one; `external`: any other. */
  readonly peerAs: Asn | "internal" | "external";
  readonly endpoint: Endpoint;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** Where the connection starts from; the kernel chooses when null. */
  readonly sourceAddress: Ip | null;
  /** Device of the VRF that the session runs in; null: none. */
  readonly vrf: string | null;
  /** Proposed hold time: 0 (off) or 3 to 65535. Null: 90 (RFC 4271 section 10). */
  readonly holdTime: Seconds | null;
  /** Null: a third of the negotiated hold time. */
  readonly keepaliveTime: Seconds | null;
  /** ConnectRetryTime; null: the engine's own schedule. */
  readonly connectTime: Seconds | null;
  /** BGP Identifier as an IPv4 address; null: the session's own IPv4 address, else that of its interface, else the shell's fallback. */
  readonly routerId: Ip | null;
  /** TCP MD5 key (RFC 2385), 1 to 80 octets. Never logged, never in a dump. */
  readonly password: string | null;
  /** Whether an external peer may be more than one hop away. Internal ones always may. */
  readonly ebgpMultiHop: boolean;
  /** Waits for the peer to open the connection, and never opens one itself. */
  readonly passive: boolean;
  /** How the path to the peer is watched by BFD, which this engine only hears of (`peer-down`); null: not. */
  readonly bfd: BfdParameters | null;
  readonly gracefulRestart: boolean;
  /** Seconds, 1 to 4095, for which the peer keeps our routes while we restart (RFC 4724); null: 120. */
  readonly restartTime: Seconds | null;
  /** The families offered in OPEN. */
  readonly families: readonly AddressFamily[];
  /** The table of routes that is sent to this peer; peers with equal routes share one. */
  readonly table: string;
}

/** What counts where nothing is said: both families, over one hop, without password, BFD or graceful restart. */
export const DEFAULT_SETTINGS = {
  port: 179,
  sourceAddress: null,
  vrf: null,
  holdTime: null,
  keepaliveTime: null,
  connectTime: null,
  routerId: null,
  password: null,
  ebgpMultiHop: false,
  passive: false,
  bfd: null,
  restartTime: null,
  gracefulRestart: false,
  families: ["ipv4-unicast", "ipv6-unicast"],
  table: "all",
} as const satisfies Partial<PeerSettings>;

/** How far the peer may be: an external one without `ebgpMultiHop` is a neighbour. */
export const hopsOf = ({ localAs, peerAs, ebgpMultiHop }: PeerSettings): "one" | "any" =>
  ebgpMultiHop || peerAs === "internal" || peerAs === localAs ? "any" : "one";

/** RFC 8092: three times 32 bits. */
export type LargeCommunity = readonly [number, number, number];

/**
 * What the routes of one announcement have in common. Interned by whoever builds the routes: two
 * equal sets are one object, so that packing an UPDATE is grouping by identity.
 */
export interface PathAttributes {
  /** Sent to iBGP peers; null: 100 (RFC 4271 section 9.1.1). */
  readonly localPref: number | null;
  /** 32-bit values (RFC 1997), ascending, no duplicates. */
  readonly communities: readonly number[];
  /** Ascending, no duplicates. */
  readonly largeCommunities: readonly LargeCommunity[];
  /** MULTI_EXIT_DISC, 0 to 2^32-1; absent or null: none. */
  readonly med?: number | null;
  /** How often the own AS stands in the path once more, 0 to 32; to external peers only. */
  readonly asPathPrepend?: number;
  /** Octets a second, for a router that spreads by weight (draft-ietf-idr-link-bandwidth); absent or null: none. */
  readonly linkBandwidth?: number | null;
}

/** A difference to one table of routes. A prefix stands in at most one of the two. */
export interface TableChange {
  readonly table: string;
  readonly announce: readonly { readonly prefix: Prefix; readonly attributes: PathAttributes }[];
  readonly withdraw: readonly Prefix[];
}
