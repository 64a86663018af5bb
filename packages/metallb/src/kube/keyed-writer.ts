import type { Duration, Seconds } from "#net";
import { ApiError } from "./api-error.ts";
import type { Intention, Stage, WriterEffect, WriterEvent } from "./writer-events.ts";
import { WriterMachine } from "./writer-machine.ts";

/**
 * What became of a try. `done`: the API confirmed it, or said so already. `stale`: not written, since
 * the world is newer than the intention, and the watch will bring a newer one.
 */
export type WriteOutcome = "done" | "stale";

export interface WriteContext {
  /** Aborts when nothing may be written any more. Hand it to every request. */
  readonly signal: AbortSignal;
  readonly stage: Stage;
}

export interface KeyedWriterOptions<V> {
  /**
   * Brings the value into the API. It reads what it has to compare with, writes nothing where nothing
   * differs, makes anew what is missing, and rejects on failure; an {@link ApiError} may say when to come back.
   */
  readonly perform: (key: string, value: V, context: WriteContext) => Promise<WriteOutcome>;
  /** Asked right before each try: a process that slept through its Lease must not write. */
  readonly mayWrite?: () => boolean;
  /** Writes in flight at once; 16 unless told. */
  readonly parallel?: number;
  /** Keeps what was confirmed, so that `recheck` writes it again and the same is not written twice. */
  readonly retain?: { readonly same: (a: V, b: V) => boolean };
  /** Of a failed try; `failures` in a row of that key. */
  readonly onFailure?: (key: string, error: unknown, failures: number) => void;
  /** No key fails any more. */
  readonly onRecovered?: () => void;
  readonly backoff?: { readonly first: Duration; readonly max: Duration };
  readonly random?: () => number;
}

/** Hears of each try, for metrics. Times in seconds. */
export interface WriterObserver {
  /** How long the key waited for its first try since it was wanted. */
  waited(seconds: Seconds): void;
  /** How long the try took, and what became of it. */
  tried(seconds: Seconds, outcome: WriteOutcome | "failed"): void;
}

/** For metrics: counted since the start. */
export interface WriterStats {
  /** Intentions taken. */
  adds: number;
  /** Tries that were begun. */
  tries: number;
  failures: number;
  /** Seconds that tries took, all together. */
  seconds: Seconds;
}

const PARALLEL = 16;
const BACKOFF = { first: 200, max: 30_000 };

/** The shell of the {@link WriterMachine}: performs its effects, and feeds back what became of them. */
export class KeyedWriter<V> {
  readonly stats: WriterStats = { adds: 0, tries: 0, failures: 0, seconds: 0 };
  observer: WriterObserver | null = null;
  private readonly options: KeyedWriterOptions<V>;
  private readonly machine: WriterMachine<V>;
  private readonly abort = new AbortController();
  private readonly since = new Map<string, number>();
  private readonly ended = Promise.withResolvers<boolean>();
  private readonly wantedAt = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;
  private idlers: (() => void)[] = [];

  constructor(options: KeyedWriterOptions<V>) {
    this.options = options;
    const { parallel = PARALLEL, backoff = BACKOFF, retain, random = Math.random } = options;
    this.machine = new WriterMachine<V>({ parallel, backoff, retain: retain !== undefined }, random);
  }

  /** The latest intention for a key. */
  want(key: string, value: V): void {
    this.wantAll([{ key, value }]);
  }

  /** What was decided together, so that each may wait for any other: see {@link Intention}. */
  wantAll(intentions: readonly Intention<V>[]): void {
    const news = intentions.filter(({ key, value }) => {
      const confirmed = this.machine.confirmedValue(key);
      return confirmed === undefined || !this.options.retain?.same(confirmed, value);
    });
    if (news.length === 0) return;
    this.stats.adds += news.length;
    if (this.observer)
      for (const { key } of news) if (!this.wantedAt.has(key)) this.wantedAt.set(key, performance.now());
    this.step({ kind: "want", intentions: news });
  }

  /** Nothing is to be written for the key: the API says what it should, or the object is gone for good. */
  settle(key: string): void {
    this.wantedAt.delete(key);
    this.step({ kind: "settle", key });
  }

