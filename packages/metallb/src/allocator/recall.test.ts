import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { Pool } from "#config";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, holds, pool, service } from "./testing.ts";

const keeping = (addresses: readonly string[], terms: object = {}) =>
  pool("p", addresses, { terms: { reserved: new Map(), quotas: new Map(), keepFor: 1_000, ...terms } });

const reservedFor = (key: string) => new Map([[key, [{ family: 4 as const, value: 0x01000000n }]]]);

/** What the next process sees: the Services as they stand, and what the one before wrote down, `later` ms on. */
function restarted(before: Cluster, later: number, change: (c: Cluster) => void = () => {}): Cluster {
  const after = new Cluster(new Allocator(), before.pools);
  for (const [key, each] of before.services) after.services.set(key, each);
  change(after);
  // Its clock is another one: what counts is how long it is until then.
  after.now = 50;
  const left = (until: number) => until - (before.now + later) + after.now;
  after.allocator.kept.recall(before.allocator.kept.records().map((each) => ({ ...each, until: left(each.until) })));
  after.decide([...after.services.keys()], true);
  return after;
}

function start(pools = [keeping(["1.0.0.0/30", "fd00::/126"])]): Cluster {
  const c = new Cluster(new Allocator(), pools);
  c.put(service("a"), service("b"), service("c"), service("d"), service("waits"));
  c.remove("default/a");
  return c;
}

describe("what a process kept, the next one", () => {
  it("keeps until the same time, and gives it to who comes back", () => {
    const c = restarted(start(), 400);
    expect([c.ips("default/waits"), c.allocator.wakeAt]).toEqual([[], 650]);
    c.put(service("a"));
    expect([c.ips("default/a"), c.allocator.wakeAt, c.allocator.kept.records()]).toEqual([["1.0.0.0"], null, []]);
  });

  it("gives to who waits when the time is over, also if it was over before it began", () => {
    const c = restarted(start(), 400);
    c.now = 650;
    c.decide([]);
    expect(c.ips("default/waits")).toEqual(["1.0.0.0"]);
    expect(restarted(start(), 1_000).ips("default/waits")).toEqual(["1.0.0.0"]);
  });

  it("gives to who came back meanwhile, before those that waited for longer", () => {
    const c = restarted(start(), 400, (next) => next.services.set("default/a", service("a")));
    expect([c.ips("default/a"), c.ips("default/waits"), c.allocator.kept.records()]).toEqual([["1.0.0.0"], [], []]);
  });

  it("does not keep what a Service shows, whoever wrote it there", () => {
    const other = { ...service("other"), ...holds("1.0.0.0") };
    const c = restarted(start(), 400, (next) => next.services.set("default/other", other));
    expect([c.ips("default/other"), c.allocator.kept.records()]).toEqual([["1.0.0.0"], []]);
    c.put(service("a"));
    expect(c.ips("default/a")).toEqual([]);
  });

  it.each<readonly [string, Pool | null, Service | null]>([
    ["its pool keeps nothing any more", pool("p", ["1.0.0.0/30"]), null],
    ["it is of no pool", keeping(["1.0.0.1-1.0.0.4"]), null],
    ["it is reserved now", keeping(["1.0.0.0/30"], { reserved: reservedFor("default/waits") }), null],
    ["its name is no LoadBalancer's", null, service("a", { type: "ClusterIP" })],
  ])("does not keep what it kept where %s", (_, other, back) => {
    const c = restarted(start(), 400, (next) => {
      if (other) next.pools = [other];
      if (back) next.services.set(back.key, back);
    });
    expect(c.allocator.kept.records()).toEqual([]);
    expect(c.ips("default/waits")).toHaveLength(1);
  });

  it("keeps no longer than the pool says now, whatever the clocks said", () => {
    expect(restarted(start(), -9_000).allocator.wakeAt).toBe(1_050);
  });

  it("keeps for those who share, so that they go on sharing", () => {
    const sharing = (port: number): Partial<Service> => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k" },
    });
    const c = new Cluster(new Allocator(), [keeping(["1.0.0.0/31"])]);
    c.put(service("a", sharing(80)), service("b", sharing(81)));
    c.remove("default/a");
    const next = restarted(c, 10);
    next.put(service("c", sharing(80)));
    next.put(service("a", sharing(80)));
    expect([next.ips("default/a"), next.ips("default/b"), next.ips("default/c")]).toEqual([
      ["1.0.0.0"],
      ["1.0.0.0"],
      ["1.0.0.1"],
    ]);
  });

  it("keeps both of two, each once, and those that end first first", () => {
    const c = new Cluster(new Allocator(), [keeping(["1.0.0.0/30", "fd00::/126"])]);
    c.put(service("a", dual()), service("b", dual()));
    c.remove("default/b");
    c.now = 10;
    c.remove("default/a");
    const next = restarted(c, 0);
    expect([next.allocator.wakeAt, next.allocator.usage()[0]?.ipv6.used]).toEqual([1_040, 2]);
    next.now = 1_040;
    next.decide([]);
    expect(next.allocator.kept.records().map(({ key }) => key)).toEqual(["default/a"]);
  });

  it("says by a number when something differs, and only then", () => {
    const c = start();
    const { kept } = c.allocator;
    const seen = [kept.version];
    const look = () => seen.push(kept.version);
    c.decide(["default/a", "default/b"]);
    look();
    c.put(service("a"));
    look();
    c.remove("default/b");
    look();
    c.now = 5_000;
    c.decide([]);
    look();
    expect(new Set(seen).size).toBe(4);
    expect(seen[0]).toBe(seen[1]);
  });
});
