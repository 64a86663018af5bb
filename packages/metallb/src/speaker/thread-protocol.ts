import type { PeerCounters, PeerSettings, SessionReport, TableChange } from "#bgp";
import type { Ip } from "#net";

/**
 * What passes between the main thread and the engines' thread. Equal attribute sets of one message
 * stay one object on the other side: structured clone keeps identity within a message.
 */
export type ToEngines =
  | {
      readonly kind: "apply";
      /** Counts up by one from 1. */
      readonly sequence: number;
      readonly routes: readonly TableChange[];
      readonly peersSet: readonly PeerSettings[];
      readonly peersRemoved: readonly string[];
      readonly routesAfter: readonly TableChange[];
      /** BGP Identifier where neither settings nor the session's own address give one. */
      readonly fallbackRouterId: Ip;
    }
  /** The answer to each `news`: the next may come. */
  | { readonly kind: "heard" }
  | { readonly kind: "shutdown"; readonly text: string };

export type FromEngines =
  /** In the order in which they are to be taken; never a second one before `heard`. */
  | { readonly kind: "news"; readonly tellings: readonly Telling[] }
  /** The answer to `shutdown`: every goodbye is said. */
  | { readonly kind: "stopped" };

/** One thing that the engines tell. */
export type Telling =
  /** Everything up to this number has been handed to the engines, and what they sent to the sockets. */
  | { readonly kind: "applied"; readonly sequence: number }
  | { readonly kind: "session"; readonly report: SessionReport }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly peer: string;
      readonly message: string;
    }
  /** Once a second while something moves. */
  | { readonly kind: "counters"; readonly counters: readonly PeerCounters[] };
