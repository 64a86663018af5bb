import type { RecordedEvent } from "#bgp";
import type { EngineLogLevel, EngineName, EngineTypes, Leaving } from "./engine-registry.ts";

/** One part of a difference on its way to its engine. */
export type EnginePart = {
  readonly [Name in EngineName]: {
    readonly kind: "apply";
    /** Counts up by one from 1, over all engines. */
    readonly sequence: number;
    readonly engine: Name;
    readonly difference: EngineTypes[Name]["difference"];
  };
}[EngineName];

/** What passes from the main thread to the engines' thread. */
export type ToEngines =
  | EnginePart
  /** The answer to each `news`: the next may come. */
  | { readonly kind: "heard" }
  /** Asks for the last events; the answer is a `dump` of the same number. */
  | { readonly kind: "dump"; readonly id: number }
  | { readonly kind: "shutdown"; readonly text: string; readonly routes: Leaving };

/** What passes from the engines' thread to the main thread. */
export type FromEngines =
  /** In the order in which they are to be taken; never a second one before `heard`. */
  | { readonly kind: "news"; readonly tellings: readonly Telling[] }
  | { readonly kind: "dump"; readonly id: number; readonly events: readonly RecordedEvent[] }
  /** The answer to `shutdown`: every goodbye is said. */
  | { readonly kind: "stopped" };

export type EngineReport = {
  readonly [Name in EngineName]: {
    readonly kind: "report";
    readonly engine: Name;
    /** A later report about the same takes the place of an earlier one that is still waiting. */
    readonly about: string;
    readonly report: EngineTypes[Name]["report"];
  };
}[EngineName];

/** One thing that the engines tell. */
export type Telling =
  /** Everything up to this number has been handed to the engines, and what they sent to the sockets. */
  | { readonly kind: "applied"; readonly sequence: number }
  | EngineReport
  | {
      readonly kind: "log";
      readonly engine: EngineName | "";
      readonly level: EngineLogLevel;
      /** The peer, the interface or the address that the line is about. */
      readonly subject: string;
      readonly message: string;
    };
