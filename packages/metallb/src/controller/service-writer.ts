import type { Desired } from "#allocator";
import type { Service } from "#api";
import { KeyedWriter, type WriteContext, type WriteOutcome } from "#kube";
import { formatIp } from "#net";
import { errorText, type Logger } from "#process";
import { Givers } from "./givers.ts";
import type { ServiceApi } from "./ports.ts";
import { resourceVersionOf, withDesired } from "./service-status.ts";

/** What was decided for a Service, and the Service as the watch showed it then. */
export interface ServiceWrite {
  readonly service: Service;
  readonly desired: Desired;
}

export interface WriterCounters {
  readonly updates: number;
  readonly errors: number;
}

export interface ServiceWriterOptions {
  /** Asked right before each try: a process that slept through its Lease must not write. */
  readonly mayWrite?: () => boolean;
}

interface Wanted {
  readonly desired: Desired;
  /** resourceVersion of the Service that the decision was made on. */
  readonly decidedOn: string;
}

const NOTHING: Desired = { ips: [], pool: null };

/** As many as the API server answers in parallel without queueing for long. */
const PARALLEL = 32;
/** Failures are told at most so often, milliseconds: an outage is a few lines, not one for each Service and try. */
const TELL_EVERY = 10_000;

/**
 * Brings decisions into the Services' status. A Service that changed since the decision is not written:
 * the watch brings the change, and with it a new decision. An address is written into a Service only
 * after the write that takes it out of another one has been confirmed.
 */
export class ServiceWriter {
  readonly #api: ServiceApi;
  readonly #log: Logger;
  readonly #writer: KeyedWriter<Wanted>;
  readonly #givers = new Givers();
  /** What our last write made of the Service: seen in a read, it is no foreign change. */
  readonly #own = new Map<string, { readonly version: string; readonly ips: readonly string[] }>();
  #updates = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(api: ServiceApi, log: Logger, { mayWrite = () => true }: ServiceWriterOptions = {}) {
    this.#api = api;
    this.#log = log;
    this.#writer = new KeyedWriter<Wanted>({
      parallel: PARALLEL,
      mayWrite,
      perform: (key, wanted, context) => this.#perform(key, wanted, context),
      onFailure: (key, error) => this.#tellFailure(key, error),
      onRecovered: () => this.#log.info("every Service's status is written again", { op: "updateService" }),
    });
  }

  get counters(): WriterCounters {
    return { updates: this.#updates, errors: this.#writer.stats.failures };
  }

  /** For metrics. */
  get queue(): KeyedWriter<unknown> {
    return this.#writer as KeyedWriter<unknown>;
  }

  /** What was decided together. */
  write(writes: readonly ServiceWrite[]): void {
    if (writes.length === 0) return;
    for (const { service, desired } of writes) {
      const held = [...shownBy(service), ...(this.#own.get(service.key)?.ips ?? [])];
      this.#givers.intend(service.key, held, desired.ips.map(formatIp));
    }
    const intentions = writes.map(({ service, desired }) => ({
      key: service.key,
      value: { desired, decidedOn: service.resourceVersion },
      after: this.#givers.of(desired.ips.map(formatIp).filter((ip) => !shownBy(service).includes(ip))),
      release: { desired: NOTHING, decidedOn: service.resourceVersion },
    }));
    this.#writer.wantAll(intentions);
  }

  /** The Service says what was decided, or nothing was. */
  settle(key: string): void {
    this.#givers.settle(key);
    this.#writer.settle(key);
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.#own.delete(key);
    this.settle(key);
  }

  /** Before the lead is handed over: nothing is in flight when it resolves, and nothing will be. */
  drain(milliseconds: number): Promise<void> {
    return this.#writer.drain(milliseconds);
  }

  /** The lead is lost: ends what is in flight. */
  stop(): Promise<void> {
    return this.#writer.stop();
  }

  /** Resolves when nothing is to be written before something changes. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  async #perform(key: string, { desired, decidedOn }: Wanted, { signal, stage }: WriteContext): Promise<WriteOutcome> {
    const slash = key.indexOf("/");
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const confirmed = (): WriteOutcome => {
      if (stage === "release") this.#givers.released(key);
      else this.#givers.confirmed(key, desired.ips.map(formatIp));
      return "done";
    };
    const object = await this.#api.read(namespace, name, signal);
    if (!object) return confirmed();
    const version = resourceVersionOf(object);
    if (version !== decidedOn && version !== this.#own.get(key)?.version) return "stale";
    const next = withDesired(object, desired);
    if (!next) return confirmed();
    this.#updates++;
    const result = await this.#api.writeStatus(namespace, name, next, signal);
    if (result.kind === "conflict") {
      this.#log.debug("the Service changed meanwhile; deciding anew", { op: "updateService", service: key });
      return "stale";
    }
    if (result.kind === "written")
      this.#own.set(key, { version: resourceVersionOf(result.object), ips: desired.ips.map(formatIp) });
    return confirmed();
  }

  #tellFailure(key: string, error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_EVERY) return;
    this.#toldAt = now;
    this.#log.error("a Service's status could not be written; trying again", {
      op: "updateService",
      service: key,
      failing: this.#writer.depth.failing,
      error: errorText(error),
    });
  }
}

const shownBy = ({ ingress }: Service): readonly string[] => ingress.flatMap(({ ip }) => (ip === null ? [] : [ip]));
