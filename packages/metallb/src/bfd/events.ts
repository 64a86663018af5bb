import type { Duration, Instant, Ip } from "#net";
import type { BfdState } from "./packet.ts";
import type { BfdSettings } from "./settings.ts";

export type { Instant } from "#net";

/** What the shell tells the engine. */
export type BfdEvent =
  /** Adds a session, or changes it: in place where the protocol can. */
  | { readonly kind: "session-set"; readonly settings: BfdSettings }
  | { readonly kind: "session-removed"; readonly session: string }
  /** A packet whose TTL was checked: 255, or that of `minimumTtl` on the port for several hops. */
  | {
      readonly kind: "received";
      readonly bytes: Uint8Array;
      readonly from: Ip;
      /** Where it came in, for a link-local sender; null otherwise. */
      readonly interface: string | null;
      readonly multihop: boolean;
    }
  /** What came of the sockets for echo packets: whether any can be sent, and whether those of the peer go back to it. */
  | { readonly kind: "echo-ready"; readonly session: string; readonly sends: boolean; readonly returns: boolean }
  /** An echo packet came back. */
  | { readonly kind: "echo-returned"; readonly bytes: Uint8Array }
  /** A time asked for by `wake` has come. Early and late ones are harmless: give packets that came before first. */
  | { readonly kind: "time" }
  /** Tells every peer that the sessions end on purpose (AdminDown), which is no failure of the path. */
  | { readonly kind: "shutdown" };

/** What the engine asks of the shell. */
export type BfdEffect =
  /** A socket for sending (source port 49152 or above, TTL 255) and one for receiving. */
  | { readonly kind: "open"; readonly settings: BfdSettings }
  | { readonly kind: "close"; readonly session: string }
  | { readonly kind: "send"; readonly session: string; readonly bytes: Uint8Array }
  /** An echo packet, which the peer forwards back: from the own address and to it, on port 3785 (RFC 5881 section 4). */
  | { readonly kind: "echo"; readonly session: string; readonly bytes: Uint8Array }
  | { readonly kind: "wake"; readonly at: Instant | null }
  | { readonly kind: "session"; readonly report: BfdReport }
  | { readonly kind: "log"; readonly level: "info" | "warn"; readonly session: string; readonly message: string };

export interface BfdReport {
  readonly session: string;
  readonly users: readonly string[];
  readonly remote: Ip;
  /** Of a link-local neighbour; null otherwise. */
  readonly interface: string | null;
  readonly vrf: string | null;
  readonly multihop: boolean;
  readonly state: BfdState;
  readonly since: Instant;
  /** Why it last went down; empty while it never did. */
  readonly reason: string;
  /**
   * What follows for who relies on the path: `up`; `down`: it was up and failed; `unknown`: it never was up,
   * or one side ended it on purpose, which says nothing of the path (RFC 5882 section 4.2).
   */
  readonly path: "up" | "down" | "unknown";
  /** Milliseconds that count now: between packets of ours, and until silence is a failure; null: not Up. */
  readonly transmitInterval: Duration | null;
  readonly detectionTime: Duration | null;
}

/** Counters since the session was added, by the names of the metrics. */
export interface BfdCounters {
  readonly session: string;
  readonly up: boolean;
  readonly controlPacketsInput: number;
  readonly controlPacketsOutput: number;
  readonly echoPacketsInput: number;
  readonly echoPacketsOutput: number;
  readonly upEvents: number;
  readonly downEvents: number;
}

/** Of a session that was just added. */
export const noCounts = () => ({
  controlPacketsInput: 0,
  controlPacketsOutput: 0,
  echoPacketsInput: 0,
  echoPacketsOutput: 0,
  upEvents: 0,
  downEvents: 0,
});
