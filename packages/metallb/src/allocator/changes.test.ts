import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { Pool } from "#config";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, holds, notes, pinned, pool, service, six } from "./testing.ts";

const cluster = (...pools: readonly Pool[]) => new Cluster(new Allocator(), pools);
const annotated = (annotations: Service["annotations"]): Partial<Service> => ({ annotations });

describe("families", () => {
  const both = pool("both", ["1.0.0.0/31", "fd00::/127"]);

  it("gives IPv4 and IPv6, and each alone, and counts them", () => {
    const c = cluster(both);
    c.put(service("x", six));
    expect(c.allocator.usage()).toEqual([{ pool: "both", ipv4: { total: 2n, used: 0 }, ipv6: { total: 2n, used: 1 } }]);
    c.remove("default/x");
    c.put(service("a", dual()), service("b", six), service("c"));
    expect([c.ips("default/a"), c.ips("default/b"), c.ips("default/c")]).toEqual([
      ["1.0.0.0", "fd00::"],
      ["fd00::1"],
      ["1.0.0.1"],
    ]);
  });

  it("wants both from one pool when it must, one when that is enough, the first family first", () => {
    const c = cluster(pool("four", ["1.0.0.0/24"]), pool("six", ["fd00::/64"]));
    c.put(
      service("a", dual()),
      service("b", dual("PreferDualStack")),
      service("c", { ...dual("PreferDualStack"), ipFamilies: ["IPv6", "IPv4"] }),
    );
    expect([c.refusal("default/a"), c.ips("default/b"), c.ips("default/c")]).toEqual([
      "exhausted",
      ["1.0.0.0"],
      ["fd00::"],
    ]);
  });

  it("adds the second address when it becomes free", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/128"]));
    c.put(service("a", six));
    c.put(service("b", dual("PreferDualStack")));
    expect(c.ips("default/b")).toEqual(["1.0.0.0"]);
    expect(notes(c.remove("default/a"))).toEqual(["default/b IPAllocated"]);
    expect(c.ips("default/b")).toEqual(["1.0.0.0", "fd00::"]);
  });

  it("never adds one to a Service with a single cluster IP", () => {
    const c = cluster(both);
    c.put(service("a", { ipFamilyPolicy: "PreferDualStack" }));
    c.decide(["default/a"]);
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
  });

  it("keeps the address of a family that stays", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"]));
    c.put(service("x"), service("y"), service("z"));
    c.remove("default/x");
    c.edit("default/z", dual());
    expect(c.ips("default/z")).toEqual(["1.0.0.2", "fd00::"]);
    c.edit("default/z", { clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" });
    expect(c.ips("default/z")).toEqual(["1.0.0.2"]);
  });

  it("replaces a status that cannot be an allocation", () => {
    const c = cluster(both);
    const told = c.put(service("a", holds("1.0.0.0", "1.0.0.1")));
    expect(notes(told)).toEqual(["default/a nolbIPsIPFamily", "default/a IPAllocated"]);
    c.put(service("b", { ...six, ...holds("1.0.0.1") }));
    expect(c.ips("default/b")).toEqual(["fd00::"]);
  });
});

