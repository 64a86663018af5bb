import { setTimeout as sleep } from "node:timers/promises";
import type { PoolUsage } from "#allocator";
import { errorText, type Logger } from "#process";
import type { Json, PoolStatus, WriteResult } from "./ports.ts";

/** What the controller needs of the Kubernetes API for IPAddressPools of its own namespace. */
export interface PoolApi {
  read(name: string): Promise<Json | null>;
  writeStatus(name: string, object: Json): Promise<WriteResult>;
}

/** Counters are int64 in the resource: the largest number that both int64 and a double can hold. */
const MAX_COUNT = (1n << 63n) - 1024n;

/** A burst of allocations ends in one write per pool, not in one per Service. */
const DEBOUNCE = 250;

/** Keeps `status` of the IPAddressPools at what is used and available; writes only what differs. */
export class PoolStatusWriter implements PoolStatus {
  readonly #api: PoolApi;
  readonly #log: Logger;
  readonly #stop: AbortSignal;
  readonly #written = new Map<string, string>();
  #latest: readonly PoolUsage[] = [];
  #running = false;
  #dirty = false;

  constructor(api: PoolApi, log: Logger, stop: AbortSignal) {
    this.#api = api;
    this.#log = log;
    this.#stop = stop;
  }

  publish(usage: readonly PoolUsage[]): void {
    this.#latest = usage;
    this.#dirty = true;
    if (!this.#running) void this.#run();
  }

  /** The pool's object changed: somebody else may have written its status. */
  recheck(name: string): void {
    this.#written.delete(name);
    if (this.#latest.some(({ pool }) => pool === name)) this.publish(this.#latest);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#dirty && !this.#stop.aborted) {
      await sleep(DEBOUNCE, undefined, { signal: this.#stop }).catch(() => {});
      this.#dirty = false;
      const present = new Set(this.#latest.map(({ pool }) => pool));
      for (const name of this.#written.keys()) if (!present.has(name)) this.#written.delete(name);
      for (const usage of this.#latest) if (!this.#stop.aborted) await this.#write(usage);
    }
    this.#running = false;
  }

  async #write(usage: PoolUsage): Promise<void> {
    const status = countersOf(usage);
    const text = JSON.stringify(status);
    if (this.#written.get(usage.pool) === text) return;
    try {
      const object = await this.#api.read(usage.pool);
      if (object && !says(object.status, status)) {
        const result = await this.#api.writeStatus(usage.pool, {
          ...object,
          status: { ...asObject(object.status), ...status },
        });
        if (result.kind !== "written") return;
      }
      this.#written.set(usage.pool, text);
    } catch (error) {
      // The next change of any allocation tries again.
      this.#log.warn("the counters of a pool could not be written", {
        op: "updatePoolStatus",
        pool: usage.pool,
        error: errorText(error),
      });
    }
  }
}

function countersOf({ ipv4, ipv6 }: PoolUsage): Readonly<Record<string, number>> {
  return {
    assignedIPv4: ipv4.used,
    assignedIPv6: ipv6.used,
    availableIPv4: count(ipv4.total - BigInt(ipv4.used)),
    availableIPv6: count(ipv6.total - BigInt(ipv6.used)),
  };
}

/** As a JSON number that reads as int64, never negative, saturating. */
export const count = (value: bigint): number => (value < 0n ? 0 : Number(value < MAX_COUNT ? value : MAX_COUNT));

const asObject = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

const says = (status: unknown, counters: Readonly<Record<string, number>>): boolean =>
  Object.entries(counters).every(([name, value]) => asObject(status)[name] === value);
