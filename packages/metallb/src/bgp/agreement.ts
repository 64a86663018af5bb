import type { Ip, Seconds } from "#net";
import type { Link } from "./events.ts";
import type { AddressFamily, Asn } from "./settings.ts";

/** This end of a connection, with the other addresses of the interface that holds it. */
export interface LocalEnd {
  readonly address: Ip;
  readonly link: Link | null;
  /** RFC 5082. */
  readonly guarded: boolean;
}

/** What both sides agreed on by their OPENs. */
export interface Negotiated {
  readonly peerAs: Asn;
  readonly internal: boolean;
  /** Seconds; 0: neither keepalives nor hold timer. */
  readonly holdTime: Seconds;
  readonly families: readonly AddressFamily[];
  readonly fourOctetAs: boolean;
  /** RFC 8950: IPv4 routes may go with an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** Longest message that the peer takes, octets. */
  readonly limit: number;
  readonly enhancedRouteRefresh: boolean;
  /**
   * Whether the peer keeps our routes while we restart (RFC 4724), and then also after a NOTIFICATION
   * (RFC 8538); null: it does not.
   */
  readonly graceful: "with notifications" | "without notifications" | null;
}
