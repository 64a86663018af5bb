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

  /** The watch tells the next differences. */
  deliver(count: number): void {
    for (const entry of this.api.log.slice(this.cursor, this.cursor + count))
      if (entry.kind === "pools") {
        this.pools = entry.pools;
        this.poolsChanged = true;
      } else if (this.follows) this.see(entry.key, entry.service);
    this.cursor = Math.min(this.api.log.length, this.cursor + count);
  }

  /** The watch broke: the list takes the place of what was seen. */
  relist(): void {
    const last = this.api.log.slice(this.cursor).findLast((entry) => entry.kind === "pools");
    if (last?.kind === "pools") {
      this.pools = last.pools;
      this.poolsChanged = true;
    }
    this.cursor = this.api.log.length;
    if (this.follows) this.snapshot();
  }

  private snapshot(): void {
    const latest = new Map<string, WatchedService>();
    for (const entry of this.api.log)
      if (entry.kind === "service" && entry.service) latest.set(entry.key, entry.service);
      else if (entry.kind === "service") latest.delete(entry.key);
    for (const key of [...this.store.keys()]) if (!latest.has(key)) this.see(key, null);
    for (const [key, service] of latest) this.see(key, service);
  }

  private see(key: string, service: WatchedService | null): void {
    if (this.store.get(key)?.resourceVersion === service?.resourceVersion && service !== null) return;
    if (service) this.store.set(key, service);
    else this.store.delete(key);
    this.changed.add(key);
  }
}
