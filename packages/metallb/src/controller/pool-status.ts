import type { PoolUsage } from "#allocator";
import { KeyedWriter, type WriteContext, type WriteOutcome } from "#kube";
import type { Duration } from "#net";
import { errorText, type Logger } from "#process";
import type { Json, PoolStatus, WriteResult } from "./ports.ts";

/** What the controller needs of the Kubernetes API for IPAddressPools of its own namespace. */
export interface PoolApi {
  read(name: string, signal?: AbortSignal): Promise<Json | null>;
  writeStatus(name: string, object: Json, signal?: AbortSignal): Promise<WriteResult>;
}

export interface PoolStatusOptions {
  /** Asked right before each try: a process that slept through its Lease must not write. */
  readonly mayWrite?: () => boolean;
}

/** Counters are int64 in the resource. */
const MAX_COUNT = (1n << 63n) - 1n;

/** A burst of allocations ends in one write per pool, not in one per Service. */
const DEBOUNCE = 250;
export const POOLS_PARALLEL = 4;
const TELL_EVERY = 60_000;

/** The counters of a pool as decimal texts, so that none loses a digit. */
type Counters = Readonly<Record<string, string>>;

/** Keeps `status` of the IPAddressPools at what is used and available; writes only what differs. */
export class PoolStatusWriter implements PoolStatus {
  private readonly api: PoolApi;
  private readonly log: Logger;
  private readonly writer: KeyedWriter<Counters>;
  private told: ReadonlySet<string> = new Set();
  private latest: readonly PoolUsage[] | null = null;
  private timer: NodeJS.Timeout | null = null;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(api: PoolApi, log: Logger, { mayWrite = () => true }: PoolStatusOptions = {}) {
    this.api = api;
    this.log = log;
    this.writer = new KeyedWriter<Counters>({
      parallel: POOLS_PARALLEL,
      mayWrite,
      retain: { same: (a, b) => JSON.stringify(a) === JSON.stringify(b) },
      perform: (pool, counters, context) => this.perform(pool, counters, context),
      onFailure: (pool, error) => this.tellFailure(pool, error),
    });
  }

  /** For metrics. */
  get queue(): KeyedWriter<never> {
    return this.writer as unknown as KeyedWriter<never>;
  }

  publish(usage: readonly PoolUsage[]): void {
    this.latest = usage;
    this.timer ??= setTimeout(() => this.flush(), DEBOUNCE);
  }

  /** The pool's object changed: somebody else may have written its status, or made it anew. */
  recheck(name: string): void {
    this.writer.recheck(name);
  }

  /** Before the lead is handed over: nothing is in flight when it resolves, and nothing will be. */
  drain(milliseconds: Duration): Promise<boolean> {
    this.flush();
    return this.writer.drain(milliseconds);
  }

  /** The lead is lost: ends what is in flight. */
  stop(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    return this.writer.stop();
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.latest === null) return;
    const present = new Set(this.latest.map(({ pool }) => pool));
    for (const name of this.told) if (!present.has(name)) this.writer.settle(name);
    for (const usage of this.latest) this.writer.want(usage.pool, countersOf(usage));
    this.told = present;
    this.latest = null;
  }

  private async perform(pool: string, counters: Counters, { signal }: WriteContext): Promise<WriteOutcome> {
    const object = await this.api.read(pool, signal);
    if (!object || says(object.status, counters)) return "done";
    const status = { ...asObject(object.status), ...asNumbers(counters) };
    const result = await this.api.writeStatus(pool, { ...object, status }, signal);
    // The counters do not depend on what somebody else changed: they are written into what is there now.
    if (result.kind === "conflict") throw new Error("the pool changed meanwhile");
    return "done";
  }

  private tellFailure(pool: string, error: unknown): void {
    const now = performance.now();
    if (now - this.toldAt < TELL_EVERY) return;
    this.toldAt = now;
    this.log.warn("the counters of a pool could not be written; trying again", {
      op: "updatePoolStatus",
      pool,
      error: errorText(error),
    });
  }
}

function countersOf({ ipv4, ipv6 }: PoolUsage): Counters {
  return {
    assignedIPv4: String(ipv4.used),
    assignedIPv6: String(ipv6.used),
    availableIPv4: String(available(ipv4)),
    availableIPv6: String(available(ipv6)),
  };
}

/** Of a capacity that does not fit, what is used is taken from what does: available and assigned make the capacity. */
const available = ({ total, used }: PoolUsage["ipv6"]): bigint => saturated(saturated(total) - BigInt(used));

const saturated = (value: bigint): bigint => (value < 0n ? 0n : value < MAX_COUNT ? value : MAX_COUNT);

/** Never negative, and saturating at what int64 holds; a double is only near it where it is that large. */
export const count = (value: bigint): number => Number(saturated(value));

/** As JSON numbers with every digit: a double cannot hold 2⁶³−1. */
const asNumbers = (counters: Counters): Json =>
  Object.fromEntries(Object.entries(counters).map(([name, digits]) => [name, exactNumber(digits)]));

const { rawJSON } = JSON as unknown as { readonly rawJSON?: (text: string) => unknown };

/** Without `JSON.rawJSON` (Node 20) the next smaller number that a double and int64 can both hold. */
function exactNumber(digits: string): unknown {
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value;
  return rawJSON ? rawJSON(digits) : Math.min(value, 2 ** 63 - 1024);
}

const asObject = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

/** A parsed number has lost the digits beyond a double: two that read alike are alike. */
const says = (status: unknown, counters: Counters): boolean =>
  Object.entries(counters).every(([name, digits]) => {
    const read = asObject(status)[name];
    return read === Number(digits) || (read === 2 ** 63 - 1024 && rawJSON === undefined);
  });
