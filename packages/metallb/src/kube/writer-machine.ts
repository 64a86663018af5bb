import { backoff, type Instant } from "#net";
import { DueQueue } from "./due-queue.ts";
import { Fifo } from "./fifo.ts";
import { WaitGraph } from "./wait-graph.ts";
import { type Entry, newEntry, type State } from "./writer-entry.ts";
import type { Intention, Stage, WriterEffect, WriterEvent, WriterSettings } from "./writer-events.ts";

/** Longer than a request that nobody waits for can be on its way. */
const LINGER = 15_000;

/**
 * Brings intentions into the API: the latest of each key wins, one write of a key is in flight, and at
 * most {@link WriterSettings.parallel} in all. A key that failed waits without holding a slot, so that
 * no object can delay another. Pure: the same events give the same effects; `random` (0 to 1) spreads
 * the pauses. An event costs O(1) and what it starts, plus O(log n) where a pause begins.
 */
export class WriterMachine<V> {
  private readonly settings: WriterSettings;
  private readonly random: () => number;
  private readonly entries = new Map<string, Entry<V>>();
  private readonly queue = new Fifo();
  private readonly pauses = new DueQueue();
  private readonly graph = new WaitGraph();
  private flying = 0;
  private failing = 0;
  private settled = 0;
  private phase: "running" | "draining" | "ended" = "running";
  private drainUntil: Instant = 0;
  private wakeAt: Instant | null = null;
  private aborted = false;
  private toldEnd = false;
  /** Keys with a write of which nobody knows whether it arrives yet, and since when. */
  private readonly doubts = new Map<string, Instant>();

  constructor(settings: WriterSettings, random: () => number) {
    this.settings = settings;
    this.random = random;
  }

  /** Keys whose intention is not confirmed. */
  get pending(): number {
    return this.entries.size - this.settled;
  }

  /** Nothing is in flight, and nothing will be before another intention comes. */
  get isIdle(): boolean {
    return this.flying === 0 && this.queue.size === 0 && this.pauses.next() === null;
  }

  get inFlight(): number {
    return this.flying;
  }

  /** Keys whose last try failed. */
  get failingKeys(): number {
    return this.failing;
  }

  /** Failures of the key in a row. */
  failuresOf(key: string): number {
    return this.entries.get(key)?.failures ?? 0;
  }

  /** What the API said last of the key, where that is kept: `retain`, and nothing else is intended. */
  confirmedValue(key: string): V | undefined {
    const entry = this.entries.get(key);
    return entry?.state === "settled" ? entry.value : undefined;
  }

  step(event: WriterEvent<V>, now: Instant): readonly WriterEffect<V>[] {
    const effects: WriterEffect<V>[] = [];
    switch (event.kind) {
      case "want":
        if (this.phase === "running") this.want(event.intentions, now);
        break;
      case "settle":
        this.settle(event.key);
        break;
      case "recheck": {
        const entry = this.entries.get(event.key);
        if (this.phase === "running" && entry?.state === "settled") this.enqueue(event.key, entry);
        else if (this.phase === "running" && entry?.flight) entry.generation++;
        break;
      }
      case "done":
      case "stale":
      case "failed":
        this.landed(event, now);
        break;
      case "time":
        this.wakeAt = null;
        break;
      case "drain":
        if (this.phase === "running") this.drain(event.until, now);
        break;
      case "stop":
        this.phase = "ended";
    }
    if (this.phase === "draining" && now >= this.drainUntil) this.phase = "ended";
    if (this.phase === "ended") this.end(now, effects);
    else this.start(now, effects);
    return effects;
  }

  private want(intentions: readonly Intention<V>[], now: Instant): void {
    for (const intention of intentions) this.intend(intention);
    for (const { key, after = [] } of intentions) {
      const entry = this.entries.get(key);
      if (!entry) continue;
      this.block(key, entry, after);
      if (entry.state === "flying") continue;
      // What failed may go well with a new intention: it is tried soon, but no sooner than the API allows.
      if (entry.state === "backoff")
        this.pause(key, entry, Math.max(entry.notBefore, Math.min(entry.due, now + this.settings.backoff.first)));
      else this.enqueue(key, entry);
    }
  }

  private intend({ key, value, release }: Intention<V>): void {
    const entry = this.entries.get(key);
    if (!entry) {
      this.entries.set(key, newEntry(value, release));
      return;
    }
    this.graph.free(key);
    entry.value = value;
    entry.release = release;
    entry.generation++;
    entry.released = false;
    entry.leaving = false;
    entry.departed = false;
    entry.circular = false;
  }

  private block(key: string, entry: Entry<V>, after: readonly string[]): void {
    for (const other of after) {
      const blocker = other === key ? undefined : this.entries.get(other);
      if (blocker && blocker.state !== "settled" && !blocker.released) this.graph.wait(key, other, blocker.generation);
    }
    if (!this.graph.isCircular(key)) return;
    if (entry.release !== undefined) entry.circular = true;
    // Nothing can be given up: whoever states such intentions must not wait for ever.
    else this.graph.free(key);
  }

  /** The key has confirmed the intention of that generation: who waits for it, or an older one, waits no more. */
  private confirmed(key: string, generation: number): void {
    for (const waiter of this.graph.confirm(key, generation)) {
      const entry = this.entries.get(waiter);
      if (entry?.state === "blocked") this.enqueue(waiter, entry);
    }
  }

