import type { Backoff, Duration, Instant } from "#net";

/**
 * What the API is to say of the key; the machine never looks into `value`. It is performed only after
 * what the keys in `after` intend now (or later) has been confirmed. `release` is what may be written
 * instead where intentions wait for each other in a circle: it gives up what the others wait for.
 */
export interface Intention<V> {
  readonly key: string;
  readonly value: V;
  readonly after?: readonly string[];
  readonly release?: V;
}

/** What the shell tells the machine. */
export type WriterEvent<V> =
  /** Each takes the place of any other of its key. What was decided together is wanted together: `after` may name any of them. */
  | { readonly kind: "want"; readonly intentions: readonly Intention<V>[] }
  /** Nothing is to be written for the key: the API says what it should, or the object is gone. */
  | { readonly kind: "settle"; readonly key: string }
  /** The API says something else than what was confirmed (somebody wrote or deleted the object): write it again. */
  | { readonly kind: "recheck"; readonly key: string }
  /** The write under way is confirmed, or there was nothing to write. */
  | { readonly kind: "done"; readonly key: string }
  /** It was not written since the world is newer than the intention: a newer intention will come. */
  | { readonly kind: "stale"; readonly key: string }
  /** `retryAfter`: milliseconds that the API asks to wait. `doubtful`: it may have been written, or may be yet. */
  | { readonly kind: "failed"; readonly key: string; readonly retryAfter: Duration | null; readonly doubtful?: boolean }
  | { readonly kind: "time" }
  /** The lead will be handed over: what is to be written gets its last try until then. Nothing new is taken. */
  | { readonly kind: "drain"; readonly until: Instant }
  /** The lead is lost, or the process ends: nothing may be written any more. */
  | { readonly kind: "stop" };

/** What the machine asks of the shell. */
export type WriterEffect<V> =
  | { readonly kind: "perform"; readonly key: string; readonly value: V; readonly stage: Stage }
  /** Ends all writes under way. Each is still answered by an event. */
  | { readonly kind: "abort" }
  | { readonly kind: "wake"; readonly at: Instant | null }
  /** After `drain` or `stop`: nothing is in flight, and nothing will be. `clean`: nor can what was sent arrive yet. */
  | { readonly kind: "ended"; readonly clean: boolean };

/** `release` gives up what others wait for; `whole` is the intention. */
export type Stage = "whole" | "release";

export interface WriterSettings {
  /** Writes in flight at once. */
  readonly parallel: number;
  readonly backoff: Backoff;
  /** Keeps what was confirmed, so that `recheck` can write it again; else the key is forgotten then. */
  readonly retain: boolean;
}
