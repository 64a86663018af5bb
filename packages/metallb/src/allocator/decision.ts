import type { EventReason } from "#api";
import type { Ip } from "#net";
import type { Refusal } from "./reasons.ts";

/** What is true of one Service now. */
export type Outcome =
  /** `lacking` tells why a dual-stack Service has only one address, or why its request is not fulfilled. */
  | { readonly kind: "allocated"; readonly pool: string; readonly ips: readonly Ip[]; readonly lacking: Refusal | null }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** An IPAM outside is asked and has not answered yet. */
  | { readonly kind: "pending"; readonly refusal: Refusal }
  /** No LoadBalancer of ours, or gone. */
  | { readonly kind: "released" };

/** An event for the Service, told once when the outcome changes; reasons are upstream's. */
export interface Note {
  readonly type: "Normal" | "Warning";
  readonly reason: EventReason;
  readonly message: string;
}

/** What the Service's status and annotation should say; no addresses and no pool: cleared. */
export interface Desired {
  readonly ips: readonly Ip[];
  readonly pool: string | null;
}

export interface Decision {
  /** `namespace/name`. */
  readonly key: string;
  readonly outcome: Outcome;
  /** Null: the object is to be left alone. */
  readonly desired: Desired | null;
  readonly notes: readonly Note[];
}
