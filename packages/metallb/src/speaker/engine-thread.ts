import { Worker } from "node:worker_threads";
import { Dumps } from "./dump.ts";
import type { EngineLogLevel, EngineName, EngineTypes, Leaving } from "./engine-registry.ts";
import { PartQueue } from "./part-queue.ts";
import type { EngineReport, FromEngines, Telling, ToEngines } from "./thread-protocol.ts";

export interface EngineListener {
  /** The engines took something: there may be room for more. */
  applied(): void;
  report(report: EngineReport): void;
  log(level: EngineLogLevel, engine: EngineName | "", subject: string, message: string): void;
  /** The thread ended without being asked: the process cannot go on. */
  died(reason: string): void;
}

/** How long the thread may take to say goodbye, milliseconds. */
const STOP_LIMIT = 1_500;

/** The worker lies beside this file, as source or compiled; beside a bundle it is one of its own, so that it holds no more than it runs. */
const WORKER = /\/engine-thread\.[jt]s$/.test(import.meta.url)
  ? new URL(import.meta.url.replace(/engine-thread(\.[jt]s)$/, "engine-worker$1"))
  : new URL("./speaker-engines.mjs", import.meta.url);

/** The main thread's side of the engines. */
export class EngineThread {
  private readonly worker: Worker;
  private readonly listener: EngineListener;
  private readonly stopped = Promise.withResolvers<void>();
  private readonly parts = new PartQueue((part) => this.post(part));
  private readonly dumps = new Dumps((id) => this.post({ kind: "dump", id }));
  private stopping = false;

  constructor(listener: EngineListener) {
    this.listener = listener;
    this.worker = new Worker(WORKER, {
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    this.worker.on("message", (message: FromEngines) => this.receive(message));
    this.worker.on("error", (error) =>
      this.ended(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.worker.on("exit", (code) => this.ended(`exit code ${code}`));
  }

  get sequence(): { readonly sent: number; readonly applied: number } {
    return this.parts.sequence;
  }

  /** Whether everything is on its way: as long as parts wait here, the planner waits too and changes gather. */
  get hasRoom(): boolean {
    return this.parts.isEmpty;
  }

  /** Sends a difference in parts, lazily; `applied` is called once the engine has taken the last one. */
  send<Name extends EngineName>(
    engine: Name,
    parts: Iterable<EngineTypes[Name]["difference"]>,
    applied: () => void = () => {},
  ): void {
    if (!this.stopping) this.parts.add(engine, parts, applied);
  }

  /** Says goodbye to everybody and resolves when it is said, or when that takes too long. */
  async stop(text: string, routes: Leaving): Promise<void> {
    this.stopping = true;
    this.post({ kind: "shutdown", text, routes });
    const limit = setTimeout(() => this.stopped.resolve(), STOP_LIMIT);
    await this.stopped.promise;
    clearTimeout(limit);
  }

  private post(message: ToEngines): void {
    this.worker.postMessage(message);
  }

  /** The last events of the engines as text, without secrets: what `metallb replay` reads. */
  dump(): Promise<string> {
    return this.dumps.take();
  }

  private receive(message: FromEngines): void {
    if (message.kind === "dump") return this.dumps.answered(message.id, message.events);
    if (message.kind === "stopped") return this.stopped.resolve();
    for (const telling of message.tellings) this.take(telling);
    this.post({ kind: "heard" });
  }

  private take(telling: Telling): void {
    switch (telling.kind) {
      case "applied":
        this.parts.applied(telling.sequence);
        return this.listener.applied();
      case "report":
        return this.listener.report(telling);
      case "log":
        return this.listener.log(telling.level, telling.engine, telling.subject, telling.message);
    }
  }

  private ended(reason: string): void {
    this.stopped.resolve();
    if (!this.stopping) this.listener.died(reason);
  }
}