describe("adoption and change of pools", () => {
  it("adopts every valid holder before it gives anything out, silently", () => {
    const c = cluster(pool("p", ["1.0.0.0/31"]));
    c.services.set("default/a", service("a", holds("9.0.0.9")));
    c.services.set("default/b", service("b", holds("1.0.0.0")));
    const told = c.decide([]);
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.1"], ["1.0.0.0"]]);
    expect(notes(told)).toEqual(["default/a ClearAssignment", "default/a IPAllocated"]);
  });

  it("keeps addresses through rename, split and growth; moves what fell out", () => {
    const c = cluster(pool("p", ["1.0.0.0/30"]));
    c.put(service("a"), service("b"), service("c"), service("d"));
    const split = c.setPools([pool("low", ["1.0.0.0/31"]), pool("high", ["1.0.0.2/31"])]);
    expect(split.every(({ notes: each }) => each.length === 0)).toBe(true);
    expect(c.allocator.usage().map(({ pool: name, ipv4 }) => [name, ipv4.used])).toEqual([
      ["high", 2],
      ["low", 2],
    ]);
    const shrunk = c.setPools([pool("low", ["1.0.0.0/31"]), pool("other", ["1.0.0.3/32", "5.0.0.0/24"])]);
    expect(notes(shrunk)).toEqual(["default/c ClearAssignment", "default/c IPAllocated"]);
    expect(["a", "b", "c", "d"].map((name) => c.ips(`default/${name}`)[0])).toEqual([
      "1.0.0.0",
      "1.0.0.1",
      "5.0.0.0",
      "1.0.0.3",
    ]);
  });

  it("looks only at those whom a change of pools concerns", () => {
    const p = pool("p", ["1.0.0.0/24"]);
    const c = cluster(p, pool("q", ["2.0.0.0/24"]));
    c.put(service("a"), service("b", annotated({ "metallb.io/address-pool": "q" })));
    expect(c.setPools([pool("p", ["1.0.0.0/24"]), pool("q", ["2.0.0.0/25"])]).map(({ key }) => key)).toEqual([
      "default/b",
    ]);
  });

  it("clears everything without pools, and serves again with them", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a"));
    expect(notes(c.setPools([]))).toEqual([]);
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([[], "noPools"]);
    c.setPools([pool("p", ["1.0.0.0/24"])]);
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
  });

  it("moves a Service whose labels no longer fit, and one on an address now avoided", () => {
    const c = cluster(
      pool("open", ["2.0.0.1/32"]),
      pool("web", ["1.0.0.0/24"], { allocation: pinned({ services: ({ tier }) => tier === "web" }) }),
    );
    c.put(service("a", { labels: { tier: "web" } }));
    c.edit("default/a", { labels: {} });
    expect(c.ips("default/a")).toEqual(["2.0.0.1"]);
    const d = cluster(pool("p", ["1.0.0.0/24"]));
    d.put(service("a"));
    d.setPools([pool("p", ["1.0.0.0/24"], { avoidBuggyIPs: true })]);
    expect(d.ips("default/a")).toEqual(["1.0.0.1"]);
  });

  it("moves of two addresses the one that is avoided now", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"]));
    c.put(service("a", dual()));
    const told = c.setPools([pool("p", ["1.0.0.0/24", "fd00::/64"], { avoidBuggyIPs: true })]);
    expect(c.ips("default/a")).toEqual(["fd00::", "1.0.0.1"]);
    expect(notes(told)).toEqual(["default/a ClearAssignment", "default/a IPAllocated"]);
  });

  it("restores its own address when a status is emptied, and adopts a valid foreign one", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a"), service("b"));
    c.edit("default/b", holds());
    expect(c.ips("default/b")).toEqual(["1.0.0.1"]);
    c.edit("default/b", holds("1.0.0.77"));
    expect(c.ips("default/b")).toEqual(["1.0.0.77"]);
    expect(notes(c.edit("default/b", holds("1.0.0.0")))).toEqual(["default/b ClearAssignment"]);
    expect(c.ips("default/b")).toEqual(["1.0.0.77"]);
    // Nor when both are looked at at once, and the other is the younger.
    c.put(service("young", { creationTimestamp: "2027-01-01T00:00:00Z" }));
    expect(c.ips("default/young")).toEqual(["1.0.0.1"]);
    c.services.set("default/a", { ...service("a"), ...holds("1.0.0.1") });
    c.decide(["default/a", "default/young"]);
    expect([c.ips("default/a"), c.ips("default/young")]).toEqual([["1.0.0.0"], ["1.0.0.1"]]);
  });
});

describe("type and class", () => {
  it("clears and frees when a Service stops being a LoadBalancer, with a class too", () => {
    for (const lbClass of ["", "x"]) {
      const c = new Cluster(new Allocator(lbClass), [pool("p", ["1.0.0.0/32"])]);
      c.put(service("a", { loadBalancerClass: lbClass || null }), service("b", { loadBalancerClass: lbClass || null }));
      const gone = c.edit("default/a", { type: "ClusterIP", loadBalancerClass: null });
      expect(gone.find(({ key }) => key === "default/a")?.desired).toEqual({ ips: [], pool: null });
      expect(c.ips("default/b")).toEqual(["1.0.0.0"]);
    }
  });

  it("clears whatever a Service that is no LoadBalancer has of ours, and leaves others alone", () => {
    const c = cluster(pool("p", ["1.0.0.0/32"]));
    const type = "ClusterIP";
    expect(c.put(service("plain", { type }))).toEqual([]);
    const mark = annotated({ "metallb.io/ip-allocated-from-pool": "p" });
    for (const rest of [mark, holds("9.9.9.9")])
      expect(c.put(service("x", { type, ...rest }))).toEqual([
        { key: "default/x", outcome: { kind: "released" }, desired: { ips: [], pool: null }, notes: [] },
      ]);
    c.put(service("a"), service("waits"));
    c.edit("default/waits", { type });
    expect(c.remove("default/a").map(({ key }) => key)).toEqual(["default/a"]);
    expect([c.ips("default/waits"), c.allocator.index.holdings().size]).toEqual([[], 0]);
  });

  it("leaves Services of another class alone", () => {
    const c = cluster(pool("p", ["1.0.0.0/32"]));
    expect(c.put(service("a", { loadBalancerClass: "other", ...holds("9.9.9.9") }))).toEqual([]);
  });

  it("gives nothing to a Service that is being deleted, and lets it keep what it has", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a"), service("b", { deleting: true }));
    c.edit("default/a", { deleting: true });
    expect([c.ips("default/a"), c.refusal("default/b")]).toEqual([["1.0.0.0"], "deleting"]);
  });
});
