import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { Pool } from "#config";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, holds, notes, pinned, pool, service } from "./testing.ts";

const cluster = (...pools: readonly Pool[]) => new Cluster(new Allocator(), pools);
const annotated = (annotations: Service["annotations"]): Partial<Service> => ({ annotations });
const sharing = (key: string, port: number, rest: Partial<Service> = {}): Partial<Service> => ({
  ports: [{ protocol: "TCP", port }],
  ...rest,
  annotations: { "metallb.io/allow-shared-ip": key, ...rest.annotations },
});

describe("automatic allocation", () => {
  it("takes the lowest free address in the order of the spec, and the freed one again", () => {
    const c = cluster(pool("p", ["1.0.0.8/31", "1.0.0.0/31"]));
    c.put(...["a", "b", "c", "d"].map((name) => service(name)));
    expect(["a", "b", "c", "d"].map((name) => c.ips(`default/${name}`)[0])).toEqual([
      "1.0.0.8",
      "1.0.0.9",
      "1.0.0.0",
      "1.0.0.1",
    ]);
    c.remove("default/b");
    c.put(service("e"));
    expect(c.ips("default/e")).toEqual(["1.0.0.9"]);
  });

  it("refuses with every pool and its reason, and serves the oldest that waits on a release", () => {
    const c = cluster(pool("manual", ["2.0.0.0/24"], { autoAssign: false }), pool("p", ["1.0.0.1/32"]));
    c.put(service("a"));
    const told = c.put(service("young", { creationTimestamp: "2026-03-01T00:00:00Z" }));
    c.put(service("old", { creationTimestamp: "2026-02-01T00:00:00Z" }));
    expect(notes(told)).toEqual(["default/young AllocationFailed"]);
    const outcome = c.allocator.outcomes.get("default/young");
    expect(outcome?.kind === "refused" && outcome.refusal.pools.map(({ pool: name, code }) => [name, code])).toEqual([
      ["manual", "notAutoAssign"],
      ["p", "full"],
    ]);
    const freed = c.remove("default/a");
    expect(freed.map(({ key }) => key).sort()).toEqual(["default/a", "default/old"]);
    expect(c.ips("default/old")).toEqual(["1.0.0.1"]);
    expect(c.ips("default/young")).toEqual([]);
  });

  it("skips .0 and .255 where told so", () => {
    const c = cluster(pool("p", ["1.0.0.254-1.0.1.1"], { avoidBuggyIPs: true }));
    c.put(service("a"), service("b"), service("c"));
    expect([c.ips("default/a"), c.ips("default/b"), c.refusal("default/c")]).toEqual([
      ["1.0.0.254"],
      ["1.0.1.1"],
      "exhausted",
    ]);
    c.put(service("d", { loadBalancerIP: "1.0.1.0" }));
    expect(c.refusal("default/d")).toBe("notInConfig");
    expect(c.allocator.usage()[0]?.ipv4).toEqual({ total: 2n, used: 2 });
  });

  it("asks pinned pools by priority, then open ones by name", () => {
    const c = cluster(
      pool("a-open", ["1.0.0.1/32"]),
      pool("b-last", ["1.0.0.2/32"], { allocation: pinned({ priority: 0 }) }),
      pool("c-first", ["1.0.0.3/32"], { allocation: pinned({ priority: 1, namespaces: new Set(["default"]) }) }),
      pool("d-second", ["1.0.0.4/32"], { allocation: pinned({ priority: 2, services: ({ tier }) => tier === "web" }) }),
      pool("e-closed", ["1.0.0.5/32"], { allocation: pinned({ priority: 1, namespaces: new Set() }) }),
    );
    const names = ["v", "w", "x", "y", "z"];
    c.put(...names.map((name) => service(name, { labels: { tier: "web" } })));
    expect(names.map((name) => c.ips(`default/${name}`)[0] ?? null)).toEqual([
      "1.0.0.3",
      "1.0.0.4",
      "1.0.0.2",
      "1.0.0.1",
      null,
    ]);
    const outcome = c.allocator.outcomes.get("default/z");
    expect(
      outcome?.kind === "refused" && outcome.refusal.pools.find(({ pool: name }) => name === "e-closed")?.code,
    ).toBe("otherNamespaces");
  });

  it("does nothing before the configuration is known", () => {
    const c = new Cluster(new Allocator());
    expect(c.put(service("a"))).toEqual([]);
    c.setPools([pool("p", ["1.0.0.1/32"])]);
    expect(c.ips("default/a")).toEqual(["1.0.0.1"]);
  });
});

