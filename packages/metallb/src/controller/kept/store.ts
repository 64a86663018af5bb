import type { KeptAddresses } from "#allocator";
import { ApiError, KeyedWriter, type WriteContext, type WriteOutcome } from "#kube";
import { backoff, type Duration, type Instant, type Timestamp } from "#net";
import { errorText, type Logger } from "#process";
import type { Json, WriteResult } from "../ports.ts";
import { type KeptData, keptData, keptLine, readKept } from "./record.ts";

/** The object in the controller's namespace; named so in its Role. */
export const KEPT_ADDRESSES = "metallb-kept-addresses";

/** What the store needs of the Kubernetes API: one ConfigMap. */
export interface KeptApi {
  read(signal: AbortSignal): Promise<Json | null>;
  /** Where there is none. The Role names the object, so that no other can be made. */
  make(data: KeptData, signal: AbortSignal): Promise<void>;
  /** PUT: the resourceVersion in the object is the condition. */
  write(object: Json, signal: AbortSignal): Promise<WriteResult>;
}

export interface KeptParts {
  readonly api: KeptApi;
  readonly kept: Pick<KeptAddresses, "version" | "records" | "recall">;
  readonly mayWrite: () => boolean;
  readonly log: Logger;
  /** The real ones unless told. */
  readonly clocks?: { readonly now: () => Instant; readonly timestamp: () => Timestamp };
}

const CLOCKS = { now: () => performance.now(), timestamp: () => Date.now() };

/** What is kept as of a moment. */
interface Kept {
  readonly data: KeptData;
}

const KEY = KEPT_ADDRESSES;
/** A Service is deleted with others, and a crash comes when it will. */
const SOON: Duration = 100;
/** A large object is written less often: 300 KB a second at most. */
const OCTETS_A_MILLISECOND = 300;
/** Somebody may have changed or deleted the object. */
const RECHECK_EVERY: Duration = 60_000;
const FORBIDDEN: Duration = 5 * 60_000;
/** An API that serves everything else is waited for so long. */
const READ_WITHIN: Duration = 30_000;
const PAUSES = { first: 200, max: 5_000 };

/**
 * Keeps in a ConfigMap what is kept for deleted Services, so that the next process, or the next leader, keeps it too.
 * Nothing is read or written as long as no pool keeps anything. What somebody else makes of the object meanwhile is put
 * right; what cannot be read at a start counts as not kept.
 */
export class KeptStore {
  private readonly parts: KeptParts;
  private readonly writer: KeyedWriter<Kept>;
  private readonly lines = new Map<string, { readonly until: Instant; readonly line: string }>();
  private version: number;
  private size = 0;
  private used = false;
  private left = 0;
  private timer: NodeJS.Timeout | null = null;
  private recheck: NodeJS.Timeout | null = null;
  private forbiddenUntil: Instant = Number.NEGATIVE_INFINITY;

  constructor(parts: KeptParts) {
    this.parts = parts;
    this.version = parts.kept.version;
    this.writer = new KeyedWriter<Kept>({
      parallel: 1,
      mayWrite: parts.mayWrite,
      retain: { same: (a, b) => isSame(a.data, b.data) },
      perform: (_, wanted, context) => this.perform(wanted, context),
      onFailure: (_, error, failures) => {
        if (failures === 1) this.warn("addresses of deleted Services are kept in memory only; trying again", error);
      },
    });
  }

