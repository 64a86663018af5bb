import { KeyedWriter, type WriteContext, type WriteOutcome } from "#kube";
import { formatIp } from "#net";
import { errorText, type Logger } from "#process";
import { Givers } from "./givers.ts";
import { type Intention, resourceVersionOf, withIntention } from "./intention.ts";
import type { ServiceApi } from "./ports.ts";
import type { WatchedService } from "./watched-service.ts";

/** What was decided for a Service, and the Service as the watch showed it then. */
export interface ServiceWrite {
  readonly service: WatchedService;
  readonly intention: Intention;
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
  readonly intention: Intention;
  /** The addresses that the Service shows then. */
  readonly ips: readonly string[];
  /** resourceVersion of the Service that the decision was made on. */
  readonly decidedOn: string;
}

/** The addresses are given up; the condition is told with what follows. */
const NOTHING = { intention: { desired: { ips: [], pool: null } }, ips: [] } as const;

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
      parallel: SERVICES_PARALLEL,
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
  get queue(): KeyedWriter<never> {
    return this.#writer as unknown as KeyedWriter<never>;
  }

  /** What was decided together. */
  write(writes: readonly ServiceWrite[]): void {
    if (writes.length === 0) return;
    const wanted = writes.map(({ service, intention }) => ({ service, intention, ips: ipsAfter(service, intention) }));
    for (const { service, ips } of wanted)
      this.#givers.intend(service.key, [...shownBy(service), ...(this.#own.get(service.key)?.ips ?? [])], ips);
    const intentions = wanted.map(({ service, intention, ips }) => ({
      key: service.key,
      value: { intention, ips, decidedOn: service.resourceVersion },
      after: this.#givers.of(ips.filter((ip) => !shownBy(service).includes(ip))),
      release: { ...NOTHING, decidedOn: service.resourceVersion },
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

  async #perform(
    key: string,
    { intention, ips, decidedOn }: Wanted,
    { signal, stage }: WriteContext,
  ): Promise<WriteOutcome> {
    const slash = key.indexOf("/");
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)];
    const confirmed = (): WriteOutcome => {
      if (stage === "release") this.#givers.released(key);
      else this.#givers.confirmed(key, ips);
      return "done";
    };
    const object = await this.#api.read(namespace, name, signal);
    if (!object) return confirmed();
    const version = resourceVersionOf(object);
    if (version !== decidedOn && version !== this.#own.get(key)?.version) return "stale";
    const next = withIntention(object, intention, new Date().toISOString().replace(/\.\d+Z$/, "Z"));
    if (!next) return confirmed();
    this.#updates++;
    const result = await this.#api.writeStatus(namespace, name, next, signal);
    if (result.kind === "conflict") {
      this.#log.debug("the Service changed meanwhile; deciding anew", { op: "updateService", service: key });
      return "stale";
    }
    if (result.kind === "written") {
      const made = resourceVersionOf(result.object);
      this.#own.set(key, { version: made, ips });
      this.onWritten(key, version, made);
    }
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

const shownBy = ({ ingress }: WatchedService): readonly string[] =>
  ingress.flatMap(({ ip }) => (ip === null ? [] : [ip]));

const ipsAfter = (service: WatchedService, { desired }: Intention): readonly string[] =>
  desired === null ? shownBy(service) : desired.ips.map(formatIp);