describe("requests", () => {
  it("gives a requested address, also from a pool without autoAssign, by annotation or field", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"], { autoAssign: false }));
    c.put(
      service("a", annotated({ "metallb.io/loadBalancerIPs": " 1.0.0.7 " })),
      service("b", { loadBalancerIP: "1.0.0.8" }),
    );
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.7"], ["1.0.0.8"]]);
  });

  it.each([
    ["requestTwice", { loadBalancerIP: "1.0.0.1", annotations: { "metallb.io/loadBalancerIPs": "1.0.0.1" } }],
    ["requestInvalid", annotated({ "metallb.io/loadBalancerIPs": "1.0.0.1," })],
    ["requestInvalid", annotated({ "metallb.io/loadBalancerIPs": "1.0.0.01" })],
    ["requestInvalid", { loadBalancerIP: "1.0.0.1/32" }],
    ["requestSameFamily", annotated({ "metallb.io/loadBalancerIPs": "1.0.0.1,1.0.0.1" })],
    ["requestFamily", { loadBalancerIP: "fd00::1" }],
    ["requestFamily", { ...dual("PreferDualStack"), loadBalancerIP: "1.0.0.1" }],
    ["notInConfig", { loadBalancerIP: "9.0.0.1" }],
    ["requestPool", { loadBalancerIP: "1.0.0.1", annotations: { "metallb.io/address-pool": "q" } }],
    ["unknownPool", annotated({ "metallb.universe.tf/address-pool": "nope" })],
    ["noClusterIP", { clusterIPs: [] }],
    ["clusterIPFamilies", { clusterIPs: ["None"] }],
    ["clusterIPFamilies", { clusterIPs: ["10.96.0.1", "10.96.0.2"] }],
    ["notEnoughClusterIPs", { ipFamilyPolicy: "RequireDualStack" }],
  ] as const)("refuses with %s", (code, rest) => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"]), pool("q", ["2.0.0.0/24"]));
    c.put(service("a", rest));
    expect([c.refusal("default/a"), c.ips("default/a")]).toEqual([code, []]);
  });

  it("takes an IPv4-mapped request as IPv4, and the new prefix before the old one", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    const both = { "metallb.universe.tf/loadBalancerIPs": "1.0.0.9", "metallb.io/loadBalancerIPs": "::ffff:1.0.0.7" };
    c.put(service("a", annotated(both)));
    expect(c.ips("default/a")).toEqual(["1.0.0.7"]);
  });

  it("keeps the address while a request is invalid, and says so once", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a"));
    const told = c.edit("default/a", { loadBalancerIP: "x" });
    expect(notes(told)).toEqual(["default/a LoadBalancerFailed"]);
    expect(notes(c.decide(["default/a"]))).toEqual([]);
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
  });

  it("moves when another address or pool is requested, and waits for exactly the address", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]), pool("q", ["2.0.0.0/24"]));
    c.put(service("a"), service("b"));
    // Contract 4.7: no ClearAssignment for what the Service itself asked for.
    const moved = c.edit("default/a", annotated({ "metallb.io/address-pool": "q" }));
    expect([c.ips("default/a"), notes(moved)]).toEqual([["2.0.0.0"], ["default/a IPAllocated"]]);
    c.put(service("c", { loadBalancerIP: "2.0.0.0" }));
    expect(c.refusal("default/c")).toBe("sharingKey");
    c.edit("default/a", annotated({}));
    expect(c.ips("default/a")).toEqual(["2.0.0.0"]);
    c.edit("default/a", annotated({ "metallb.io/address-pool": "p" }));
    expect([c.ips("default/a"), c.ips("default/c")]).toEqual([["1.0.0.0"], ["2.0.0.0"]]);
  });

  it("lets two Services swap what they request", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a", { loadBalancerIP: "1.0.0.1" }), service("b", { loadBalancerIP: "1.0.0.2" }));
    c.edit("default/a", { loadBalancerIP: "1.0.0.2" });
    c.edit("default/b", { loadBalancerIP: "1.0.0.1" });
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.2"], ["1.0.0.1"]]);
  });
});

