import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { PoolUsage } from "#allocator";
import type { Service } from "#api";
import type { Pool } from "#config";
import { parseRange, RangeSet } from "#net";
import { createLogger } from "#process";
import { Allocation } from "./allocation.ts";
import type { Json, WriteResult } from "./ports.ts";
import { ServiceWriter } from "./service-writer.ts";

const POOL = "metallb.io/ip-allocated-from-pool";

function pool(name: string, addresses: string): Pool {
  const range = parseRange(addresses);
  if (!range.ok) throw new Error(range.error);
  return {
    name,
    ranges: [range.value],
    addresses: RangeSet.of([range.value]),
    families: new Set([range.value.family]),
    frozen: null,
    unreadable: false,
    autoAssign: true,
    avoidBuggyIPs: false,
    allocation: null,
    bgpAdvertisements: [],
    l2Advertisements: [],
  };
}

interface Stored {
  metadata: {
    namespace: string;
    name: string;
    resourceVersion: string;
    annotations: Record<string, string>;
    labels: Record<string, string>;
  };
  spec: { type: string; loadBalancerIP?: string };
  status: { loadBalancer: { ingress?: { ip: string; ipMode?: string; ports?: unknown[] }[] } };
}

/** An API server with a watch that can lag, and faults on demand. */
class FakeApi {
  readonly objects = new Map<string, Stored>();
  readonly store = new Map<string, Service>();
  readonly events: string[] = [];
  readonly published: (readonly PoolUsage[])[] = [];
  reads = 0;
  writes = 0;
  lagging = false;
  failures = 0;
  beforeWrite: (() => void) | null = null;
  #version = 0;
  readonly stop = new AbortController();
  readonly log = createLogger("none");
  writer = new ServiceWriter(this, this.log, this.stop.signal);
  allocation = this.#allocation();

  #allocation(): Allocation {
    return new Allocation({
      services: this.store,
      lbClass: "",
      writer: this.writer,
      recorder: { record: (service, note) => this.events.push(`${service.key} ${note.reason} ${note.message}`) },
      poolStatus: { publish: (usage) => this.published.push(usage) },
      log: this.log,
    });
  }

  restart(...pools: readonly Pool[]): void {
    this.writer = new ServiceWriter(this, this.log, this.stop.signal);
    this.allocation = this.#allocation();
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
    const now = this.objects.get(key);
    if (!now) return { kind: "gone" };
    const sent = structuredClone(object) as unknown as Stored;
    if (sent.metadata.resourceVersion !== now.metadata.resourceVersion) return { kind: "conflict" };
    this.writes++;
    for (const entry of sent.status.loadBalancer.ingress ?? []) entry.ipMode ??= "VIP";
    this.#save(key, { ...now, metadata: sent.metadata, status: sent.status });
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
    this.#save(key, object);
  }

  remove(key: string): void {
    this.objects.delete(key);
    this.show();
  }

  #save(key: string, object: Stored): void {
    this.objects.set(key, { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } });
    if (!this.lagging) this.show();
  }

  /** The watch catches up. */
  show(): void {
    const keys = new Set([...this.objects.keys(), ...this.store.keys()]);
    for (const key of keys) {
      const object = this.objects.get(key);
      if (object?.metadata.resourceVersion === this.store.get(key)?.resourceVersion) continue;
      if (object) this.store.set(key, project(key, object));
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
    return (this.objects.get(key)?.status.loadBalancer.ingress ?? []).map(({ ip }) => ip);
  }
}

