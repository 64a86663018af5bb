import { Allocator, type Decision, type Outcome, type PoolUsage } from "#allocator";
import { deprecatedAnnotations, type Service } from "#api";
import type { Pool } from "#config";
import { formatIp } from "#net";
import type { Logger } from "#process";
import { Expectations } from "./expectations.ts";
import type { PoolStatus, Recorder } from "./ports.ts";
import type { ServiceWrite, ServiceWriter } from "./service-writer.ts";
import { statusSays } from "./status-says.ts";

export interface AllocationParts {
  /** What the watch shows. */
  readonly services: ReadonlyMap<string, Service>;
  readonly lbClass: string;
  readonly writer: Pick<ServiceWriter, "write" | "settle" | "forget">;
  readonly recorder: Recorder;
  readonly poolStatus: PoolStatus;
  readonly log: Logger;
}

/**
 * The heart of the controller: what changed goes in, decisions are made, and what they ask for is
 * handed to the writers. Runs in turns: a burst of changes is one turn.
 */
export class Allocation {
  readonly #parts: AllocationParts;
  readonly #allocator: Allocator;
  readonly #expectations = new Expectations();
  readonly #changed = new Set<string>();
  #pools: readonly Pool[] | null = null;
  #poolsChanged = false;
  #scheduled = false;
  #running = false;

  constructor(parts: AllocationParts) {
    this.#parts = parts;
    this.#allocator = new Allocator(parts.lbClass);
  }

  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.#allocator.outcomes;
  }

  usage(): readonly PoolUsage[] {
    return this.#allocator.usage();
  }

  /** Everything was read once: from now on decisions are made. */
  start(): void {
    this.#running = true;
    this.#schedule();
  }

  servicesChanged(keys: Iterable<string>): void {
    for (const key of keys) this.#changed.add(key);
    this.#schedule();
  }

  poolsChanged(pools: readonly Pool[]): void {
    this.#pools = pools;
    this.#poolsChanged = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { services, poolStatus } = this.#parts;
    const keys = [...this.#changed];
    const pools = this.#poolsChanged;
    this.#changed.clear();
    this.#poolsChanged = false;
    for (const key of keys) {
      if (services.has(key)) continue;
      this.#expectations.forget(key);
      this.#parts.writer.forget(key);
    }
    // The Services with what was decided, and is not seen yet, laid over them.
    const view = {
      keys: () => services.keys(),
      get: (key: string) => {
        const service = services.get(key);
        return service && this.#expectations.view(service);
      },
    };
    const decisions = this.#allocator.decide({ services: view, pools: this.#pools }, { services: keys, pools });
    // What was decided together is written together: one may have to wait for another.
    const writes: ServiceWrite[] = [];
    const settled = new Set(keys);
    for (const decision of decisions) {
      const write = this.#act(decision);
      if (write) writes.push(write);
      if (write) settled.delete(decision.key);
      else settled.add(decision.key);
    }
    this.#parts.writer.write(writes);
    for (const key of settled) this.#parts.writer.settle(key);
    if (decisions.length > 0 || pools) poolStatus.publish(this.#allocator.usage());
  }

  /** Tells what is to be told; the write that the decision asks for, or null. */
  #act({ key, desired, notes, outcome }: Decision): ServiceWrite | null {
    const { services, recorder, log } = this.#parts;
    const service = services.get(key);
    if (!service) return null;
    for (const note of notes) {
      recorder.record(service, note);
      log[note.type === "Warning" ? "warn" : "info"](note.message, {
        op: "allocate",
        event: note.reason,
        service: key,
      });
    }
    if (!desired) return null;
    const ips = desired.ips.map(formatIp);
    const written = statusSays(service, desired);
    this.#expectations.expect(service, ips);
    if (written) return null;
    const deprecated = deprecatedAnnotations(service);
    if (outcome.kind === "allocated" && deprecated.length > 0)
      recorder.record(service, {
        type: "Warning",
        reason: "deprecatedAnnotation",
        message: `deprecated annotations, use the prefix metallb.io/ instead: ${deprecated.join(", ")}`,
      });
    return { service, desired };
  }
}
