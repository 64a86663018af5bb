import type { Duration, Instant, Ip } from "#net";
import type { GossipConfig } from "./config.ts";
import type { StreamMessage } from "./wire/stream.ts";

export type { Instant } from "#net";

/** Names one exchange over TCP for its life. */
export type ExchangeId = number;

export interface Endpoint {
  readonly address: Ip;
  readonly port: number;
}

export type GossipEvent =
  | { readonly kind: "start"; readonly self: Endpoint }
  | { readonly kind: "config"; readonly config: GossipConfig }
  /** What others are told of us. */
  | { readonly kind: "meta"; readonly meta: Uint8Array }
  /** Where speakers are said to run. Those that are no members are asked to let us in. */
  | { readonly kind: "join"; readonly addresses: readonly Ip[] }
  /** The members whose silence must be noticed at once: those whose addresses this node would take over. */
  | { readonly kind: "watch"; readonly nodes: readonly string[] }
  /** A datagram as it came. It is not kept. */
  | { readonly kind: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** The answer to an exchange that was asked for; null: there was none, and why. */
  | {
      readonly kind: "exchanged";
      readonly exchange: ExchangeId;
      readonly answer: StreamMessage | null;
      readonly reason: string;
    }
  /** Another member asks over TCP: answered by `answer`. */
  | { readonly kind: "asked"; readonly exchange: ExchangeId; readonly message: StreamMessage }
  /** Says that we go, so that others take over at once. */
  | { readonly kind: "leave" }
  /** A time asked for by `wake` has come. Early and late ones are harmless. */
  | { readonly kind: "time" };

export type GossipEffect =
  | { readonly kind: "send"; readonly to: Endpoint; readonly bytes: Uint8Array }
  /** Sends a message over TCP and waits for one answer. */
  | {
      readonly kind: "exchange";
      readonly exchange: ExchangeId;
      readonly to: Endpoint;
      readonly message: StreamMessage;
      /** Milliseconds. */
      readonly limit: number;
    }
  /** What an asker over TCP is told; null: nothing, and the connection is closed. */
  | { readonly kind: "answer"; readonly exchange: ExchangeId; readonly message: StreamMessage | null }
  /** Replaces the earlier wish; null: none. */
  | { readonly kind: "wake"; readonly at: Instant | null }
  | { readonly kind: "member"; readonly report: MemberReport }
  /** Others had taken us for silent, and do so no more: neighbours were told otherwise meanwhile. */
  | { readonly kind: "healed" }
  /** The first answer of another member came, or nobody is there to answer: elections may begin. */
  | { readonly kind: "joined"; readonly members: number }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn";
      readonly subject: string;
      readonly message: string;
    };

/**
 * `alive` and `suspect` take part in elections. `silent`: watched by this node, and nothing was heard
 * for 300 ms, neither by it nor by those it asked. `dead`: the others agree. `left`: it said so.
 */
export type MemberState = "alive" | "suspect" | "silent" | "dead" | "left";

/** Told whenever it changes. */
export interface MemberReport {
  readonly name: string;
  readonly address: Ip | null;
  readonly port: number;
  readonly state: MemberState;
  readonly since: Instant;
  /** How long nothing had been heard of it then; 0 unless it is silent. */
  readonly quiet: Duration;
  /** What the member says of itself; empty from MetalLB's own speakers. */
  readonly meta: Uint8Array;
}

/** Whether a member in this state takes part in elections. */
export const isEligible = (state: MemberState): boolean => state === "alive" || state === "suspect";
