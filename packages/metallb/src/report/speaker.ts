import type { Duration, Seconds, Timestamp } from "#net";
import type { ReportedProblem } from "./controller.ts";

/** What `GET /state` of a speaker answers. */
export interface SpeakerReport {
  readonly node: string;
  readonly ready: boolean;
  /** Parts of differences that were sent to the engines, and those that they have taken. */
  readonly sequence: { readonly sent: number; readonly applied: number };
  readonly sessions: readonly ReportedSession[];
  /** How far the drain of the node has come: `warned`, `withdrawn` or `closed`; null: it is not drained. */
  readonly drain: { readonly phase: string; readonly since: Timestamp } | null;
  /** By the Service's key. */
  readonly services: Readonly<Record<string, ReportedVerdicts>>;
  /** Services that are left out, since there are too many. */
  readonly omitted: number;
  /** Addresses that this node answers for by layer 2. */
  readonly layer2: readonly {
    readonly address: string;
    readonly service: string;
    /** Null: all. */
    readonly interfaces: readonly string[] | null;
  }[];
  /** Where those addresses stand on the LAN. */
  readonly neighbors: readonly ReportedAddress[];
  /** The speakers that this one knows of by gossip; empty without gossip. */
  readonly members: readonly ReportedMember[];
  /** Sessions that this node should have and cannot, or not wholly. */
  readonly peerProblems: readonly { readonly peer: string; readonly message: string }[];
  /** Interfaces on which the kernel drops what comes in where the answer would not go out (strict rp_filter). */
  readonly strictReversePaths: readonly string[];
  readonly problems: readonly ReportedProblem[];
}

export interface ReportedAddress {
  readonly address: string;
  /** `probing`, `conflict`, `announced` or `yielding`. */
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly since: Timestamp;
  /** A host that is no speaker and has or claims the address. */
  readonly foreign: { readonly mac: string; readonly interface: string } | null;
}

export interface ReportedMember {
  readonly name: string;
  /** `alive` and `suspect` take part in elections; `silent`, `dead` and `left` do not. */
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly since: Timestamp;
}

export interface ReportedSession {
  readonly peer: string;
  /** Of an unnumbered peer the interface. */
  readonly address: string;
  readonly port: number;
  /** RFC 4271 section 8.2.2. */
  readonly state: string;
  /** Why it is not Established, or why it last fell, in the router's own words where it said any. */
  readonly reason: string;
  /** In this state since: milliseconds since 1970. */
  readonly since: Timestamp;
  readonly localAddress: string | null;
  /** What was agreed; null and empty while it is not Established. */
  /** Only segments of a neighbour are taken, by their TTL (RFC 5082). */
  readonly ttlSecurity: boolean;
  readonly peerAs: number | null;
  readonly negotiatedHoldTime: Seconds | null;
  readonly families: readonly string[];
  /** What does not work although the session stands: a family that the peer lacks, say. */
  readonly shortcomings: readonly string[];
  readonly announcedPrefixes: number;
  /** Prefixes that the peer has still to be told of. */
  readonly pendingPrefixes: number;
  /**
   * What the speaker does by itself, unless something happens before: `connect` again, or `give up` the attempt
   * that is under way; null: nothing. Milliseconds since 1970.
   */
  readonly next: { readonly kind: "connect" | "give up"; readonly at: Timestamp } | null;
  /** Failures one after the other: each doubles the pause before the next attempt. */
  readonly failures: number;
  /** When silence of the peer ends the session; null: no session stands, or without a hold time. */
  readonly holdEndsAt: Timestamp | null;
  /** How BFD finds the path to the peer; null: it is not asked. */
  readonly bfd: ReportedPath | null;
}

export interface ReportedPath {
  /** RFC 5880 section 4.1: `AdminDown`, `Down`, `Init` or `Up`. */
  readonly state: string;
  readonly since: Timestamp;
  /** Why it last went down; empty while it never did. */
  readonly reason: string;
  /** `down` holds the BGP session off; `unknown`: it never was up, or ended on purpose. */
  readonly path: "up" | "down" | "unknown";
  /** Milliseconds that count now; null: it is not up. */
  readonly transmitInterval: Duration | null;
  readonly detectionTime: Duration | null;
}

export interface ReportedVerdicts {
  /** False: decided, and not yet with the engines. */
  readonly applied: boolean;
  readonly bgp: ReportedVerdict;
  readonly layer2: ReportedVerdict;
}

export type ReportedVerdict =
  | {
      readonly announced: true;
      readonly ips: readonly string[];
      /** BGP: names of the peers, sorted. */
      readonly peers?: readonly string[];
      /** BGP: addresses that no peer can carry, and why. */
      readonly lacking?: readonly (ReportedReason & { readonly ips: readonly string[] })[];
      /** BGP: what is to be known besides; absent: nothing. */
      readonly notes?: readonly ReportedReason[];
      /** Layer 2: null: all. */
      readonly interfaces?: readonly string[] | null;
    }
  | (ReportedReason & { readonly announced: false });

export interface ReportedReason {
  /** A code of the planner's table. */
  readonly reason: string;
  readonly facts: Readonly<Record<string, string>>;
  /** The reason in words. */
  readonly message: string;
}
