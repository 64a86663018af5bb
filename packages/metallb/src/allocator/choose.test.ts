import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { Pool } from "#config";
import { type Ip, parseIp } from "#net";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, holds, notes, pinned, pool, service, six } from "./testing.ts";

const ip = (text: string): Ip => {
  const read = parseIp(text);
  if (!read.ok) throw new Error(text);
  return read.value;
};

const cluster = (...pools: readonly Pool[]) => new Cluster(new Allocator(), pools);
const terms = (reserved: readonly string[], quotas: Readonly<Record<string, number>> = {}): Partial<Pool> => ({
  terms: { reserved: new Map([["default/vip", reserved.map(ip)]]), quotas: new Map(Object.entries(quotas)) },
});
const asksPair = (...ips: readonly string[]): Partial<Service> => ({
  ...dual(),
  annotations: { "metallb.io/loadBalancerIPs": ips.join() },
});
const sharing = (port: number, rest: Partial<Service> = {}): Partial<Service> => ({
  ports: [{ protocol: "TCP", port }],
  ...rest,
  annotations: { "metallb.io/allow-shared-ip": "k", ...rest.annotations },
});
const refusal = (c: Cluster, key: string) => {
  const outcome = c.allocator.outcomes.get(key);
  return outcome?.kind === "refused" ? outcome.refusal : null;
};
const verdicts = (c: Cluster, key: string) =>
  refusal(c, key)?.pools.map(({ pool: name, code }) => `${name} ${code}`) ?? [];

it("a requested address of the pool that is asked for too is given", () => {
  const c = cluster(pool("p", ["1.0.0.0/24"]));
  c.put(service("a", { loadBalancerIP: "1.0.0.5", annotations: { "metallb.io/address-pool": "p" } }));
  expect(c.ips("default/a")).toEqual(["1.0.0.5"]);
});

describe("a pair that is requested", () => {
  it("comes from one pool, as upstream has it", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]), pool("q", ["2.0.0.0/24", "fd00::/64"]));
    c.put(service("a", asksPair("1.0.0.1", "fd00::1")), service("b", asksPair("2.0.0.1", "fd00::1")));
    expect([c.refusal("default/a"), c.ips("default/b")]).toEqual(["notInConfig", ["2.0.0.1", "fd00::1"]]);
  });

  it("is not given while one of the two is in use, and given when it is free", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"]));
    c.put(service("six", six));
    c.put(service("a", asksPair("1.0.0.1", "fd00::")));
    expect([c.refusal("default/a"), c.ips("default/a")]).toEqual(["sharingKey", []]);
    c.remove("default/six");
    expect(c.ips("default/a")).toEqual(["1.0.0.1", "fd00::"]);
  });
});

describe("what is asked for beyond a quota", () => {
  it.each([{ loadBalancerIP: "1.0.0.9" }, { annotations: { "metallb.io/address-pool": "p" } }, {}])(
    "is given when the namespace has fewer: %j",
    (rest) => {
      for (const quotas of [{ default: 1 }, { "*": 1 }]) {
        const c = cluster(pool("p", ["1.0.0.0/24"], terms([], quotas)));
        c.put(service("a"), service("b", rest));
        expect(c.ips("default/b")).toEqual([]);
        c.remove("default/a");
        expect(c.ips("default/b")).toEqual([rest.loadBalancerIP ?? "1.0.0.0"]);
      }
    },
  );
});

describe("a reserved address", () => {
  it("is not given by a pool that does not admit the Service", () => {
    const closed = { ...terms(["1.0.0.5"]), allocation: pinned({ services: ({ tier }) => tier === "web" }) };
    const c = cluster(pool("p", ["1.0.0.0/24"], closed), pool("q", ["2.0.0.0/24"]));
    c.put(service("vip"));
    expect(c.ips("default/vip")).toEqual(["2.0.0.0"]);
    c.edit("default/vip", { labels: { tier: "web" }, ...holds() });
    c.remove("default/vip");
    c.put(service("vip", { labels: { tier: "web" } }));
    expect(c.ips("default/vip")).toEqual(["1.0.0.5"]);
  });

  it("that somebody has leads to no other one of a pool that gives nothing by itself", () => {
    const c = cluster(
      pool("p", ["1.0.0.0/24"], { autoAssign: false, ...terms(["1.0.0.5"]) }),
      pool("q", ["2.0.0.0/24"]),
    );
    c.put({ ...service("a"), ...holds("1.0.0.5") });
    c.put(service("vip"));
    expect([c.ips("default/a"), c.ips("default/vip")]).toEqual([["1.0.0.5"], ["2.0.0.0"]]);
  });

  it("is given to the Service that asks for its pool by name", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"], terms(["1.0.0.5"])));
    c.put(service("vip", { annotations: { "metallb.io/address-pool": "p" } }));
    expect(c.ips("default/vip")).toEqual(["1.0.0.5"]);
  });

  it("of the other family is no use to a Service of one", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"], terms(["fd00::5", "1.0.0.5"])));
    c.put(service("vip"));
    expect(c.ips("default/vip")).toEqual(["1.0.0.5"]);
  });
});

