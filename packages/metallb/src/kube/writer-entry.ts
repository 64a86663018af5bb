import type { Instant } from "#net";
import type { Stage } from "./writer-events.ts";

/** ready: in the queue. blocked: waits for other keys. stale: waits for a newer intention. settled: confirmed and kept. */
export type State = "ready" | "flying" | "backoff" | "blocked" | "stale" | "settled";

/** What the writer knows of a key. */
export interface Entry<V> {
  value: V;
  release: V | undefined;
  /** Counts the intentions for the key. */
  generation: number;
  state: State;
  /** What the write under way was started for. */
  flight: { readonly generation: number; readonly stage: Stage } | null;
  /** Failures in a row. */
  failures: number;
  due: Instant;
  /** The API asked not to be asked before. */
  notBefore: Instant;
  /** Waits in a circle, and gives up first what others wait for. */
  circular: boolean;
  /** What others wait for has been given up, for this intention. */
  released: boolean;
  /** To be forgotten when its flight ends. */
  leaving: boolean;
  /** No newer intention will come: to be forgotten when the latest turns out to be out of date. */
  departed: boolean;
}

export const newEntry = <V>(value: V, release: V | undefined): Entry<V> => ({
  value,
  release,
  generation: 0,
  state: "stale",
  flight: null,
  failures: 0,
  due: 0,
  notBefore: 0,
  circular: false,
  released: false,
  leaving: false,
  departed: false,
});