function project(key: string, { metadata, spec, status }: Stored): Service {
  return {
    key,
    namespace: metadata.namespace,
    name: metadata.name,
    uid: key,
    resourceVersion: metadata.resourceVersion,
    labels: metadata.labels,
    annotations: metadata.annotations,
    type: spec.type,
    loadBalancerClass: null,
    loadBalancerIP: spec.loadBalancerIP ?? null,
    clusterIPs: ["10.96.0.1"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    selector: {},
    ports: [{ protocol: "TCP", port: 80 }],
    ingress: (status.loadBalancer.ingress ?? []).map(({ ip, ipMode }) => ({
      ip,
      hostname: null,
      ipMode: ipMode ?? null,
    })),
    creationTimestamp: "2026-01-01T00:00:00Z",
    deleting: false,
  };
}

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function cluster(...pools: readonly Pool[]): FakeApi {
  const api = new FakeApi();
  stops.push(api.stop);
  api.restart(...pools);
  return api;
}

describe("the deciding loop", () => {
  it("writes address and annotation once, and nothing when nothing changed", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("a/b");
    await api.settle();
    expect([api.ips("a/b"), api.objects.get("a/b")?.metadata.annotations[POOL], api.writes]).toEqual([
      ["1.0.0.0"],
      "p",
      1,
    ]);
    expect(api.events).toEqual(['a/b IPAllocated Assigned IP ["1.0.0.0"]']);
    api.put("a/b", (object) => {
      object.metadata.labels.x = "y";
      const [entry] = object.status.loadBalancer.ingress ?? [];
      if (entry) entry.ipMode = "Proxy";
    });
    api.allocation.poolsChanged([pool("p", "1.0.0.0/24")]);
    await api.settle();
    expect([api.writes, api.reads, api.events.length]).toEqual([1, 1, 1]);
  });

  it("adopts after a restart without a single write or event", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    for (const name of ["a", "b", "c"]) api.put(`n/${name}`);
    await api.settle();
    api.remove("n/a");
    await api.settle();
    const [writes, events] = [api.writes, api.events.length];
    api.restart(pool("p", "1.0.0.0/24"));
    await api.settle();
    expect([api.writes, api.events.length]).toEqual([writes, events]);
    api.put("n/d");
    await api.settle();
    expect(["b", "c", "d"].map((name) => api.ips(`n/${name}`)[0])).toEqual(["1.0.0.1", "1.0.0.2", "1.0.0.0"]);
  });

  it("keeps what others wrote into the entry of an address that stays", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("a/b", (object) => {
      object.status.loadBalancer.ingress = [{ ip: "1.0.0.5", ipMode: "Proxy", ports: [] }];
    });
    await api.settle();
    expect(api.objects.get("a/b")?.status.loadBalancer.ingress).toEqual([
      { ip: "1.0.0.5", ipMode: "Proxy", ports: [] },
    ]);
    expect(api.objects.get("a/b")?.metadata.annotations[POOL]).toBe("p");
  });

  it("decides on what it wrote while the watch lags", async () => {
    const api = cluster(pool("p", "1.0.0.0/31"));
    api.lagging = true;
    api.put("n/a");
    api.show();
    await api.settle();
    api.put("n/b");
    api.store.set("n/b", project("n/b", api.objects.get("n/b") as Stored));
    api.allocation.servicesChanged(["n/a", "n/b"]);
    await api.settle();
    expect([api.ips("n/a"), api.ips("n/b"), api.writes]).toEqual([["1.0.0.0"], ["1.0.0.1"], 2]);
    api.show();
    await api.settle();
    expect(api.writes).toBe(2);
  });

  it("does not write over a change that it has not seen, and decides on it when it comes", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.beforeWrite = () => {
      api.lagging = true;
      api.put("n/a", (object) => {
        object.spec.loadBalancerIP = "1.0.0.9";
      });
    };
    api.put("n/a");
    await api.settle();
    expect([api.writes, api.ips("n/a")]).toEqual([0, []]);
    api.lagging = false;
    api.show();
    await api.settle();
    expect([api.writes, api.ips("n/a")]).toEqual([1, ["1.0.0.9"]]);
  });

  it("tries again when the API fails, and counts it", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.failures = 1;
    api.put("n/a");
    await api.settle();
    expect([api.ips("n/a"), api.writer.counters]).toEqual([["1.0.0.0"], { updates: 2, errors: 1 }]);
  });

  it("clears what a Service had when it stops being a LoadBalancer, and gives it to who waits", async () => {
    const api = cluster(pool("p", "1.0.0.0/32"));
    api.put("n/a");
    await api.settle();
    api.put("n/b");
    await api.settle();
    expect(api.ips("n/b")).toEqual([]);
    api.put("n/a", (object) => {
      object.spec.type = "ClusterIP";
    });
    await api.settle();
    expect([api.ips("n/a"), api.ips("n/b")]).toEqual([[], ["1.0.0.0"]]);
    expect(api.objects.get("n/a")?.metadata.annotations).toEqual({});
  });

  it("moves with a pool, one write each", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    for (const name of ["a", "b"]) api.put(`n/${name}`);
    await api.settle();
    api.allocation.poolsChanged([pool("q", "1.0.0.1-1.0.0.9")]);
    await api.settle();
    expect([api.ips("n/a"), api.ips("n/b"), api.writes]).toEqual([["1.0.0.2"], ["1.0.0.1"], 4]);
    expect(api.objects.get("n/b")?.metadata.annotations[POOL]).toBe("q");
    expect(api.published.at(-1)?.[0]).toMatchObject({ pool: "q", ipv4: { total: 9n, used: 2 } });
  });

  it("stays with the last decision while several writes are on their way", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a");
    await api.settle();
    api.lagging = true;
    for (const wanted of ["1.0.0.7", "1.0.0.8"]) {
      const seen = api.store.get("n/a") as Service;
      api.store.set("n/a", { ...seen, loadBalancerIP: wanted });
      const object = api.objects.get("n/a") as Stored;
      object.spec.loadBalancerIP = wanted;
      api.allocation.servicesChanged(["n/a"]);
      await api.settle();
    }
    api.lagging = false;
    api.show();
    await api.settle();
    expect([api.ips("n/a"), api.writes]).toEqual([["1.0.0.8"], 3]);
  });
});