describe("a request while a pool is wrong", () => {
  const wrong = pool("p", [], { frozen: "invalid", unreadable: true });
  const given = (...pools: readonly Pool[]) => {
    const c = cluster(...pools);
    c.put(service("a"));
    c.edit("default/a", { loadBalancerIP: "9.9.9.9" });
    return c;
  };

  it("for an address of no pool may be one of those that cannot be read: the Service keeps what it has", () => {
    const c = given(wrong, pool("q", ["2.0.0.0/24"]));
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["2.0.0.0"], "poolFrozen"]);
    c.edit("default/a", { loadBalancerIP: "2.0.0.7" });
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["2.0.0.7"], null]);
  });

  it("for an address of no pool, where all can be read, is refused as always", () => {
    const c = given(pool("p", ["1.0.0.0/24"], { frozen: "invalid" }), pool("q", ["2.0.0.0/24"]));
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([[], "notInConfig"]);
  });
});

describe("where one family is enough", () => {
  const prefers = dual("PreferDualStack");

  it("the first pool that has the better one gives it", () => {
    const c = cluster(pool("a", ["fd00::/128"]), pool("b", ["1.0.0.0/24"]), pool("c", ["2.0.0.0/24"]));
    c.put(service("s", prefers));
    expect(c.ips("default/s")).toEqual(["1.0.0.0"]);
  });

  it("a pool that has both comes before one that has only the better one", () => {
    const c = cluster(pool("a", ["1.0.0.0/24"]), pool("b", ["2.0.0.0/24", "fd00::/64"]));
    c.put(service("s", prefers));
    expect(c.ips("default/s")).toEqual(["2.0.0.0", "fd00::"]);
  });

  it("a pool whose quota is reached gives none, and the next one does", () => {
    const c = cluster(pool("a", ["1.0.0.0/24"], terms([], { default: 0 })), pool("b", ["2.0.0.0/24"]));
    c.put(service("s", prefers), service("t"));
    expect([c.ips("default/s"), c.ips("default/t")]).toEqual([["2.0.0.0"], ["2.0.0.1"]]);
  });

  it("pinned pools come first, also with one family", () => {
    const c = cluster(pool("a", ["1.0.0.0/24"]), pool("z", ["2.0.0.0/24"], { allocation: pinned({}) }));
    c.put(service("s", prefers));
    expect(c.ips("default/s")).toEqual(["2.0.0.0"]);
  });
});

