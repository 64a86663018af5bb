import type { Instant, Ip, Mac } from "#net";

export type { Instant } from "#net";

/** The kernel's number of an interface: it stays when the interface is renamed. */
export type LinkIndex = number;

export interface LinkSettings {
  readonly index: LinkIndex;
  readonly name: string;
  readonly mac: Mac;
  /** Up, with a carrier, and not excluded. */
  readonly usable: boolean;
  /** It has broadcast: ARP is answered on it. */
  readonly arp: boolean;
  /** Its IPv6 link-local address; null: IPv6 does not run there, and NDP is not answered. */
  readonly linkLocal: Ip | null;
}

/** How an address is taken: at once, as on a failover, or after a probe, as when it is used for the first time. */
export type Claim = "at-once" | "probe-first";

/** How an address is given up: at once, or answered for until another station claims it or two seconds are over. */
export type Release = "at-once" | "when-taken-over";

/** What to do about a foreign host that has an address: tell, or tell and answer it with our own claim. */
export type OnConflict = "report" | "defend";

export type NeighborEvent =
  | { readonly kind: "link-set"; readonly link: LinkSettings }
  | { readonly kind: "link-removed"; readonly index: LinkIndex }
  /** `holder` is one of those for whom the address is announced, such as a Service: it is kept until the last withdraws. */
  | {
      readonly kind: "announce";
      readonly holder: string;
      readonly address: Ip;
      /** Names; null: all. The union over the holders counts. */
      readonly interfaces: readonly string[] | null;
      readonly claim: Claim;
      /** It is answered for only while the fence is open; absent: it is not fenced. */
      readonly fenced?: boolean;
    }
  /** What is fenced may be answered for until then. Before the first such event it is silent. */
  | { readonly kind: "fence"; readonly until: Instant }
  | { readonly kind: "withdraw"; readonly holder: string; readonly address: Ip; readonly release: Release }
  /** A frame as it came, Ethernet header included. It is not kept. */
  | { readonly kind: "received"; readonly link: LinkIndex; readonly frame: Uint8Array }
  /** Neighbours may have been told something else meanwhile: a partition is healed, an operator asks. */
  | { readonly kind: "announce-again"; readonly address: Ip | null }
  | { readonly kind: "options"; readonly options: NeighborOptions }
  /** Gives every address up: answered for until another station claims it, or two seconds are over. */
  | { readonly kind: "shutdown" }
  /** A time asked for by `wake` has come. Early and late ones are harmless. */
  | { readonly kind: "time" };

export interface NeighborOptions {
  /** Gratuitous packets every so many milliseconds for as long as an address is announced; null: none. */
  readonly repeatEvery: number | null;
  readonly onConflict: OnConflict;
  /** Stations of the same cluster: what they claim is a change of the owner, not a conflict. */
  readonly fellows: readonly Mac[];
}

export type NeighborEffect =
  /** The array is the shell's own: it is not used again. */
  | { readonly kind: "send"; readonly link: LinkIndex; readonly frame: Uint8Array }
  /** Solicited-node groups to join or to leave on an interface. */
  | { readonly kind: "groups"; readonly link: LinkIndex; readonly join: readonly Ip[]; readonly leave: readonly Ip[] }
  /** Replaces the earlier wish; null: none. */
  | { readonly kind: "wake"; readonly at: Instant | null }
  | { readonly kind: "address"; readonly report: AddressReport };

/**
 * `probing`: asked for on the LAN, not yet answered for. `conflict`: another host has it; asked for
 * again every half minute. `announced`. `yielding`: withdrawn, answered for until the next owner speaks.
 */
export type AddressState = "probing" | "conflict" | "announced" | "yielding" | "withdrawn";

/** Told whenever it changes. */
export interface AddressReport {
  readonly address: Ip;
  readonly state: AddressState;
  readonly since: Instant;
  /** The foreign host that has it or claims it; null: none was heard of, or not for a minute. */
  readonly foreign: ForeignClaim | null;
}

export interface ForeignClaim {
  readonly mac: Mac;
  /** Name of the interface. */
  readonly interface: string;
}

/** Since the address was first announced. */
export interface AddressCounters {
  readonly address: Ip;
  readonly requestsReceived: number;
  readonly responsesSent: number;
  readonly gratuitousSent: number;
}

/** What was not answered, and why. */
export interface DropCounters {
  readonly malformed: number;
  readonly notAnnounced: number;
  readonly overRate: number;
}

/** ARP and NDP for addresses that are on no interface, without sockets and without a clock. */
export interface NeighborEngine {
  /** Takes one event at a time that never goes back; gives what is to be done, in order. */
  step(event: NeighborEvent, now: Instant): readonly NeighborEffect[];
  reports(): readonly AddressReport[];
  /** Of all addresses, or of those alone that differ since they were last asked for. */
  counters(which: "all" | "moved"): readonly AddressCounters[];
  drops(): DropCounters;
}
