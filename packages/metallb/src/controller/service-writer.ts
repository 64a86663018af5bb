import { KeyedWriter, type WriteContext, type WriteOutcome } from "#kube";
import type { Duration } from "#net";
import { errorText, type Logger } from "#process";
import { resourceVersionOf } from "./intention.ts";
import type { ServiceApi } from "./ports.ts";
import { type ServiceWrite, ServiceWrites, type Wanted } from "./service-writes.ts";

export interface WriterCounters {
  readonly updates: number;
  readonly errors: number;
}

export interface ServiceWriterOptions {
  /** Asked right before each try: a process that slept through its Lease must not write. */
  readonly mayWrite?: () => boolean;
}

/** As many as the API server answers in parallel without queueing for long. */
export const SERVICES_PARALLEL = 32;
/** Failures are told at most so often, milliseconds: an outage is a few lines, not one for each Service and try. */
const TELL_EVERY = 10_000;

/**
 * Brings decisions into the Services' status. A Service that changed since the decision is not written:
 * the watch brings the change, and with it a new decision. An address is written into a Service only
 * after the write that takes it out of another one has been confirmed.
 */
export class ServiceWriter {
  /** Told of each write: the version that it was made on, and the one that it made. */
  onWritten: (key: string, base: string, made: string) => void = () => {};
  private readonly api: ServiceApi;
  private readonly log: Logger;
  private readonly writer: KeyedWriter<Wanted>;
  private readonly writes = new ServiceWrites();
  private readonly mayWrite: () => boolean;
  private updates = 0;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(api: ServiceApi, log: Logger, { mayWrite = () => true }: ServiceWriterOptions = {}) {
    this.api = api;
    this.log = log;
    this.mayWrite = mayWrite;
    this.writer = new KeyedWriter<Wanted>({
      parallel: SERVICES_PARALLEL,
      mayWrite,
      perform: (key, wanted, context) => this.perform(key, wanted, context),
      onFailure: (key, error) => this.tellFailure(key, error),
      onRecovered: () => this.log.info("every Service's status is written again", { op: "updateService" }),
    });
  }

  get counters(): WriterCounters {
    return { updates: this.updates, errors: this.writer.stats.failures };
  }

  /** For metrics. */
  get queue(): KeyedWriter<never> {
    return this.writer as unknown as KeyedWriter<never>;
  }

  /** What was decided together. */
  write(writes: readonly ServiceWrite[]): void {
    if (writes.length > 0) this.writer.wantAll(this.writes.intentions(writes));
  }

  /** See {@link ServiceWrites.mayShow}. */
  mayShow(address: string): boolean {
    return this.writes.mayShow(address);
  }

  /** The Service says what was decided, or nothing was. */
  settle(key: string): void {
    this.writes.settle(key);
    this.writer.settle(key);
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.writes.forget(key);
    this.writer.settle(key);
  }

  /**
   * Before the lead is handed over: nothing is in flight when it resolves, and nothing will be. False: a
   * write was not answered, and may arrive yet.
   */
  drain(milliseconds: Duration): Promise<boolean> {
    return this.writer.drain(milliseconds);
  }

  /** The lead is lost: ends what is in flight. */
  stop(): Promise<void> {
    return this.writer.stop();
  }

  /** Resolves when nothing is to be written before something changes. */
  idle(): Promise<void> {
    return this.writer.idle();
  }

  private async perform(key: string, wanted: Wanted, { signal, stage }: WriteContext): Promise<WriteOutcome> {
    const slash = key.indexOf("/");
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const read = async () => {
      const object = await this.api.read(namespace, name, signal);
      const date = new Date().toISOString().replace(/\.\d+Z$/, "Z");
      return this.writes.afterRead(key, wanted, stage, object, date);
    };
    const next = await read();
    if (next.kind !== "put") return next.kind;
    // The answer may have come after a pause that was longer than the lead.
    if (!this.mayWrite()) throw new Error("the lease is not held");
    this.updates++;
    const result = await this.api.writeStatus(namespace, name, next.object, signal);
    if (result.kind === "written") {
      const made = resourceVersionOf(result.object);
      this.onWritten(key, next.base, made);
      this.writes.afterWrite(key, wanted, stage, made);
      return "done";
    }
    // What changed meanwhile is decided on anew; where nothing did, no newer decision will come.
    const then = await read();
    if (then.kind === "put") throw new Error("the API answers with a conflict although the Service did not change");
    return then.kind;
  }

  private tellFailure(key: string, error: unknown): void {
    const now = performance.now();
    if (now - this.toldAt < TELL_EVERY) return;
    this.toldAt = now;
    this.log.error("a Service's status could not be written; trying again", {
      op: "updateService",
      service: key,
      failing: this.writer.depth.failing,
      error: errorText(error),
    });
  }
}