describe("a refusal", () => {
  it("names each pool with its reason", () => {
    const c = cluster(
      pool("both", ["1.0.0.0/32", "fd00::/128"]),
      pool("four", ["2.0.0.0/24"]),
      pool("manual", ["3.0.0.0/24", "fd03::/64"], { autoAssign: false }),
      pool("names", ["4.0.0.0/24"], { allocation: pinned({ namespaces: new Set(["x"]) }) }),
      pool("quota", ["5.0.0.0/24", "fd05::/64"], terms([], { "*": 1 })),
      pool("tiers", ["6.0.0.0/24"], { allocation: pinned({ services: () => false }) }),
    );
    c.put(service("a", { loadBalancerIP: "1.0.0.0" }), service("b", dual()));
    expect(verdicts(c, "default/b")).toEqual([
      "both full",
      "four oneFamilyOnly",
      "manual notAutoAssign",
      "names otherNamespaces",
      "quota quota",
      "tiers otherServices",
    ]);
    c.put(service("c", { ...dual(), annotations: { "metallb.io/address-pool": "four" } }));
    expect(verdicts(c, "default/c")).toEqual(["four oneFamilyOnly"]);
    c.put(service("d", { annotations: { "metallb.io/address-pool": "tiers" } }));
    expect([refusal(c, "default/d")?.code, verdicts(c, "default/d")]).toEqual(["poolClosed", ["tiers otherServices"]]);
  });

  it("says what was asked for, of whom, and where", () => {
    const c = cluster(
      pool("p", ["1.0.0.0/32"]),
      pool("web", ["2.0.0.0/24"], { allocation: pinned({ services: () => false }) }),
      pool("wrong", ["3.0.0.0/24"], { frozen: "invalid" }),
    );
    c.put(service("a"));
    const named = (name: string): Partial<Service> => ({ annotations: { "metallb.io/address-pool": name } });
    const frozen = "pool wrong gives out nothing new: its IPAddressPool is invalid or overlaps an older one";
    for (const [rest, message] of [
      [named("p"), "no available IPs in pool p"],
      [{ ...dual(), ...named("p") }, "no available IPs in pool p for dual IPFamily"],
      [named("web"), "pool web not compatible for ip assignment"],
      [named("nope"), 'unknown pool "nope"'],
      [named("wrong"), frozen],
      [{ loadBalancerIP: "3.0.0.1" }, frozen],
      [{ loadBalancerIP: "2.0.0.1" }, "pool web not compatible for ip assignment"],
      [
        { loadBalancerIP: "1.0.0.0", ...named("web") },
        'requested loadBalancer IP(s) ["1.0.0.0"] is not compatible with requested address pool web',
      ],
      [{}, "no available IPs"],
    ] as const) {
      c.put(service("b", rest));
      expect(refusal(c, "default/b")?.message).toBe(message);
    }
    // What is held is kept, and the sentence is the same.
    c.edit("default/a", {
      annotations: { ...c.services.get("default/a")?.annotations, ...named("wrong").annotations },
    });
    const outcome = c.allocator.outcomes.get("default/a");
    expect(outcome?.kind === "allocated" && outcome.lacking?.message).toBe(frozen);
  });

  it("of a named pool that gives nothing by itself says that it is full", () => {
    const c = cluster(pool("p", ["1.0.0.0/32"], { autoAssign: false }));
    const named = { annotations: { "metallb.io/address-pool": "p" } };
    c.put(service("a", named), service("b", named));
    expect(verdicts(c, "default/b")).toEqual(["p full"]);
  });

  it("names fifty pools, and fifty users, of however many there are", () => {
    const many = cluster(
      ...Array.from({ length: 60 }, (_, i) => pool(`p${i}`, [`1.0.${i}.0/32`], { autoAssign: false })),
    );
    many.put(service("a"));
    expect(verdicts(many, "default/a")).toHaveLength(50);
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(...Array.from({ length: 60 }, (_, i) => service(`s${i}`, sharing(i))));
    c.put(service("z", { loadBalancerIP: "1.0.0.0" }));
    expect(refusal(c, "default/z")?.message.split(",")).toHaveLength(51);
  });

  it("is the same object for all that are alike while nothing is free, and for no others", () => {
    const c = cluster(pool("p", ["1.0.0.0/32"]));
    c.put(service("a"), service("b"), service("c"), service("d", sharing(1)), service("e", dual()));
    expect(refusal(c, "default/b")).toBe(refusal(c, "default/c"));
    for (const key of ["default/d", "default/e"]) expect(refusal(c, key)).not.toBe(refusal(c, "default/b"));
    expect(verdicts(c, "default/e")).toEqual(["p oneFamilyOnly"]);
  });
});

describe("those that wait for an address that they may share", () => {
  it("get it when somebody comes who shares it with them, of those with other ports each", () => {
    const c = cluster(pool("p", ["1.0.0.0/32"]));
    c.put(service("a"), service("b", sharing(1)), service("c", sharing(2)), service("d", sharing(2)));
    expect(["b", "c", "d"].map((name) => c.ips(`default/${name}`).length)).toEqual([0, 0, 0]);
    const told = c.remove("default/a");
    expect(["b", "c", "d"].map((name) => c.ips(`default/${name}`).length)).toEqual([1, 1, 0]);
    expect(notes(told)).toEqual(["default/b IPAllocated", "default/c IPAllocated"]);
    c.remove("default/c");
    expect(c.ips("default/d")).toEqual(["1.0.0.0"]);
  });

  it("in a pool of their own, or with both families", () => {
    const named = { annotations: { "metallb.io/address-pool": "p" } };
    const c = cluster(pool("p", ["1.0.0.0/32", "fd00::/128"], { autoAssign: false }));
    c.put(service("a", sharing(1, named)), service("b", sharing(1, named)));
    c.put(service("c", sharing(2, { ...dual(), ...named })), service("d", sharing(2, { ...dual(), ...named })));
    expect(["b", "c", "d"].map((name) => c.ips(`default/${name}`).length)).toEqual([0, 2, 0]);
    c.remove("default/a");
    expect(c.ips("default/b")).toEqual(["1.0.0.0"]);
    c.remove("default/c");
    expect(c.ips("default/d")).toEqual(["1.0.0.0", "fd00::"]);
  });
});