describe("what is told", () => {
  const told = (c: Cluster, rest: Partial<Service>) => c.put(service("a", rest)).map(({ notes: each }) => each);

  it("names the Service, its addresses and the reason, as upstream does", () => {
    const c = cluster(pool("p", ["1.0.0.0/31"]), pool("six", ["fd00::/127"]));
    expect(told(c, {})).toEqual([[{ type: "Normal", reason: "IPAllocated", message: 'Assigned IP ["1.0.0.0"]' }]]);
    expect(told(c, { ...holds("1.0.0.0"), clusterIPs: ["None"] })).toEqual([
      [
        {
          type: "Warning",
          reason: "noclusterIPsIPFamily",
          message: expect.stringMatching(/^Failed to retrieve cluster IPs family: /),
        },
      ],
    ]);
    expect(c.allocator.index.held("default/a")?.ips).toHaveLength(1);
    expect(told(c, { ...holds("1.0.0.0"), loadBalancerIP: "x" })).toEqual([
      [
        {
          type: "Warning",
          reason: "LoadBalancerFailed",
          message: 'invalid requested loadbalancer IPs: invalid spec.loadBalancerIP "x"',
        },
      ],
    ]);
    expect(told(c, { ...holds("1.0.0.0"), ...dual("PreferDualStack") })).toEqual([
      [
        {
          type: "Normal",
          reason: "AdditionalAssignFailed",
          message: 'Failed to assign additional IP for "default/a": no available IPs in pool p for dual IPFamily',
        },
      ],
    ]);
    c.setPools([pool("p", ["1.0.0.0/31", "fd00::/127"])]);
    c.edit("default/a", holds("1.0.0.0"));
    expect(told(c, { ...holds("1.0.0.0"), ...dual("RequireDualStack") })).toEqual([
      [{ type: "Normal", reason: "IPAllocated", message: 'Assigned additional IP ["fd00::"]' }],
    ]);
    expect(told(c, { ...holds("1.0.0.0"), loadBalancerIP: "9.9.9.9" })).toEqual([
      [
        {
          type: "Warning",
          reason: "AllocationFailed",
          message: 'Failed to allocate IP for "default/a": ["9.9.9.9"] is not allowed in config',
        },
      ],
    ]);
  });

  it("is why a Service without an address is refused, and what it asked for where that cannot be read", () => {
    const c = cluster(pool("p", ["1.0.0.0/31"]));
    const failed = (message: string) => [[{ type: "Warning", reason: "AllocationFailed", message }]];
    expect(told(c, { clusterIPs: ["None"] })).toEqual(
      failed('Failed to allocate IP for "default/a": cannot tell the IP families of the cluster IPs ["None"]'),
    );
    expect(told(c, annotated({ "metallb.io/loadBalancerIPs": "x" }))).toEqual(
      failed('Failed to allocate IP for "default/a": invalid metallb.io/loadBalancerIPs: "x"'),
    );
  });

  it("and decided is the same that is known from then on", () => {
    const c = cluster(pool("p", ["1.0.0.0/31"]));
    const [given] = c.put(service("a"));
    expect(given?.outcome).toMatchObject({ kind: "allocated", pool: "p", lacking: null, ips: [{ family: 4 }] });
    expect(given?.desired).toMatchObject({ pool: "p", ips: [{ family: 4 }] });
    expect(c.allocator.outcomes.get("default/a")).toBe(given?.outcome);
  });

  it("is nothing where a status has a hostname, or an empty entry, beside the address", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    const ingress = [
      { ip: null, hostname: "example.org", ipMode: null },
      { ip: "", hostname: null, ipMode: null },
      ...holds("1.0.0.7").ingress,
    ];
    expect(told(c, { ingress })).toEqual([[]]);
    expect(c.ips("default/a")).toEqual(["1.0.0.7"]);
  });

  it("is nothing where another address stands in the status than the Service asks for, unless nobody could have it", () => {
    const c = cluster(pool("p", ["1.0.0.0/31"]));
    const asks: Partial<Service> = { loadBalancerIP: "1.0.0.0" };
    const reasons = (rest: Partial<Service>) => told(c, rest).map((list) => list.map(({ reason }) => reason));
    expect(reasons({ ...asks, ...holds("1.0.0.1") })).toEqual([["IPAllocated"]]);
    expect(reasons({ ...asks, ...holds("fd00::1") })).toEqual([[]]);
    expect(reasons({ ...asks, ...holds("9.9.9.9") })).toEqual([["ClearAssignment"]]);
    c.put(service("b"));
    expect(reasons({ ...asks, ...holds("1.0.0.1") })).toEqual([["ClearAssignment"]]);
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
  });

  it("is what became of an address that cannot be kept, or of a status that cannot be read", () => {
    const c = cluster(pool("p", ["1.0.0.0/31"]));
    expect(told(c, holds("9.9.9.9"))).toEqual([
      [
        {
          type: "Normal",
          reason: "ClearAssignment",
          message: 'current IP(s) ["9.9.9.9"] cannot be kept: ["9.9.9.9"] is not allowed in config',
        },
        { type: "Normal", reason: "IPAllocated", message: 'Assigned IP ["1.0.0.0"]' },
      ],
    ]);
    expect(told(c, holds("x", "y"))).toEqual([
      [
        {
          type: "Warning",
          reason: "nolbIPsIPFamily",
          message: 'Failed to retrieve LoadBalancer IPs family: ["x" "y"]',
        },
      ],
    ]);
  });
});