  /** The object was changed or deleted by somebody: what was confirmed is compared, and written, again. */
  recheck(key: string): void {
    this.step({ kind: "recheck", key });
  }

  /**
   * Before the lead is handed over: what is pending gets its last try, and after `milliseconds` at
   * most nothing is in flight and nothing will be. Later intentions are not taken. Resolves with whether
   * every write was answered: else one may arrive yet, and the lead must not be given away at once.
   */
  drain(milliseconds: Duration): Promise<boolean> {
    this.step({ kind: "drain", until: performance.now() + milliseconds });
    return this.ended.promise;
  }

  /** The lead is lost: whatever is in flight is ended, and nothing follows. Resolves when nothing is in flight. */
  async stop(): Promise<void> {
    this.step({ kind: "stop" });
    await this.ended.promise;
  }

  /** Resolves when every intention is confirmed, or waits for a newer one. */
  idle(): Promise<void> {
    if (this.machine.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idlers.push(resolve));
  }

  /** Keys whose intention is not confirmed, those of them in flight, and those whose last try failed. */
  get depth(): { readonly pending: number; readonly inFlight: number; readonly failing: number } {
    const { pending, inFlight, failingKeys } = this.machine;
    return { pending, inFlight, failing: failingKeys };
  }

  /** Seconds since the oldest write in flight began, and of all in flight together. */
  running(): { readonly longest: number; readonly sum: number } {
    const now = performance.now();
    let [longest, sum] = [0, 0];
    for (const began of this.since.values()) {
      longest = Math.max(longest, (now - began) / 1000);
      sum += (now - began) / 1000;
    }
    return { longest, sum };
  }

  private step(event: WriterEvent<V>): void {
    const failed = this.machine.failingKeys > 0;
    for (const effect of this.machine.step(event, performance.now())) this.carryOut(effect);
    if (failed && this.machine.failingKeys === 0) this.options.onRecovered?.();
    if (this.machine.isIdle) for (const resolve of this.idlers.splice(0)) resolve();
  }

  private carryOut(effect: WriterEffect<V>): void {
    switch (effect.kind) {
      case "perform":
        void this.perform(effect.key, effect.value, effect.stage);
        return;
      case "abort":
        this.abort.abort();
        return;
      case "wake":
        if (this.timer) clearTimeout(this.timer);
        this.timer =
          effect.at === null
            ? null
            : setTimeout(() => this.step({ kind: "time" }), Math.max(0, effect.at - performance.now()) + 1);
        return;
      case "ended":
        this.ended.resolve(effect.clean);
    }
  }

  private async perform(key: string, value: V, stage: Stage): Promise<void> {
    const { perform, mayWrite, onFailure } = this.options;
    const { signal } = this.abort;
    const began = performance.now();
    this.since.set(key, began);
    const wanted = this.wantedAt.get(key);
    if (wanted !== undefined) this.observer?.waited((began - wanted) / 1000);
    this.wantedAt.delete(key);
    this.stats.tries++;
    let event: WriterEvent<V>;
    let failure: { readonly error: unknown } | null = null;
    try {
      // A turn later: `step` must have ended before its next event comes.
      await Promise.resolve();
      if (mayWrite?.() === false) throw new ApiError(0, "NotLeading", "the lease is not held");
      event = { kind: await perform(key, value, { signal, stage }), key };
    } catch (error) {
      event = { kind: "failed", key, ...failureOf(error) };
      failure = { error };
    }
    this.since.delete(key);
    const seconds = (performance.now() - began) / 1000;
    this.stats.seconds += seconds;
    this.observer?.tried(seconds, event.kind === "done" || event.kind === "stale" ? event.kind : "failed");
    this.step(event);
    if (failure === null || signal.aborted) return;
    this.stats.failures++;
    onFailure?.(key, failure.error, this.machine.failuresOf(key));
  }
}

/** What was refused was not written; without an answer, or with a broken one, nobody knows. */
function failureOf(error: unknown): { readonly retryAfter: Duration | null; readonly doubtful: boolean } {
  if (!(error instanceof ApiError)) return { retryAfter: null, doubtful: false };
  const { status, reason, retryAfter } = error;
  return { retryAfter, doubtful: reason !== "NotLeading" && (status === 0 || status >= 500) };
}
