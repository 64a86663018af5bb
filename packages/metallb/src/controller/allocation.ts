import type { Outcome, PoolUsage } from "#allocator";
import type { Pool } from "#config";
import type { Instant } from "#net";
import type { Logger } from "#process";
import { type Act, type AddressSource, Decider } from "./decider.ts";
import type { PoolStatus, Recorder } from "./ports.ts";
import type { ServiceWriter } from "./service-writer.ts";
import type { ServiceWrite } from "./service-writes.ts";
import type { WatchedService } from "./watched-service.ts";

export interface AllocationParts {
  /** What the watch shows. */
  readonly services: ReadonlyMap<string, WatchedService>;
  readonly source: AddressSource;
  readonly writer: Pick<ServiceWriter, "write" | "settle" | "forget">;
  readonly recorder: Recorder;
  readonly poolStatus: PoolStatus;
  /** Where it is written down what is kept for deleted Services. */
  readonly kept: { publish(): void };
  readonly log: Logger;
  readonly now: () => Instant;
}

/** The shell around {@link Decider}: gathers changes to turns, and hands what a turn asks for to the writers. */
export class Allocation {
  private readonly parts: AllocationParts;
  private readonly decider: Decider;
  private readonly changed = new Set<string>();
  private pools: readonly Pool[] | null = null;
  private poolsDiffer = false;
  private scheduled = false;
  private running = false;
  private timer: NodeJS.Timeout | undefined;
  /** Changes of Services and of the pools that were decided on. */
  handled = 0;
  /** Decisions that a Service cannot be served, counted each time. */
  refused = 0;

  constructor(parts: AllocationParts) {
    this.parts = parts;
    this.decider = new Decider(parts.services, parts.source);
  }

  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.decider.outcomes;
  }

  usage(): readonly PoolUsage[] {
    return this.decider.usage();
  }

  /** Everything was read once: from now on decisions are made. */
  start(): void {
    this.running = true;
    this.schedule();
  }

  servicesChanged(keys: Iterable<string>): void {
    for (const key of keys) this.changed.add(key);
    this.schedule();
  }

  poolsChanged(pools: readonly Pool[]): void {
    this.pools = pools;
    this.poolsDiffer = true;
    this.schedule();
  }

  /** A write of the Service on version `base` made version `made`. */
  wrote(key: string, base: string, made: string): void {
    this.decider.wrote(key, base, made);
  }

  private schedule(): void {
    if (this.scheduled || !this.running) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.turn();
    });
  }

  private turn(): void {
    const { now, poolStatus, kept } = this.parts;
    const keys = [...this.changed];
    const poolsChanged = this.poolsDiffer;
    this.changed.clear();
    this.poolsDiffer = false;
    const acts = this.decider.turn(keys, this.pools, poolsChanged, now());
    this.handled += keys.length + (poolsChanged ? 1 : 0);
    for (const key of keys) if (this.decider.outcomes.get(key)?.kind === "refused") this.refused++;
    // What was decided together is written together: one may have to wait for another.
    const writes: ServiceWrite[] = acts.filter((act) => act.kind === "write");
    this.parts.writer.write(writes);
    for (const act of acts) this.perform(act);
    poolStatus.publish(this.decider.usage());
    kept.publish();
    this.sleep();
  }

  /** Until something is to be decided although nothing changes. */
  private sleep(): void {
    clearTimeout(this.timer);
    const { wakeAt } = this.decider;
    if (wakeAt !== null) this.timer = setTimeout(() => this.schedule(), Math.max(0, wakeAt - this.parts.now())).unref();
  }

  private perform(act: Act): void {
    const { writer, recorder, log } = this.parts;
    switch (act.kind) {
      case "forget":
        writer.forget(act.key);
        return;
      case "write":
        return;
      case "settle":
        writer.settle(act.key);
        return;
      case "note": {
        const { service, note } = act;
        recorder.record(service, note);
        const fields = { op: "allocate", event: note.reason, service: service.key };
        log[note.type === "Warning" ? "warn" : "info"](note.message, fields);
      }
    }
  }
}
