import type { KubeClient } from "./client.ts";
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
  readonly message: string;
  readonly first: string;
  last: string;
  dirty: boolean;
}

const MAX_REMEMBERED = 4096;
const MAX_WAITING = 2000;
const MAX_MESSAGE = 1024;

/**
 * Writes core/v1 Events. The same subject, reason and message is counted on one object instead of
 * repeated; writes go out one after the other and never more than a bound waits. Losing an event is
 * no error: events are for people, the truth is in status.
 */
export class EventRecorder {
  private readonly client: KubeClient;
  private readonly options: EventRecorderOptions;
  private readonly remembered = new Map<string, Recorded>();
  private readonly waiting = new Set<Recorded>();
  private running = false;
  private serial = 0;

  constructor(client: KubeClient, options: EventRecorderOptions) {
    this.client = client;
    this.options = options;
  }

  event(subject: EventSubject, type: "Normal" | "Warning", reason: string, message: string): void {
    const text = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
    const key = [subject.uid, subject.namespace, subject.name, type, reason, text].join("\u0000");
    const now = this.now()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
    let recorded = this.remembered.get(key);
    if (recorded) {
      recorded.count++;
      recorded.last = now;
      // The most recently used stand last, so that the oldest is forgotten first.
      this.remembered.delete(key);
    } else
      recorded = { name: null, count: 1, subject, type, reason, message: text, first: now, last: now, dirty: true };
    recorded.dirty = true;
    this.remembered.set(key, recorded);
    if (this.remembered.size > MAX_REMEMBERED) this.remembered.delete(this.remembered.keys().next().value as string);
    if (this.waiting.size < MAX_WAITING) this.waiting.add(recorded);
    if (!this.running) void this.drain();
  }

  private now(): Date {
    return this.options.now?.() ?? new Date();
  }

  private async drain(): Promise<void> {
    this.running = true;
    for (const recorded of this.waiting) {
      this.waiting.delete(recorded);
      if (!recorded.dirty) continue;
      recorded.dirty = false;
      try {
        await this.write(recorded);
      } catch (error) {
        this.options.onTrouble?.(`event ${recorded.reason} was not written: ${(error as Error).message}`);
      }
    }
    this.running = false;
  }

  private async write(recorded: Recorded): Promise<void> {
    const { namespace } = recorded.subject;
    const where = { namespace: namespace || "default" };
    if (recorded.name !== null) {
      const patch = { count: recorded.count, lastTimestamp: recorded.last };
      await this.client.patch(RESOURCES.events, { ...where, name: recorded.name }, "merge", patch);
      return;
    }
    const created = await this.client.create(RESOURCES.events, where, this.object(recorded, where.namespace));
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
