import type { Duration } from "#net";
import { ApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { Similar, SpamFilter } from "./event-limits.ts";
import { KeyedWriter, type WriteOutcome } from "./keyed-writer.ts";
import { RESOURCES, type Resource } from "./resources.ts";

export interface EventSubject {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventRecorderOptions {
  /** `metallb-controller` or `metallb-speaker`. */
  readonly component: string;
  /** Node name; empty for none. */
  readonly host?: string;
  readonly now?: () => Date;
  readonly onTrouble?: (message: string) => void;
}

interface Recorded {
  /** Name of the Event object once it was created. */
  name: string | null;
  count: number;
  readonly subject: EventSubject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  message: string;
  readonly first: string;
  last: string;
}

const MAX_REMEMBERED = 4096;
const MAX_WAITING = 10_000;
/** What events.k8s.io takes, and what people read. */
const MAX_MESSAGE = 1024;
const PARALLEL = 4;
const MAX_TRIES = 12;
const BACKOFF = { first: 500, max: 30_000 };

/**
 * Writes core/v1 Events. The same subject, reason and message is counted on one object instead of
 * repeated, and one that is gone by then is made anew; a subject that causes too many is told of no
 * more for a while. Losing an event is no error: events are for people, the truth is in status.
 */
export class EventRecorder {
  private readonly client: KubeClient;
  private readonly options: EventRecorderOptions;
  private readonly remembered = new Map<string, Recorded>();
  private readonly spam = new SpamFilter();
  private readonly similar = new Similar();
  private readonly writer: KeyedWriter<Recorded>;
  private serial = 0;

  constructor(client: KubeClient, options: EventRecorderOptions) {
    this.client = client;
    this.options = options;
    this.writer = new KeyedWriter<Recorded>({
      parallel: PARALLEL,
      backoff: BACKOFF,
      perform: (_, recorded, { signal }) => this.perform(recorded, signal),
      onFailure: (key, error, failures) => {
        if (failures === 1) this.tell(error);
        if (failures >= MAX_TRIES) this.writer.settle(key);
      },
    });
  }

  event(subject: EventSubject, type: "Normal" | "Warning", reason: string, message: string): void {
    const now = this.now();
    const text = clip(message);
    const about = [subject.uid, subject.namespace, subject.name].join("\u0000");
    const group = [about, type, reason].join("\u0000");
    const many = this.similar.isOneOfMany(group, text, now.getTime());
    const key = many ? group : `${group}\u0000${text}`;
    const last = now.toISOString().replace(/\.\d+Z$/, "Z");
    const before = this.remembered.get(key);
    const recorded = before ?? { name: null, count: 0, subject, type, reason, message: text, first: last, last };
    recorded.count++;
    recorded.last = last;
    recorded.message = many ? clip(`(combined from similar events): ${text}`) : text;
    // The most recently used stand last, so that the oldest is forgotten first.
    this.remembered.delete(key);
    this.remembered.set(key, recorded);
    if (this.remembered.size > MAX_REMEMBERED) this.remembered.delete(this.remembered.keys().next().value as string);
    if (!this.spam.admits(about, now.getTime()) || this.writer.depth.pending >= MAX_WAITING) return;
    this.writer.want(key, recorded);
  }

  /** What waits gets its last try; later events are dropped. */
  async drain(milliseconds: Duration): Promise<void> {
    await this.writer.drain(milliseconds);
  }

  private now(): Date {
    return this.options.now?.() ?? new Date();
  }

  private tell(error: unknown): void {
    this.options.onTrouble?.(`an event was not written: ${error instanceof Error ? error.message : String(error)}`);
  }

  private async perform(recorded: Recorded, signal: AbortSignal): Promise<WriteOutcome> {
    try {
      await this.write(recorded, signal);
    } catch (error) {
      // Refused for good, as in a namespace that is being deleted: it will not go better another time.
      const hopeless = error instanceof ApiError && [400, 403, 404, 422].includes(error.status);
      if (!hopeless) throw error;
      this.tell(error);
    }
    return "done";
  }

  private async write(recorded: Recorded, signal: AbortSignal): Promise<void> {
    const where = { namespace: recorded.subject.namespace || "default" };
    const { name, count, last, message } = recorded;
    if (name !== null) {
      const patch = { count, lastTimestamp: last, message };
      try {
        await this.client.patch(RESOURCES.events, { ...where, name }, "merge", patch, { signal });
        return;
      } catch (error) {
        // The API keeps events for an hour: this one is gone, and its news must not be.
        if (!(error instanceof ApiError && error.isNotFound)) throw error;
        recorded.name = null;
      }
    }
    const created = await this.client.create(RESOURCES.events, where, this.object(recorded, where.namespace), {
      signal,
    });
    recorded.name = created.metadata?.name ?? null;
  }

  private object(recorded: Recorded, namespace: string): Record<string, unknown> {
    const { subject } = recorded;
    const { group, version, kind } = subject.resource;
    const { component, host = "" } = this.options;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${subject.name.slice(0, 200)}.${this.uniqueSuffix()}`, namespace },
      involvedObject: {
        apiVersion: group === "" ? version : `${group}/${version}`,
        kind,
        name: subject.name,
        ...(subject.namespace === "" ? {} : { namespace: subject.namespace }),
        uid: subject.uid,
      },
      reason: recorded.reason,
      message: recorded.message,
      type: recorded.type,
      count: recorded.count,
      firstTimestamp: recorded.first,
      lastTimestamp: recorded.last,
      source: { component, ...(host === "" ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host,
    };
  }

  private uniqueSuffix(): string {
    const stamp = BigInt(this.now().getTime()) * 1_000_000n + BigInt(this.serial++ % 1_000_000);
    return stamp.toString(16);
  }
}

const clip = (text: string): string => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text);
