import { Worker } from "node:worker_threads";
import type { PeerCounters, SessionReport } from "#bgp";
import type { Ip } from "#net";
import type { PlanDifference } from "#planner";
import type { FromEngines, Telling, ToEngines } from "./thread-protocol.ts";

export interface EngineListener {
  /** Everything up to this number is with the engines. */
  applied(sequence: number): void;
  session(report: SessionReport): void;
  log(level: "debug" | "info" | "warn" | "error", peer: string, message: string): void;
  /** The thread ended without being asked: the process cannot go on. */
  died(reason: string): void;
}

/** Differences that may be under way; while there are as many, the planner waits and changes gather. */
const MAX_UNACKNOWLEDGED = 8;
/** How long the thread may take to say goodbye, milliseconds. */
const STOP_LIMIT = 1_500;

/** The main thread's side of the engines. */
/** The worker lies beside this file, as source or compiled; a bundle is its own worker. */
const WORKER = /\/engine-thread\.[jt]s$/.test(import.meta.url)
  ? new URL(import.meta.url.replace(/engine-thread(\.[jt]s)$/, "engine-worker$1"))
  : new URL(import.meta.url);

export class EngineThread {
  readonly #worker: Worker;
  readonly #listener: EngineListener;
  readonly #fallbackRouterId: Ip;
  readonly #stopped = Promise.withResolvers<void>();
  #sent = 0;
  #applied = 0;
  #stopping = false;
  /** Those that were set and not removed since: what the engines still say of others is past. */
  readonly #peers = new Set<string>();
  /** The latest of each peer. */
  readonly reports = new Map<string, SessionReport>();
  counters: readonly PeerCounters[] = [];

  constructor(listener: EngineListener, fallbackRouterId: Ip) {
    this.#listener = listener;
    this.#fallbackRouterId = fallbackRouterId;
    this.#worker = new Worker(WORKER, {
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    this.#worker.on("message", (message: FromEngines) => this.#receive(message));
    this.#worker.on("error", (error) =>
      this.#ended(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.#worker.on("exit", (code) => this.#ended(`exit code ${code}`));
  }

  get sequence(): { readonly sent: number; readonly applied: number } {
    return { sent: this.#sent, applied: this.#applied };
  }

  /** Whether one more difference may go out now. */
  get hasRoom(): boolean {
    return this.#sent - this.#applied < MAX_UNACKNOWLEDGED;
  }

  apply({ routes, peersSet, peersRemoved, routesAfter }: PlanDifference): void {
    if (routes.length + peersSet.length + peersRemoved.length + routesAfter.length === 0) return;
    for (const { name } of peersSet) this.#peers.add(name);
    for (const peer of peersRemoved) {
      this.#peers.delete(peer);
      this.reports.delete(peer);
    }
    this.#post({
      kind: "apply",
      sequence: ++this.#sent,
      routes,
      peersSet,
      peersRemoved,
      routesAfter,
      fallbackRouterId: this.#fallbackRouterId,
    });
  }

  /** Says goodbye to every peer and resolves when it is said, or when that takes too long. */
  async stop(text: string): Promise<void> {
    this.#stopping = true;
    this.#post({ kind: "shutdown", text });
    const limit = setTimeout(() => this.#stopped.resolve(), STOP_LIMIT);
    await this.#stopped.promise;
    clearTimeout(limit);
  }

  #post(message: ToEngines): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromEngines): void {
    if (message.kind === "stopped") return this.#stopped.resolve();
    for (const telling of message.tellings) this.#take(telling);
    this.#post({ kind: "heard" });
  }

  #take(telling: Telling): void {
    switch (telling.kind) {
      case "applied":
        this.#applied = telling.sequence;
        return this.#listener.applied(telling.sequence);
      case "session":
        if (!this.#peers.has(telling.report.peer)) return;
        this.reports.set(telling.report.peer, telling.report);
        return this.#listener.session(telling.report);
      case "counters":
        this.counters = telling.counters;
        return;
      case "log":
        return this.#listener.log(telling.level, telling.peer, telling.message);
    }
  }

  #ended(reason: string): void {
    this.#stopped.resolve();
    if (!this.#stopping) this.#listener.died(reason);
  }
}
