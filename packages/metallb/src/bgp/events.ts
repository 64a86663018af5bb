import type { Instant, Ip, Seconds } from "#net";
import type { AddressFamily, Asn, PeerSettings, TableChange } from "./settings.ts";

export type { Instant } from "#net";

/** Names one TCP connection for its life; the engine chooses it for outgoing ones. */
export type ConnectionId = number;

/** RFC 4271 section 8.2.2. */
export type SessionState = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

/**
 * The addresses of the interface that holds the local end of a connection, the first of each kind: next
 * hops of the other family, and the router ID of a session over IPv6, come from here.
 */
export interface Link {
  readonly ipv4: Ip | null;
  /** A global one. */
  readonly ipv6: Ip | null;
  readonly linkLocal: Ip | null;
}

/** What the shell tells the engine. */
export type BgpEvent =
  /** Adds a peer or changes its settings. What can change in place does; what needs a new OPEN resets. */
  | { readonly kind: "peer-set"; readonly settings: PeerSettings; readonly fallbackRouterId: Ip }
  /** `text`: why, for the peer's operator (Cease/Administrative Shutdown, RFC 9003); absent: Cease/Peer De-configured. */
  | { readonly kind: "peer-removed"; readonly peer: string; readonly text?: string }
  | { readonly kind: "routes"; readonly change: TableChange }
  | {
      readonly kind: "connected";
      readonly connection: ConnectionId;
      readonly local: Ip;
      readonly remote: Ip;
      /** Absent: not known. */
      readonly link?: Link;
      /** Only segments with TTL 255 are taken (RFC 5082); absent: any are. */
      readonly guarded?: boolean;
    }
  | { readonly kind: "connect-failed"; readonly connection: ConnectionId; readonly reason: string }
  /** A connection that the peer opened. */
  | {
      readonly kind: "accepted";
      readonly connection: ConnectionId;
      readonly peer: string;
      readonly local: Ip;
      readonly remote: Ip;
      readonly link?: Link;
      readonly guarded?: boolean;
    }
  /** From now on only segments with TTL 255 are taken: the neighbour is seen to send them so (RFC 5082). */
  | { readonly kind: "guarded"; readonly connection: ConnectionId }
  /** Of a connection that was opened as `guarded` nothing came: now segments of any TTL are taken. */
  | { readonly kind: "unguarded"; readonly connection: ConnectionId }
  /** The addresses of the interface that holds the local end became known, or are others now. */
  | { readonly kind: "link"; readonly connection: ConnectionId; readonly link: Link }
  | { readonly kind: "received"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** The connection ended without our doing. */
  | { readonly kind: "closed"; readonly connection: ConnectionId; readonly reason: string }
  /** All that was sent on the connection has been handed to the kernel: more may be sent. */
  | { readonly kind: "drained"; readonly connection: ConnectionId }
  /** A time asked for by `wake` has come. Early and late ones are harmless. */
  | { readonly kind: "time" }
  /**
   * BFD or an operator says that the peer is gone. After `bfd` the session is held down until `peer-up`,
   * which the shell also tells when BFD is no longer asked.
   */
  | {
      readonly kind: "peer-down";
      readonly peer: string;
      readonly cause: "bfd" | "administrative";
      readonly text: string;
    }
  | { readonly kind: "peer-up"; readonly peer: string }
  /**
   * Before a planned end: every route of every peer carries GRACEFUL_SHUTDOWN, to internal ones LOCAL_PREF 0
   * (RFC 8326), so that traffic moves away while it is still taken; `on: false` takes that back.
   */
  | { readonly kind: "drain"; readonly on: boolean }
  /**
   * Ends every session. `withdraw` (also when absent): with Cease/Administrative Shutdown (RFC 4486, 9003),
   * after which the routes are gone at once. `keep`: where graceful restart was agreed, so that the peer
   * keeps them for the restart time (without a word, or with a Cease where RFC 8538 was agreed); elsewhere
   * as `withdraw`.
   */
  | { readonly kind: "shutdown"; readonly text: string; readonly routes?: "withdraw" | "keep" };

/** What the engine asks of the shell. */
export type BgpEffect =
  | {
      readonly kind: "connect";
      readonly connection: ConnectionId;
      readonly settings: PeerSettings;
      /**
       * TTL 255 is always sent. `guarded`: segments with less are not taken (RFC 5082). `one`: the peer is a
       * neighbour; if it is seen to send 255 too, `guarded` is told. `any`: no limit.
       */
      readonly hops: "guarded" | "one" | "any";
    }
  /** The arrays may be shared between connections and must not be changed. */
  | { readonly kind: "send"; readonly connection: ConnectionId; readonly chunks: readonly Uint8Array[] }
  /** Closes after what was sent before; the shell never answers with `closed`. */
  | { readonly kind: "close"; readonly connection: ConnectionId }
  /** Replaces the earlier wish; null: none. */
  | { readonly kind: "wake"; readonly at: Instant | null }
  | { readonly kind: "session"; readonly report: SessionReport }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly peer: string;
      readonly message: string;
    };

/** Where a session stands, in words for people and fields for machines. */
export interface SessionReport {
  readonly peer: string;
  readonly state: SessionState;
  /** Why it is not Established, or why it last fell; empty while it never fell. */
  readonly reason: string;
  readonly since: Instant;
  readonly localAddress: Ip | null;
  /** Whether only segments of a neighbour are taken, by their TTL (RFC 5082). */
  readonly ttlSecurity: boolean;
  /** Null while it is not Established, as all that was agreed. */
  readonly peerAs: Asn | null;
  readonly negotiatedHoldTime: Seconds | null;
  /** Families that both sides offered. */
  readonly families: readonly AddressFamily[];
  /** What does not work although the session stands, in sentences: a family that the peer lacks, say. */
  readonly shortcomings: readonly string[];
  /** Prefixes that this peer was sent and that stand. */
  readonly announcedPrefixes: number;
  /**
   * What this side does by itself, unless something happens before: `connect` again, or `give up` the attempt
   * that is under way (ConnectRetryTimer). Null: nothing, since the session stands, waits for a passive peer's
   * connection, or is held by BFD.
   */
  readonly next: { readonly kind: "connect" | "give up"; readonly at: Instant } | null;
  /** Ends one after the other without a session that was stable: each doubles the pause before the next attempt. */
  readonly failures: number;
}

/** Counters since the peer was added. */
export interface PeerCounters {
  readonly peer: string;
  readonly opensSent: number;
  readonly opensReceived: number;
  readonly notificationsSent: number;
  readonly notificationsReceived: number;
  readonly updatesSent: number;
  readonly updatesReceived: number;
  readonly keepalivesSent: number;
  readonly keepalivesReceived: number;
  readonly routeRefreshesReceived: number;
  /** RFC 7606: UPDATEs whose routes count as withdrawn, and attributes that were not looked at. */
  readonly updatesTreatedAsWithdraw: number;
  readonly attributesDiscarded: number;
  readonly bytesSent: number;
  readonly announcedPrefixes: number;
  readonly pendingPrefixes: number;
  /** When silence of the peer ends the session; null: no session stands, or without a hold time. */
  readonly holdEndsAt: Instant | null;
}
