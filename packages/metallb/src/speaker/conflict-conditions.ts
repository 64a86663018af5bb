import { ApiError, KeyedWriter, type KubeClient, RESOURCES, type WriteOutcome } from "#kube";
import { errorText } from "#process";
import { CONFLICT, type SpeakerService } from "./watched-service.ts";

export interface ConflictConditionsOptions {
  readonly client: Pick<KubeClient, "apply">;
  readonly service: (key: string) => SpeakerService | undefined;
  readonly trouble: (message: string) => void;
  /** Milliseconds between two writes of one Service at least. */
  readonly every?: number;
  readonly random?: () => number;
}

/** What a Service's condition says; null: that there is no conflict. */
export interface Conflict {
  readonly reason: "AddressInUse" | "AddressClaimed";
  readonly message: string;
}

/** Two hosts that claim an address in turn change the message each time: it is written as often as this. */
const EVERY = 10_000;
const PARALLEL = 4;
const BACKOFF = { first: 1_000, max: 60_000 };
const MANAGER = "metallb-speaker-layer2";

/** Writes the condition on a Service while a foreign host has its address, and takes it away afterwards. */
export class ConflictConditions {
  private readonly options: ConflictConditionsOptions;
  private readonly writer: KeyedWriter<Conflict | null>;
  private readonly wanted = new Map<string, Conflict>();
  private readonly writtenAt = new Map<string, number>();
  private readonly later = new Map<string, NodeJS.Timeout>();
  private stopped = false;

  constructor(options: ConflictConditionsOptions) {
    this.options = options;
    this.writer = new KeyedWriter({
      parallel: PARALLEL,
      backoff: BACKOFF,
      perform: (key, conflict, { signal }) => this.perform(key, conflict, signal),
      onFailure: (_, error) => options.trouble(errorText(error)),
    });
  }

  /** What the owner of the Service's addresses knows: writes where the Service says otherwise. */
  want(key: string, conflict: Conflict | null): void {
    if (conflict) this.wanted.set(key, conflict);
    else this.wanted.delete(key);
    this.look(key);
  }

  /** Another node owns it now, and says what there is to say. */
  forget(key: string): void {
    this.wanted.delete(key);
    this.settle(key);
    this.writer.settle(key);
  }

  /**
   * Nobody announces the Service: a condition that it bears goes. Every speaker sees that, so each waits for a time
   * of its own, and finds that another has done it.
   */
  tidy(key: string): void {
    if (this.stopped || this.later.has(key) || this.options.service(key)?.conflict === undefined) return;
    const wait = (this.options.random ?? Math.random)() * (this.options.every ?? EVERY);
    this.later.set(key, setTimeout(() => this.lookLater(key), wait).unref());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.later.values()) clearTimeout(timer);
    await this.writer.stop();
  }

  private look(key: string): void {
    const service = this.options.service(key);
    const conflict = this.wanted.get(key) ?? null;
    if (this.stopped || !service || (service.conflict ?? null) === (conflict?.message ?? null)) return this.settle(key);
    const wait =
      (this.writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) + (this.options.every ?? EVERY) - performance.now();
    if (wait <= 0) {
      this.writtenAt.set(key, performance.now());
      this.writer.want(key, conflict);
    } else if (!this.later.has(key)) this.later.set(key, setTimeout(() => this.lookLater(key), wait).unref());
  }

  private lookLater(key: string): void {
    this.later.delete(key);
    this.look(key);
  }

  private settle(key: string): void {
    clearTimeout(this.later.get(key));
    this.later.delete(key);
    // Kept as long as it holds something back.
    const at = this.writtenAt.get(key);
    if (at !== undefined && performance.now() - at > (this.options.every ?? EVERY)) this.writtenAt.delete(key);
  }

  private async perform(key: string, conflict: Conflict | null, signal: AbortSignal): Promise<WriteOutcome> {
    const [namespace = "", name = ""] = key.split("/");
    const since = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const conditions = conflict && [{ type: CONFLICT, status: "True", ...conflict, lastTransitionTime: since }];
    const object = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      status: conditions ? { conditions } : {},
    };
    try {
      const where = { namespace, name, subresource: "status" } as const;
      await this.options.client.apply(RESOURCES.services, where, object, MANAGER, true, { signal });
    } catch (error) {
      if (!(error instanceof ApiError && [403, 404].includes(error.status))) throw error;
      if (error.status === 403) this.options.trouble(`conflicts are not shown as a condition: ${errorText(error)}`);
    }
    return "done";
  }
}