describe("sharing", () => {
  it("packs Services with equal keys and other ports onto the lowest address", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(
      service("a", sharing("k", 80)),
      service("b", sharing("k", 443)),
      service("c", sharing("k", 80)),
      service("d", sharing("j", 1)),
    );
    expect(["a", "b", "c", "d"].map((name) => c.ips(`default/${name}`)[0])).toEqual([
      "1.0.0.0",
      "1.0.0.0",
      "1.0.0.1",
      "1.0.0.2",
    ]);
    expect(c.allocator.usage()[0]?.ipv4.used).toBe(3);
  });

  it("needs the same Pods with policy Local, and never goes from Local to Cluster", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    const local = (app: Service["selector"]): Partial<Service> => ({ externalTrafficPolicy: "Local", selector: app });
    c.put(
      service("a", sharing("k", 1, local({ app: "x" }))),
      service("b", sharing("k", 2, local({ app: "x" }))),
      service("c", sharing("k", 3, local({ app: "y" }))),
      service("d", sharing("k", 4)),
      service("e", sharing("k", 5, local({}))),
    );
    // In whatever order a selector is written.
    c.put(service("f", sharing("j", 1, local({ app: "x", tier: "web" }))));
    c.put(service("g", sharing("j", 2, local({ tier: "web", app: "x" }))));
    expect(c.ips("default/g")).toEqual(c.ips("default/f"));
    expect(["a", "b", "c", "d", "e"].map((name) => c.ips(`default/${name}`)[0])).toEqual([
      "1.0.0.0",
      "1.0.0.0",
      "1.0.0.1",
      "1.0.0.2",
      "1.0.0.3",
    ]);
  });

  it("moves the Service whose edit breaks the sharing, and not the other", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a", sharing("k", 80)), service("b", sharing("k", 443)));
    const told = c.edit("default/b", sharing("k", 80));
    expect(notes(told)).toEqual(["default/b ClearAssignment", "default/b IPAllocated"]);
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.0"], ["1.0.0.1"]]);
  });

  it("lets a Service that is alone change its key in place, and shares by the new one", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a", sharing("k", 80)));
    for (const key of ["j", null, "i"] as const) {
      const change = key === null ? { annotations: {} } : sharing(key, 80);
      expect(notes(c.edit("default/a", change))).toEqual([]);
      expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
      c.put(service("b", sharing("k", 81)));
      c.put(service("c", sharing("j", 82)));
      expect([c.ips("default/b")[0] === "1.0.0.0", c.ips("default/c")[0] === "1.0.0.0"]).toEqual([false, key === "j"]);
      c.remove("default/b", "default/c");
    }
  });

  it("takes a port that is added into account, and one that is dropped", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    const ports = (...numbers: readonly number[]): Partial<Service> => ({
      ...sharing("k", 0),
      ports: numbers.map((port) => ({ protocol: "TCP", port })),
    });
    const ips = () => ["a", "b", "c"].map((name) => c.ips(`default/${name}`)[0]);
    c.put(service("a", ports(80, 81)), service("b", ports(443)));
    c.edit("default/a", ports(80, 82));
    c.put(service("c", ports(81)));
    expect(ips()).toEqual(["1.0.0.0", "1.0.0.0", "1.0.0.0"]);
    c.edit("default/c", ports(81, 82));
    expect(ips()).toEqual(["1.0.0.0", "1.0.0.0", "1.0.0.1"]);
    c.edit("default/a", ports(80));
    c.put(service("d", ports(82)));
    expect(c.ips("default/d")).toEqual(["1.0.0.0"]);
  });

  it("retries a waiting Service when a sharer frees the port that it needs", () => {
    const c = cluster(pool("p", ["1.0.0.0/32"]));
    c.put(service("a", sharing("k", 80)), service("b", sharing("k", 443)), service("c", sharing("k", 443)));
    expect(c.refusal("default/c")).toBe("exhausted");
    c.edit("default/b", sharing("k", 444));
    expect(c.ips("default/c")).toEqual(["1.0.0.0"]);
  });

  it("lets two sharers exchange their ports in one pass, whatever the order", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a", sharing("k", 80)), service("b", sharing("k", 443)));
    const told = c.put(
      { ...service("b", sharing("k", 80)), ...holds("1.0.0.0") },
      { ...service("a", sharing("k", 443)), ...holds("1.0.0.0") },
    );
    expect(notes(told)).toEqual([]);
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.0"], ["1.0.0.0"]]);
  });
});
