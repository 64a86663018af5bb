import { setImmediate as turn } from "node:timers/promises";
import { Allocator, type PoolUsage } from "#allocator";
import type { Pool } from "#config";
import { samplePool } from "#config/testing";
import { createLogger } from "#process";
import { Allocation } from "./allocation.ts";
import type { Json, WriteResult } from "./ports.ts";
import { ServiceWriter } from "./service-writer.ts";
import { type WatchedService, watchedService } from "./watched-service.ts";

export const POOL = "metallb.io/ip-allocated-from-pool";

export const pool = (name: string, addresses: string): Pool => samplePool(name, [addresses]);

export interface Stored {
  metadata: {
    namespace: string;
    name: string;
    resourceVersion: string;
    annotations: Record<string, string>;
    labels: Record<string, string>;
    managedFields?: readonly object[];
  };
  spec: { type: string; loadBalancerIP?: string };
  status: {
    loadBalancer: { ingress?: { ip?: string; hostname?: string; ipMode?: string; ports?: unknown[] }[] };
    conditions?: { type: string; status: string; reason: string; message: string; lastTransitionTime: string }[];
  };
}

/** An API server with a watch that can lag, and faults on demand. */
export class FakeApi {
  readonly objects = new Map<string, Stored>();
  readonly store = new Map<string, WatchedService>();
  readonly events: string[] = [];
  readonly published: (readonly PoolUsage[])[] = [];
  now = 0;
  reads = 0;
  writes = 0;
  lagging = false;
  failures = 0;
  /** Services whose write is refused for ever. */
  readonly refused = new Set<string>();
  /** Addresses that two Services showed at one time. */
  readonly doubles: string[] = [];
  beforeWrite: (() => void) | null = null;
  private version = 0;
  readonly log = createLogger("none");
  writer = new ServiceWriter(this, this.log);
  allocation = this.makeAllocation();

  private makeAllocation(): Allocation {
    return new Allocation({
      services: this.store,
      source: new Allocator(),
      now: () => this.now,
      writer: this.writer,
      recorder: { record: (service, note) => this.events.push(`${service.key} ${note.reason} ${note.message}`) },
      poolStatus: { publish: (usage) => this.published.push(usage) },
      kept: { publish: () => {} },
      log: this.log,
    });
  }

  restart(...pools: readonly Pool[]): void {
    this.writer = new ServiceWriter(this, this.log);
    this.allocation = this.makeAllocation();
    this.writer.onWritten = (...written) => this.allocation.wrote(...written);
    this.allocation.poolsChanged(pools);
    this.allocation.start();
  }

  async read(namespace: string, name: string): Promise<Json | null> {
    this.reads++;
    const object = this.objects.get(`${namespace}/${name}`);
    return object ? (structuredClone(object) as unknown as Json) : null;
  }

  async writeStatus(namespace: string, name: string, object: Json): Promise<WriteResult> {
    this.beforeWrite?.();
    this.beforeWrite = null;
    if (this.failures-- > 0) throw new Error("503");
    const key = `${namespace}/${name}`;
    if (this.refused.has(key)) throw new Error("422");
    const now = this.objects.get(key);
    if (!now) return { kind: "gone" };
    const sent = structuredClone(object) as unknown as Stored;
    if (sent.metadata.resourceVersion !== now.metadata.resourceVersion) return { kind: "conflict" };
    this.writes++;
    for (const entry of sent.status.loadBalancer.ingress ?? []) entry.ipMode ??= "VIP";
    this.save(key, { ...now, metadata: sent.metadata, status: sent.status });
    return { kind: "written", object: this.objects.get(key) as unknown as Json };
  }

  put(key: string, change: (object: Stored) => void = () => {}): void {
    const [namespace = "", name = ""] = key.split("/");
    const object = structuredClone(
      this.objects.get(key) ?? {
        metadata: { namespace, name, resourceVersion: "", annotations: {}, labels: {} },
        spec: { type: "LoadBalancer" },
        status: { loadBalancer: {} },
      },
    );
    change(object);
    this.save(key, object);
  }

  remove(key: string): void {
    this.objects.delete(key);
    this.show();
  }

  private save(key: string, object: Stored): void {
    this.objects.set(key, { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } });
    const holders = new Map<string, string>();
    for (const [holder, { status }] of this.objects)
      for (const { ip = "" } of status.loadBalancer.ingress ?? []) {
        if (holders.has(ip)) this.doubles.push(`${ip}: ${holders.get(ip)}, ${holder}`);
        holders.set(ip, holder);
      }
    if (!this.lagging) this.show();
  }

  /** What our condition says, in one line. */
  condition(key: string): string {
    const condition = this.objects.get(key)?.status.conditions?.find(({ type }) => type === "metallb.io/Allocated");
    return condition ? `${condition.status} ${condition.reason} ${condition.message}` : "";
  }

  /** The watch catches up. */
  show(): void {
    const keys = new Set([...this.objects.keys(), ...this.store.keys()]);
    for (const key of keys) {
      const object = this.objects.get(key);
      if (object?.metadata.resourceVersion === this.store.get(key)?.resourceVersion) continue;
      if (object) this.store.set(key, project(object));
      else this.store.delete(key);
      this.allocation.servicesChanged([key]);
    }
  }

  async settle(): Promise<void> {
    do {
      await turn();
      await this.writer.idle();
      await turn();
    } while ((await Promise.race([this.writer.idle().then(() => true), turn(false)])) !== true);
  }

  ips(key: string): string[] {
    return (this.objects.get(key)?.status.loadBalancer.ingress ?? []).map(({ ip }) => ip ?? "");
  }
}

/** What the watch shows of an object. */
export function project({ metadata, spec, status }: Stored): WatchedService {
  const whole = { clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"], ports: [{ protocol: "TCP", port: 80 }], ...spec };
  const service = watchedService({ metadata: { uid: metadata.name, ...metadata }, spec: whole, status });
  if (service === null) throw new Error("no Service");
  return service;
}
