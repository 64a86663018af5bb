import { type Stage, type WriterEvent, WriterMachine } from "#kube";
import type { Instant } from "#net";
import type { Act } from "../decider.ts";
import { resourceVersionOf } from "../intention.ts";
import type { Json } from "../ports.ts";
import { type AfterRead, type ServiceWrite, ServiceWrites, type Wanted } from "../service-writes.ts";
import type { Faults } from "./faults.ts";
import type { ModelApi } from "./model-api.ts";
import type { Failure, Request } from "./requests.ts";

const DATE = "2026-01-01T00:00:00Z";
export const NONE: Failure = { status: 0, retryAfter: null };

/** What the process around it gives. */
export interface Shell {
  now(): Instant;
  mayWrite(): boolean;
  send(kind: "read" | "write", serve: Request["serve"], answer: Request["answer"]): void;
  /** All that is on its way is not waited for any more. */
  abort(): void;
  /** A write of the Service on version `base` made version `made`. */
  wrote(key: string, base: string, made: string): void;
  ended(clean: boolean): void;
}

/** What `ServiceWriter` is to the real machines: performs their effects, one request after the other. */
export class ModelWriter {
  /** When its timer goes off. */
  at: Instant | null = null;
  readonly writes = new ServiceWrites();
  private readonly machine = new WriterMachine<Wanted>(
    { parallel: 4, backoff: { first: 200, max: 30_000 }, retain: false },
    () => 0.5,
  );
  private readonly api: ModelApi;
  private readonly faults: Faults;
  private readonly shell: Shell;

  constructor(api: ModelApi, faults: Faults, shell: Shell) {
    this.api = api;
    this.faults = faults;
    this.shell = shell;
  }

  get pending(): number {
    return this.machine.pending;
  }

  tick(): void {
    this.at = null;
    this.step({ kind: "time" });
  }

  /** What was decided together. */
  take(acts: readonly Act[]): void {
    const writes: ServiceWrite[] = acts.filter((act) => act.kind === "write");
    const intentions = this.writes.intentions(writes);
    const wanted = this.faults.unordered ? intentions.map(({ key, value }) => ({ key, value })) : intentions;
    if (wanted.length > 0) this.step({ kind: "want", intentions: wanted });
    for (const act of acts)
      if (act.kind === "settle" || act.kind === "forget") {
        if (act.kind === "forget") this.writes.forget(act.key);
        else this.writes.settle(act.key);
        this.step({ kind: "settle", key: act.key });
      }
  }

  step(event: WriterEvent<Wanted>): void {
    for (const effect of this.machine.step(event, this.shell.now()))
      switch (effect.kind) {
        case "perform":
          this.perform(effect.key, effect.value, effect.stage);
          break;
        case "abort":
          this.shell.abort();
          break;
        case "wake":
          this.at = effect.at;
          break;
        case "ended":
          this.shell.ended(effect.clean);
      }
  }

  private perform(key: string, wanted: Wanted, stage: Stage): void {
    const { shell } = this;
    const fail = (failure: Failure): void =>
      this.faults.swallowing
        ? this.step({ kind: "done", key })
        : this.step({ kind: "failed", key, retryAfter: failure.retryAfter, doubtful: isDoubtful(failure) });
    // An answer that needs no API, but its turn.
    if (!shell.mayWrite())
      return shell.send(
        "read",
        () => null,
        () => fail(NONE),
      );
    const read = (then: (next: AfterRead) => void): void =>
      shell.send(
        "read",
        () => this.api.objects.get(key) ?? null,
        (object, failure) =>
          failure ? fail(failure) : then(this.writes.afterRead(key, wanted, stage, object as Json | null, DATE)),
      );
    read((next) => {
      if (next.kind !== "put") return this.step({ kind: next.kind, key });
      if (!this.faults.guardedOnce && !shell.mayWrite()) return fail(NONE);
      this.put(key, wanted, stage, next, fail, () =>
        read((then) => (then.kind === "put" ? fail(NONE) : this.step({ kind: then.kind, key }))),
      );
    });
  }

  private put(
    key: string,
    wanted: Wanted,
    stage: Stage,
    { object, base }: Extract<AfterRead, { readonly kind: "put" }>,
    fail: (failure: Failure) => void,
    refused: () => void,
  ): void {
    const serve = () => this.api.writeStatus(key, object, !this.faults.unconditional);
    this.shell.send("write", serve, (value, failure) => {
      if (failure && failure.status !== 409) return fail(failure);
      const result = value as ReturnType<ModelApi["writeStatus"]> | null;
      if (failure || result?.kind !== "written") return refused();
      const made = resourceVersionOf(result.object);
      this.shell.wrote(key, base, made);
      this.writes.afterWrite(key, wanted, stage, made);
      this.step({ kind: "done", key });
    });
  }
}

const isDoubtful = ({ status }: Failure): boolean => status === 0 || status >= 500;
