import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgeList } from "./age-list.ts";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, pinned, pool, service } from "./testing.ts";

describe("a list by age", () => {
  it("finds what a sorted array finds", () => {
    const ages = fc.integer({ min: 0, max: 3_000 }).map((n) => String(n).padStart(4, "0"));
    fc.assert(
      fc.property(
        fc.uniqueArray(ages, { minLength: 0, maxLength: 1_500 }),
        fc.array(ages, { maxLength: 600 }),
        fc.array(ages, { maxLength: 20 }),
        (added, removed, asked) => {
          const list = new AgeList<{ readonly age: string }>();
          for (const age of added) list.add({ age });
          for (const age of removed) list.delete(age);
          const left = added.filter((age) => !removed.includes(age)).sort();
          expect(list.size).toBe(left.length);
          for (const age of ["", ...asked]) expect(list.after(age)?.age).toBe(left.find((each) => each > age));
          const walked: string[] = [];
          for (let item = list.after(""); item; item = list.after(item.age)) walked.push(item.age);
          expect(walked).toEqual(left);
        },
      ),
      { numRuns: 60 },
    );
  });
});

const created = (n: number) => `2026-01-01T00:00:00.${String(n).padStart(6, "0")}Z`;

describe("those that wait", () => {
  it("are served oldest first, whatever they wait for alike", () => {
    const c = new Cluster(new Allocator(), [
      pool("p", ["1.0.0.0/31"]),
      pool("q", ["2.0.0.0/31"], { autoAssign: false }),
    ]);
    c.put(...Array.from({ length: 2 }, (_, i) => service(`holds${i}`)));
    const named = { annotations: { "metallb.io/address-pool": "p" } };
    c.put(
      service("w3", { creationTimestamp: created(3) }),
      service("w2", { creationTimestamp: created(2), ...named }),
      service("w1", { creationTimestamp: created(1), annotations: { "metallb.io/allow-shared-ip": "k" } }),
      service("w4", { creationTimestamp: created(4), loadBalancerIP: "1.0.0.1" }),
    );
    c.remove("default/holds0");
    expect(c.ips("default/w1")).toEqual(["1.0.0.0"]);
    c.remove("default/holds1");
    expect(["w2", "w3", "w4"].map((name) => c.ips(`default/${name}`))).toEqual([["1.0.0.1"], [], []]);
    c.remove("default/w1", "default/w2");
    expect(["w3", "w4"].map((name) => c.ips(`default/${name}`))).toEqual([["1.0.0.0"], ["1.0.0.1"]]);
  });

  it("for an address hear nothing when others use it than before, and of another address that is in use they do", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/31"])]);
    const shares = { annotations: { "metallb.io/allow-shared-ip": "k" } };
    c.put(service("a", { ...shares, ports: [{ protocol: "TCP", port: 1 }] }), service("b"));
    c.put(service("w", { loadBalancerIP: "1.0.0.0" }));
    c.put(service("c", { ...shares, ports: [{ protocol: "TCP", port: 2 }] }));
    const told = [...c.remove("default/a"), ...c.decide(["default/w"], true)];
    expect(c.ips("default/c")).toEqual(["1.0.0.0"]);
    expect(told.flatMap(({ notes }) => notes)).toEqual([]);
    expect(c.edit("default/w", { loadBalancerIP: "1.0.0.1" }).flatMap(({ notes }) => notes)).toMatchObject([
      { reason: "AllocationFailed", message: expect.stringContaining("default/b") },
    ]);
  });

  it("and cannot use what is free do not keep it from others", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/31", "fd00::/128"])]);
    c.put(service("a"), service("b"), service("six", { clusterIPs: ["fd00:96::1"], ipFamilies: ["IPv6"] }));
    c.put(
      ...Array.from({ length: 20 }, (_, i) => service(`both${i}`, { ...dual(), creationTimestamp: created(i) })),
      service("young", { creationTimestamp: created(99) }),
    );
    // One of those that are alike is looked at, and when it gains nothing none of the others.
    expect(c.remove("default/a").map(({ key }) => key)).toEqual(["default/a", "default/both0", "default/young"]);
    expect(c.ips("default/young")).toEqual(["1.0.0.0"]);
  });

  it("take one family each while that is all there is", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/30", "fd00::/128"])]);
    c.put(...Array.from({ length: 4 }, (_, i) => service(`a${i}`)));
    c.put(service("six", { clusterIPs: ["fd00:96::1"], ipFamilies: ["IPv6"] }));
    c.put(
      ...Array.from({ length: 4 }, (_, i) =>
        service(`w${i}`, { ...dual("PreferDualStack"), creationTimestamp: created(i) }),
      ),
    );
    c.remove(...Array.from({ length: 4 }, (_, i) => `default/a${i}`));
    expect(Array.from({ length: 4 }, (_, i) => c.ips(`default/w${i}`).length)).toEqual([1, 1, 1, 1]);
    c.remove("default/six");
    expect(c.ips("default/w0")).toHaveLength(2);
  });

  it("are served from each pool that has something again, when more than one has", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/32"]), pool("q", ["2.0.0.0/31"])]);
    c.put(service("a"), service("b"), service("c"));
    c.put(...["w", "x", "y"].map((name) => service(name)));
    c.remove("default/a", "default/b", "default/c");
    expect(["w", "x", "y"].map((name) => c.ips(`default/${name}`)[0])).toEqual(["1.0.0.0", "2.0.0.0", "2.0.0.1"]);
  });

  it("for a second family are not looked at when the first becomes free, and all served when there is enough", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/29", "fd00::/127"])]);
    const six = { clusterIPs: ["fd00:96::1"], ipFamilies: ["IPv6"] };
    c.put(service("x"), service("six0", six), service("six1", six));
    c.put(...["w0", "w1"].map((name) => service(name, dual("PreferDualStack"))));
    expect(c.remove("default/x").map(({ key }) => key)).toEqual(["default/x"]);
    c.remove("default/six0", "default/six1");
    expect(["w0", "w1"].map((name) => c.ips(`default/${name}`).length)).toEqual([2, 2]);
  });

  it("for a second family get it when a quota allows it, or somebody shares it with them", () => {
    const limited = { terms: { reserved: new Map(), quotas: new Map([["default", 2]]) } };
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/29", "fd00::/127"], limited)]);
    c.put(service("x"));
    c.put(service("w", dual("PreferDualStack")));
    expect(c.ips("default/w")).toEqual(["1.0.0.1"]);
    c.remove("default/x");
    expect(c.ips("default/w")).toEqual(["1.0.0.1", "fd00::"]);

    const shares = (port: number) => ({
      annotations: { "metallb.io/allow-shared-ip": "k" },
      ports: [{ protocol: "TCP", port }],
    });
    const d = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/29", "fd00::/128"])]);
    d.put(service("x", { clusterIPs: ["fd00:96::1"], ipFamilies: ["IPv6"], ...shares(1) }));
    d.put(service("w", { ...dual("PreferDualStack"), ...shares(1) }));
    expect(d.ips("default/w")).toEqual(["1.0.0.0"]);
    d.edit("default/x", shares(2));
    expect(d.ips("default/w")).toEqual(["1.0.0.0", "fd00::"]);
  });

  it("for a second family are told instead when what they ask for cannot be read", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/29"])]);
    c.put(service("w", dual("PreferDualStack")));
    expect(c.refusal("default/w")).toBe("poolExhaustedDual");
    c.edit("default/w", { loadBalancerIP: "x" });
    expect([c.ips("default/w"), c.refusal("default/w")]).toEqual([["1.0.0.0"], "requestInvalid"]);
  });

  it("cost no more for the number of pools and of those that wait", () => {
    const count = 5_000;
    const pools = Array.from({ length: 100 }, (_, i) =>
      pool(`p${String(i).padStart(3, "0")}`, [`1.0.${i}.1/32`], {
        allocation: i % 2 === 0 ? null : pinned({ services: ({ tier }) => tier !== "db" }),
      }),
    );
    const c = new Cluster(new Allocator(), pools);
    c.put(...Array.from({ length: 100 }, (_, i) => service(`holds${i}`)));
    const started = performance.now();
    c.put(...Array.from({ length: count }, (_, i) => service(`w${i}`, { creationTimestamp: created(i) })));
    c.setPools([...pools, pool("more", ["2.0.0.0/24"])]);
    const took = performance.now() - started;
    expect(c.ips("default/w255")).toEqual(["2.0.0.255"]);
    expect(c.ips("default/w256")).toEqual([]);
    // Of a time only the order is tested: with a list of all that wait for each pool this takes half a minute.
    expect(took).toBeLessThan(2_000);
    const freed = performance.now();
    for (let i = 0; i < 100; i++) c.remove(`default/holds${i}`);
    expect(performance.now() - freed).toBeLessThan(500);
    expect(c.ips("default/w355")).toHaveLength(1);
    expect(c.ips("default/w356")).toHaveLength(0);
  });
});
