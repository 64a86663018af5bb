import type { Ip } from "#net";

/** Where a connection goes, and what the kernel is asked to hold it to. */
export interface TcpTarget {
  readonly address: Ip;
  readonly port: number;
  /** Null: the kernel chooses. */
  readonly sourceAddress: Ip | null;
  /** Interface of a link-local address; null otherwise. */
  readonly interface: string | null;
  /** The device of a VRF; null: none. */
  readonly device: string | null;
  /** TCP MD5 key (RFC 2385), at most 80 octets. */
  readonly password: string | null;
  /**
   * How far the peer may be. `guarded`: a neighbour, and only segments that come with TTL 255 count (RFC
   * 5082). `one`: a neighbour; once it is seen to send TTL 255, it is guarded. `any`: no limit.
   */
  readonly hops: "guarded" | "one" | "any";
}
