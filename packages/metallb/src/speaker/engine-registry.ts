import type { BfdCounters, BfdEffect, BfdEvent, BfdReport } from "#bfd";
import type { BgpEffect, BgpEvent, PeerSettings, RecordedEvent, TableChange } from "#bgp";
import type { GossipEffect, GossipEvent } from "#gossip";
import type { NeighborEffect, NeighborEvent } from "#neighbor";
import type { Instant, Ip, Timestamp } from "#net";
import type { Dated, DatedCounters, DatedSession } from "./dated.ts";
import type { GossipDifference, GossipReport } from "./gossip-messages.ts";
import type { NeighborDifference, NeighborReport } from "./neighbor-messages.ts";

/**
 * The engines that live in the engines' thread, each with what it is sent, what happens to it, what it
 * asks for and what it tells. A further engine is a line here and an entry in `engines.ts`.
 */
export interface EngineTypes {
  readonly bgp: {
    readonly difference: BgpDifference;
    readonly event: BgpEvent;
    readonly effect: BgpEffect;
    readonly report: BgpReport;
  };
  readonly bfd: {
    readonly difference: BfdDifference;
    readonly event: BfdEvent;
    readonly effect: BfdEffect;
    readonly report: BfdTold;
  };
  readonly neighbor: {
    readonly difference: NeighborDifference;
    readonly event: NeighborEvent;
    readonly effect: NeighborEffect;
    readonly report: NeighborReport;
  };
  readonly gossip: {
    readonly difference: GossipDifference;
    readonly event: GossipEvent;
    readonly effect: GossipEffect;
    readonly report: GossipReport;
  };
}

export type EngineName = keyof EngineTypes;

/** A part of the way from one plan to the next, small enough that no other engine waits for it. */
export interface BgpDifference {
  readonly routes: readonly TableChange[];
  readonly peersSet: readonly PeerSettings[];
  readonly peersRemoved: readonly string[];
  /** Why, where the peers' operators are to be told. */
  readonly farewell?: string;
  /** From now on routers are asked to take other ways (RFC 8326), or not any more. Before all else. */
  readonly drain?: boolean;
  /** BGP Identifier where neither settings nor the session's own address give one. */
  readonly fallbackRouterId: Ip;
}

export type BgpReport =
  | { readonly kind: "session"; readonly session: DatedSession }
  | { readonly kind: "counters"; readonly counters: readonly DatedCounters[] };

/** Nothing: the BGP entry passes on which paths its peers want watched. */
export type BfdDifference = Record<string, never>;

export type BfdTold =
  | { readonly kind: "session"; readonly session: Dated<BfdReport> }
  | { readonly kind: "removed"; readonly session: string }
  | { readonly kind: "counters"; readonly counters: readonly BfdCounters[] };

/** What becomes of the routes at the end: `keep` is for a process that comes back, where the peers know how. */
export type Leaving = "withdraw" | "keep";

export type EngineLogLevel = "debug" | "info" | "warn" | "error";

/** What the host gives to an engine's entry: its place in the thread. */
export interface Seat<Event, Report> {
  /** Feeds back what came of an effect. Not from within `step`; from within `perform` it nests. */
  step(event: Event): void;
  /** The engine wants `wake` at this time; replaces the earlier wish. Null: never. */
  wakeAt(at: Instant | null): void;
  /** An instant of the engines' clock, as others are told of it. */
  wallClock(at: Instant): Timestamp;
  random(): number;
  /** Tells the main thread; what is not yet under way is replaced by a later report about the same. */
  report(about: string, report: Report): void;
  log(level: EngineLogLevel, subject: string, message: string): void;
  /** Tells another engine: "the path to the peer is down", from BFD to BGP. Nothing where it is not hosted. */
  pass<Other extends EngineName>(engine: Other, event: EngineTypes[Other]["event"]): void;
}

/** A protocol engine between its pure machine and the host. */
export interface Engine<Difference, Event, Effect> {
  /** What a part of a difference means for the machine, in order. */
  events(difference: Difference): Iterable<Event>;
  step(event: Event, now: Instant): readonly Effect[];
  /** Does what the machine asks for; what comes of it goes to `seat.step`, later. Never throws. */
  perform(effect: Effect, now: Instant): void;
  /** The event that says: a time that you asked for has come. */
  readonly wake: Event;
  /** Reports counters; called within a second after something moved, and not more often. */
  standing?(now: Instant): void;
  /** Its last events, without secrets. */
  recent?(): readonly RecordedEvent[];
  /** The event that ends it with a goodbye to everybody. */
  farewell?(text: string, routes: Leaving): Event;
  /** Resolves when what was sent, the goodbyes too, has left the process. */
  flushed?(): Promise<unknown>;
  /** Lets go of everything that would keep the thread alive. Called once, at the end. */
  dispose?(): void;
}

/** An engine's line in the registry. */
export interface EngineEntry<Difference = unknown, Event = unknown, Effect = unknown, Report = unknown> {
  readonly name: EngineName;
  create(seat: Seat<Event, Report>): Engine<Difference, Event, Effect>;
}

/** The entry of one engine by its name, fully typed. */
export type EntryOf<Name extends EngineName> = EngineEntry<
  EngineTypes[Name]["difference"],
  EngineTypes[Name]["event"],
  EngineTypes[Name]["effect"],
  EngineTypes[Name]["report"]
>;