  /** Before the first decision, where some pool keeps: what the process before kept. */
  async recall(signal: AbortSignal): Promise<void> {
    const { api, kept, clocks = CLOCKS, log } = this.parts;
    const until = clocks.now() + READ_WITHIN;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const object = await api.read(signal);
        const { records, broken } = readKept(object?.data, { instant: clocks.now(), timestamp: clocks.timestamp() });
        kept.recall(records);
        this.used = object !== null;
        // What it holds is compared once with what is kept of it.
        if (this.used) this.version = -1;
        if (broken.length > 0)
          log.warn("some of the addresses that were kept for deleted Services cannot be read, and are free", {
            op: "kept",
            object: KEPT_ADDRESSES,
            broken: broken.length,
            first: (broken[0] ?? "").slice(0, 130),
          });
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 403) return this.forbidden(error);
        if (signal.aborted) return;
        const pause = Math.max(backoff(PAUSES, failures, Math.random()), ApiError.asks(error));
        if (clocks.now() + pause > until)
          return this.warn("what was kept for deleted Services cannot be read; it is free", error);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  /** Something was decided. */
  publish(): void {
    if (this.parts.kept.version === this.version) return;
    this.timer ??= setTimeout(() => this.flush(), Math.max(SOON, this.size / OCTETS_A_MILLISECOND));
  }

  /** Before the lead is handed over; false: a write was not answered, and may arrive yet. */
  drain(milliseconds: Duration): Promise<boolean> {
    if (this.parts.kept.version !== this.version) this.flush();
    this.endTimers();
    return this.writer.drain(milliseconds);
  }

  stop(): Promise<void> {
    this.endTimers();
    return this.writer.stop();
  }

  private endTimers(): void {
    for (const timer of [this.timer, this.recheck]) if (timer) clearTimeout(timer);
    this.timer = null;
    this.recheck = null;
  }

  private flush(): void {
    const { kept, clocks = CLOCKS, log } = this.parts;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.version = kept.version;
    const now = { instant: clocks.now(), timestamp: clocks.timestamp() };
    const records = kept.records();
    const before = new Map(this.lines);
    this.lines.clear();
    for (const record of records) {
      const old = before.get(record.key);
      // Told once: two clocks never agree to the millisecond.
      const line = old?.until === record.until ? old.line : keptLine(record, now);
      this.lines.set(record.key, { until: record.until, line });
    }
    const { data, left, size } = keptData(Array.from(this.lines, ([key, { until, line }]) => [key, until, line]));
    if (left > 0 && this.left === 0)
      log.warn("more addresses of deleted Services are kept than fit into the object; a restart frees the others", {
        op: "kept",
        object: KEPT_ADDRESSES,
        left,
      });
    this.left = left;
    this.size = size;
    if (size === 0 && !this.used) return;
    this.used = true;
    this.recheck ??= setInterval(() => this.writer.recheck(KEY), RECHECK_EVERY).unref();
    this.writer.want(KEY, { data });
  }

  private async perform({ data }: Kept, { signal }: WriteContext): Promise<WriteOutcome> {
    const { api, clocks = CLOCKS, mayWrite } = this.parts;
    if (clocks.now() < this.forbiddenUntil) return "stale";
    try {
      const object = await api.read(signal);
      if (object === null ? Object.keys(data).length === 0 : isSame(object.data ?? {}, data)) return "done";
      if (!mayWrite()) throw new Error("the lease is not held");
      if (object === null) await api.make(data, signal);
      else if ((await api.write({ ...object, data }, signal)).kind !== "written")
        throw new Error("the object changed meanwhile");
      return "done";
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
      this.forbidden(error);
      return "stale";
    }
  }

  private forbidden(error: ApiError): void {
    this.forbiddenUntil = (this.parts.clocks ?? CLOCKS).now() + FORBIDDEN;
    const what = `the Role of the controller needs get, create and update on the ConfigMap ${KEPT_ADDRESSES}`;
    this.warn(`addresses of deleted Services are kept in memory only: ${what}`, error);
  }

  private warn(message: string, error: unknown): void {
    this.parts.log.warn(message, { op: "kept", object: KEPT_ADDRESSES, error: errorText(error) });
  }
}

function isSame(a: unknown, b: KeptData): boolean {
  const [left, right] = [Object.entries(a as KeptData), Object.keys(b)];
  return left.length === right.length && left.every(([name, line]) => b[name] === line);
}