  /** Into the queue, or among those that wait for others. */
  private enqueue(key: string, entry: Entry<V>): void {
    const waits = this.graph.isWaiting(key) && !(entry.circular && !entry.released);
    this.become(key, entry, waits ? "blocked" : "ready");
  }

  private pause(key: string, entry: Entry<V>, due: Instant): void {
    this.become(key, entry, "backoff");
    entry.due = due;
    this.pauses.set(key, due);
  }

  private become(key: string, entry: Entry<V>, state: State): void {
    if (entry.state === "settled") this.settled--;
    if (state === "settled") this.settled++;
    if (state === "ready") this.queue.add(key);
    else this.queue.delete(key);
    if (state !== "backoff") this.pauses.delete(key);
    entry.state = state;
  }

  private settle(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    if (entry.flight === null) return this.forget(key, entry);
    // A write of an older intention is under way: the latest is performed once more, to be sure that it stands.
    if (entry.flight.generation === entry.generation) entry.leaving = true;
    else entry.departed = true;
  }

  private forget(key: string, entry: Entry<V>): void {
    this.graph.free(key);
    this.succeed(entry);
    this.become(key, entry, "stale");
    this.entries.delete(key);
    this.confirmed(key, Number.POSITIVE_INFINITY);
  }

  private succeed(entry: Entry<V>): void {
    if (entry.failures > 0) this.failing--;
    entry.failures = 0;
  }

  private landed(event: Extract<WriterEvent<V>, { kind: "done" | "stale" | "failed" }>, now: Instant): void {
    const { key } = event;
    const entry = this.entries.get(key);
    const flight = entry?.flight;
    if (!entry || !flight) return;
    entry.flight = null;
    this.flying--;
    const latest = flight.generation === entry.generation;
    if (event.kind !== "failed") this.doubts.delete(key);
    else if (event.doubtful) this.doubt(key, now);
    if (entry.leaving) return this.forget(key, entry);
    if (event.kind === "failed") {
      if (entry.failures++ === 0) this.failing++;
      const delay = backoff(this.settings.backoff, entry.failures, this.random());
      entry.notBefore = now + (event.retryAfter ?? 0);
      if (this.phase !== "running") return this.become(key, entry, "stale");
      return this.pause(key, entry, Math.max(now + delay, entry.notBefore));
    }
    this.succeed(entry);
    if (event.kind === "stale") {
      if (!latest) this.enqueue(key, entry);
      else if (entry.departed) this.forget(key, entry);
      else this.become(key, entry, "stale");
      return;
    }
    if (flight.stage === "release") {
      if (latest) entry.released = true;
      this.confirmed(key, flight.generation);
      return this.enqueue(key, entry);
    }
    this.confirmed(key, flight.generation);
    if (!latest) this.enqueue(key, entry);
    else if (this.settings.retain) this.become(key, entry, "settled");
    else this.forget(key, entry);
  }

  private doubt(key: string, now: Instant): void {
    for (const [other, since] of this.doubts) if (now - since > LINGER) this.doubts.delete(other);
    this.doubts.set(key, now);
  }

  private isClean(now: Instant): boolean {
    return !this.aborted && [...this.doubts.values()].every((since) => now - since > LINGER);
  }

  private drain(until: Instant, now: Instant): void {
    this.phase = "draining";
    this.drainUntil = until;
    for (const [key, entry] of this.entries)
      if (entry.state === "backoff") {
        if (entry.notBefore <= now) this.enqueue(key, entry);
        else this.become(key, entry, "stale");
      }
  }

  private start(now: Instant, effects: WriterEffect<V>[]): void {
    for (let key = this.pauses.take(now); key !== null; key = this.pauses.take(now)) {
      const entry = this.entries.get(key);
      if (entry?.state === "backoff") this.enqueue(key, entry);
    }
    while (this.flying < this.settings.parallel) {
      const key = this.queue.take();
      if (key === null) break;
      const entry = this.entries.get(key);
      if (!entry) continue;
      const stage: Stage = this.graph.isWaiting(key) ? "release" : "whole";
      const value = stage === "release" ? (entry.release as V) : entry.value;
      this.become(key, entry, "flying");
      entry.flight = { generation: entry.generation, stage };
      this.flying++;
      effects.push({ kind: "perform", key, value, stage });
    }
    if (this.phase === "draining" && this.flying === 0) {
      this.phase = "ended";
      return this.end(now, effects);
    }
    const next = this.phase === "draining" ? this.drainUntil : this.pauses.next();
    if (next !== this.wakeAt) effects.push(this.wake(next));
  }

  private wake(at: Instant | null): WriterEffect<V> {
    this.wakeAt = at;
    return { kind: "wake", at };
  }

  private end(now: Instant, effects: WriterEffect<V>[]): void {
    if (this.toldEnd) return;
    if (this.queue.size > 0 || this.wakeAt !== null || this.flying > 0) {
      for (const [key, entry] of this.entries) if (entry.flight === null) this.become(key, entry, "stale");
      if (this.wakeAt !== null) effects.push(this.wake(null));
    }
    if (this.flying > 0) {
      if (!this.aborted) effects.push({ kind: "abort" });
      this.aborted = true;
      return;
    }
    this.toldEnd = true;
    effects.push({ kind: "ended", clean: this.isClean(now) });
  }
}
