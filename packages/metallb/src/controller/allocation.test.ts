import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Pool } from "#config";
import { FakeApi, POOL, pool, project, type Stored } from "./testing.ts";
import type { WatchedService } from "./watched-service.ts";

const started: FakeApi[] = [];
afterEach(() => Promise.all(started.splice(0).map(({ writer }) => writer.stop())));

function cluster(...pools: readonly Pool[]): FakeApi {
  const api = new FakeApi();
  started.push(api);
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

  it("decides on what it wrote while the watch lags", async () => {
    const api = cluster(pool("p", "1.0.0.0/31"));
    api.lagging = true;
    api.put("n/a");
    api.show();
    await api.settle();
    api.put("n/b");
    api.store.set("n/b", project(api.objects.get("n/b") as Stored));
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

  it("clears what is no LoadBalancer even if it changes while that is written", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a", (object) => {
      object.spec.type = "ClusterIP";
      object.status.loadBalancer.ingress = [{ ip: "9.9.9.9" }];
    });
    api.beforeWrite = () =>
      api.put("n/a", (object) => {
        object.metadata.labels.x = "y";
      });
    await api.settle();
    expect(api.ips("n/a")).toEqual([]);
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
      const seen = api.store.get("n/a") as WatchedService;
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

  it("writes the others while the writes of many fail for ever", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    const bad = Array.from({ length: 40 }, (_, i) => `bad/${i}`);
    for (const key of bad) api.refused.add(key);
    for (const key of [...bad, "good/a", "good/b"]) api.put(key);
    await expect.poll(() => [api.ips("good/a").length, api.ips("good/b").length]).toEqual([1, 1]);
    api.refused.clear();
    await expect.poll(() => bad.every((key) => api.ips(key).length === 1), { timeout: 5_000 }).toBe(true);
  });

  it("gives an address only after the write that frees it, also while that fails", async () => {
    const api = cluster(pool("p", "1.0.0.0/32"));
    api.put("n/old");
    await api.settle();
    api.put("n/new");
    await api.settle();
    api.refused.add("n/old");
    api.put("n/old", (object) => {
      object.spec.type = "ClusterIP";
    });
    await expect.poll(() => api.writer.counters.errors, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    expect([api.ips("n/old"), api.ips("n/new")]).toEqual([["1.0.0.0"], []]);
    api.refused.clear();
    await expect.poll(() => [api.ips("n/old"), api.ips("n/new")], { timeout: 5_000 }).toEqual([[], ["1.0.0.0"]]);
    expect(api.doubles).toEqual([]);
  });

  it("lets two Services change places without showing an address twice", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    const ask = (key: string, ip: string) =>
      api.put(key, (object) => {
        object.spec.loadBalancerIP = ip;
      });
    ask("n/a", "1.0.0.1");
    ask("n/b", "1.0.0.2");
    await api.settle();
    api.lagging = true;
    ask("n/a", "1.0.0.2");
    ask("n/b", "1.0.0.1");
    api.lagging = false;
    api.show();
    await expect.poll(() => [api.ips("n/a"), api.ips("n/b")], { timeout: 5_000 }).toEqual([["1.0.0.2"], ["1.0.0.1"]]);
    expect(api.doubles).toEqual([]);
  });

  it("has nothing in flight once it is drained, and writes nothing after it", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a");
    await turn();
    await turn();
    await api.writer.drain(5_000);
    expect(api.ips("n/a")).toEqual(["1.0.0.0"]);
    api.put("n/b");
    await api.settle();
    expect(api.ips("n/b")).toEqual([]);
  });
});
