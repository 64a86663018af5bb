import type { Endpoint, GossipConfig, GossipEvent, MemberReport } from "#gossip";
import type { Dated } from "./dated.ts";

/** What the main thread asks of the gossip engine. */
export interface GossipDifference {
  /** Once, before anything else. */
  readonly start?: GossipStart;
  readonly events: readonly Extract<GossipEvent, { kind: "join" | "watch" | "meta" | "config" }>[];
}

export interface GossipStart {
  /** Name of this node. */
  readonly name: string;
  readonly at: Endpoint;
  /** Of 32 octets; null: clear text. */
  readonly key: Uint8Array | null;
  readonly config: GossipConfig;
  readonly meta: Uint8Array;
}

export type GossipReport =
  | { readonly kind: "member"; readonly member: Dated<MemberReport> }
  /** Elections may begin: another member was found, or none answered. */
  | { readonly kind: "joined"; readonly members: number }
  /** Others had taken this node for silent, and do so no more. */
  | { readonly kind: "healed" }
  /** The port cannot be had: this speaker does not know the others. */
  | { readonly kind: "unavailable"; readonly reason: string };
