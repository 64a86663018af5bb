import type { Pool } from "#config";
import type { WatchedService } from "../watched-service.ts";
import type { ModelApi } from "./model-api.ts";

/** What a process sees of the API: its own place in the log, and what it made of it. */
export class ModelWatch {
  readonly store = new Map<string, WatchedService>();
  readonly changed = new Set<string>();
  pools: readonly Pool[];
  poolsChanged = true;
  /** Whether Services are watched: they are, once the lead is won. */
  follows = false;
  private readonly api: ModelApi;
  private cursor: number;

  constructor(api: ModelApi) {
    this.api = api;
    this.pools = api.pools;
    this.cursor = api.log.length;
  }

  get behind(): number {
    return this.api.log.length - this.cursor;
  }

  /** The watch tells the next differences. Returns how many. */
  deliver(count: number): number {
    const { log } = this.api;
    const before = this.cursor;
    const end = Math.min(log.length, before + count);
    for (; this.cursor < end; this.cursor++) {
      const entry = log[this.cursor];
      if (entry?.kind === "pools") {
        this.pools = entry.pools;
        this.poolsChanged = true;
      } else if (entry && this.follows) this.see(entry.key, entry.service);
    }
    return end - before;
  }

  /** The watch broke: the list takes the place of what was seen. */
  relist(): void {
    const { log, latest } = this.api;
    for (; this.cursor < log.length; this.cursor++) if (log[this.cursor]?.kind === "pools") this.poolsChanged = true;
    this.pools = this.api.pools;
    if (!this.follows) return;
    for (const key of [...this.store.keys()]) if (!latest.has(key)) this.see(key, null);
    for (const [key, { service }] of latest) this.see(key, service);
  }

  private see(key: string, service: WatchedService | null): void {
    if (service === null) this.store.delete(key);
    else if (this.store.get(key)?.resourceVersion === service.resourceVersion) return;
    else this.store.set(key, service);
    this.changed.add(key);
  }
}
