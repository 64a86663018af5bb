import type { AddressCounters, AddressReport, DropCounters, NeighborEvent } from "#neighbor";
import type { Instant } from "#net";
import type { HostLink } from "#sys";
import type { Dated } from "./dated.ts";

/** What the main thread asks of the neighbour engine. */
export interface NeighborDifference {
  readonly events: readonly Extract<NeighborEvent, { kind: "announce" | "withdraw" | "announce-again" | "options" }>[];
  /** A regular expression of the interfaces to leave alone; null: none. Not there: as before. */
  readonly exclude?: string | null;
  /** Until when what is fenced may be answered for, by `machineClock`. */
  readonly fencedUntil?: Instant;
}

export type NeighborReport =
  | { readonly kind: "address"; readonly address: Dated<AddressReport> }
  | { readonly kind: "counters"; readonly counters: AddressCounters }
  | { readonly kind: "drops"; readonly drops: DropCounters }
  /** All interfaces of this host, excluded ones too, whenever they differ. */
  | { readonly kind: "links"; readonly links: readonly HostLink[] }
  /** The machine does not let us: layer 2 does nothing here. */
  | { readonly kind: "unavailable"; readonly reason: string };
