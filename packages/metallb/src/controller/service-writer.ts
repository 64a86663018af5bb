import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "#process";
import { errorText } from "#process";
import { type Intention, resourceVersionOf, withIntention } from "./intention.ts";
import type { Json, ServiceApi } from "./ports.ts";

interface Job {
  intention: Intention;
  /** resourceVersion of the Service that the decision was made on. */
  decidedOn: string;
  running: boolean;
  /** Changed while running: run again. */
  again: boolean;
}

export interface WriterCounters {
  updates: number;
  errors: number;
}

/** As many as the API server answers in parallel without queueing for long. */
const PARALLEL = 32;
const FIRST_RETRY = 200;
const LAST_RETRY = 30_000;

/**
 * Brings decisions into the Services' status: one write in flight per Service, at most {@link PARALLEL}
 * in all. A Service that changed since the decision is not written: the watch brings the change, and
 * with it a new decision.
 */
export class ServiceWriter {
  readonly counters: WriterCounters = { updates: 0, errors: 0 };
  /** Told of each write: the version that it was made on, and the one that it made. */
  onWritten: (key: string, base: string, made: string) => void = () => {};
  readonly #api: ServiceApi;
  readonly #log: Logger;
  readonly #stop: AbortSignal;
  readonly #jobs = new Map<string, Job>();
  readonly #queue: string[] = [];
  /** The version that our last write made; seen in a read, it is no foreign change. */
  readonly #own = new Map<string, string>();
  #running = 0;
  #idle: (() => void)[] = [];
  #apiDown = false;

  constructor(api: ServiceApi, log: Logger, stop: AbortSignal) {
    this.#api = api;
    this.#log = log;
    this.#stop = stop;
  }

  write(key: string, intention: Intention, decidedOn: string): void {
    const job = this.#jobs.get(key);
    if (job) {
      job.intention = intention;
      job.decidedOn = decidedOn;
      job.again = job.running;
      return;
    }
    this.#jobs.set(key, { intention, decidedOn, running: false, again: false });
    this.#queue.push(key);
    this.#start();
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.#own.delete(key);
    const job = this.#jobs.get(key);
    if (job && !job.running) this.#jobs.delete(key);
  }

  /** Resolves when nothing is to be written any more. */
  idle(): Promise<void> {
    if (this.#jobs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #start(): void {
    while (this.#running < PARALLEL && !this.#stop.aborted) {
      const key = this.#queue.shift();
      if (key === undefined) return;
      const job = this.#jobs.get(key);
      if (!job || job.running) continue;
      job.running = true;
      this.#running++;
      void this.#run(key, job).finally(() => {
        this.#running--;
        job.running = false;
        if (job.again && !this.#stop.aborted) {
          job.again = false;
          this.#queue.push(key);
        } else this.#jobs.delete(key);
        this.#start();
        if (this.#jobs.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
    }
  }

  async #run(key: string, job: Job): Promise<void> {
    const slash = key.indexOf("/");
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    for (let delay = FIRST_RETRY; !this.#stop.aborted; delay = Math.min(2 * delay, LAST_RETRY)) {
      try {
        await this.#once(key, namespace, name, job);
        if (this.#apiDown) this.#log.info("the API server takes writes again", { op: "updateService" });
        this.#apiDown = false;
        return;
      } catch (error) {
        this.counters.errors++;
        // One line for an outage, not one for each Service and attempt.
        if (!this.#apiDown)
          this.#log.error("a Service's status could not be written; trying again", {
            op: "updateService",
            service: key,
            error: errorText(error),
          });
        this.#apiDown = true;
        await sleep(delay, undefined, { signal: this.#stop }).catch(() => {});
      }
    }
  }

  async #once(key: string, namespace: string, name: string, job: Job): Promise<void> {
    const object = await this.#api.read(namespace, name);
    if (!object) return;
    const version = resourceVersionOf(object);
    if (version !== job.decidedOn && version !== this.#own.get(key)) return;
    const next: Json | null = withIntention(object, job.intention, new Date().toISOString().replace(/\.\d+Z$/, "Z"));
    if (!next) return;
    this.counters.updates++;
    const result = await this.#api.writeStatus(namespace, name, next);
    if (result.kind === "written") {
      const made = resourceVersionOf(result.object);
      this.#own.set(key, made);
      this.onWritten(key, version, made);
    } else if (result.kind === "conflict")
      this.#log.debug("the Service changed meanwhile; deciding anew", { op: "updateService", service: key });
  }
}
