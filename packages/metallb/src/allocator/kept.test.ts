import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, notes, pool, service } from "./testing.ts";

const keeping = (addresses: readonly string[], keepFor = 1_000) =>
  pool("p", addresses, { terms: { reserved: new Map(), quotas: new Map(), keepFor } });
const start = (...addresses: readonly string[]) => new Cluster(new Allocator(), [keeping(addresses)]);

describe("addresses of a deleted Service", () => {
  it("are kept for its name, and given to it again", () => {
    const c = start("1.0.0.0/30");
    c.put(service("a"), service("b"));
    c.remove("default/a");
    expect(c.allocator.wakeAt).toBe(1_000);
    c.put(service("c"), service("asks", { loadBalancerIP: "1.0.0.0" }));
    expect([c.ips("default/c"), c.ips("default/asks")]).toEqual([["1.0.0.2"], []]);
    expect(c.allocator.usage()[0]?.ipv4.used).toBe(3);
    c.put(service("a"));
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
    expect(c.allocator.wakeAt).toBeNull();
    c.now = 5_000;
    c.decide([]);
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
  });

  it("are told of as released once, and are free when the name comes back as something else", () => {
    const c = start("1.0.0.0/30");
    c.put(service("a"));
    expect(c.remove("default/a")).toEqual([
      { key: "default/a", outcome: { kind: "released" }, desired: null, notes: [] },
    ]);
    expect([[...c.allocator.outcomes.keys()], c.decide(["default/a"])]).toEqual([[], []]);
    expect(c.allocator.wakeAt).toBe(1_000);
    c.put(service("a", { type: "ClusterIP" }));
    expect([c.allocator.wakeAt, c.allocator.index.holdings().size]).toEqual([null, 0]);
  });

  it("go to who waits when the time is over, which does not begin anew by a change of the pools", () => {
    const c = start("1.0.0.0/32");
    c.put(service("a"));
    c.put(service("waits"));
    c.remove("default/a");
    expect(c.ips("default/waits")).toEqual([]);
    c.now = 900;
    c.setPools([keeping(["1.0.0.0/32", "2.0.0.0/32"], 1_000)]);
    expect(c.ips("default/waits")).toEqual(["2.0.0.0"]);
    c.put(service("asks", { loadBalancerIP: "1.0.0.0" }));
    c.now = 1_000;
    const told = c.decide([]);
    expect(notes(told)).toEqual(["default/asks IPAllocated"]);
    expect([c.ips("default/asks"), c.allocator.wakeAt]).toEqual([["1.0.0.0"], null]);
    c.put(service("a"));
    expect(c.ips("default/a")).toEqual([]);
  });

  it("are free at once where the Service asks for others, the pool keeps nothing, or it only changed its type", () => {
    const c = start("1.0.0.0/30", "fd00::/126");
    c.put(service("a", dual()), service("b"), service("d"));
    c.remove("default/a", "default/b");
    c.put(service("a", { ...dual(), annotations: { "metallb.io/loadBalancerIPs": "1.0.0.3,fd00::3" } }));
    c.put(service("c"));
    expect([c.ips("default/a"), c.ips("default/c")]).toEqual([["1.0.0.3", "fd00::3"], ["1.0.0.0"]]);
    c.edit("default/d", { type: "ClusterIP" } satisfies Partial<Service>);
    c.put(service("e"));
    expect(c.ips("default/e")).toEqual(["1.0.0.2"]);
    c.setPools([pool("p", ["1.0.0.0/30", "fd00::/126"])]);
    c.put(service("f"));
    expect([c.ips("default/f"), c.allocator.wakeAt]).toEqual([["1.0.0.1"], null]);
  });

  it("are looked at when the first of them falls due, whatever their pools say", () => {
    const keep = (name: string, range: string, keepFor: number) =>
      pool(name, [range], { autoAssign: false, terms: { reserved: new Map(), quotas: new Map(), keepFor } });
    for (const [first, second] of [
      [700, 300],
      [300, 700],
    ] as const) {
      const c = new Cluster(new Allocator(), [keep("p", "1.0.0.0/32", first), keep("q", "2.0.0.0/32", second)]);
      c.put(service("a", { loadBalancerIP: "1.0.0.0" }), service("b", { loadBalancerIP: "2.0.0.0" }));
      c.remove("default/a", "default/b");
      expect(c.allocator.wakeAt).toBe(300);
      c.now = 300;
      c.decide([]);
      expect([c.allocator.wakeAt, c.allocator.index.holdings().size]).toEqual([700, 1]);
      c.now = 700;
      c.decide([]);
      expect([c.allocator.wakeAt, c.allocator.index.holdings().size]).toEqual([null, 0]);
    }
  });

  it("stay shared with those who shared them", () => {
    const sharing = (port: number): Partial<Service> => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k" },
    });
    const c = start("1.0.0.0/30");
    c.put(service("a", sharing(80)), service("b", sharing(81)));
    c.remove("default/a");
    c.put(service("c", sharing(80)));
    expect(c.ips("default/c")).toEqual(["1.0.0.1"]);
    c.put(service("a", sharing(80)));
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.0"], ["1.0.0.0"]]);
  });
});
