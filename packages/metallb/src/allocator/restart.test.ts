import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { Pool } from "#config";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, holds, notes, pinned, pool, service, six } from "./testing.ts";

/** A controller that starts over these Services. */
function started(pools: readonly Pool[], ...services: readonly Service[]): [Cluster, string[]] {
  const c = new Cluster(new Allocator(), pools);
  for (const each of services) c.services.set(each.key, each);
  return [c, notes(c.decide([]))];
}

const at = (n: number): Partial<Service> => ({ creationTimestamp: `2026-01-0${n}T00:00:00Z` });
const shares = (port: number): Partial<Service> => ({
  ports: [{ protocol: "TCP", port }],
  annotations: { "metallb.io/allow-shared-ip": "k" },
});

describe("at a start, of Services that claim one address", () => {
  const pools = [pool("p", ["1.0.0.0/24", "fd00::/64"])];

  it("the one with more addresses keeps it, then the older (contract 1.9)", () => {
    const [c] = started(
      pools,
      service("single", { ...at(1), ...holds("1.0.0.5") }),
      service("both", { ...dual(), ...at(2), ...holds("1.0.0.5", "fd00::5") }),
      service("young", { ...at(4), ...holds("1.0.0.6") }),
      service("old", { ...at(3), ...holds("1.0.0.6") }),
    );
    expect(["single", "both", "young", "old"].map((name) => c.ips(`default/${name}`))).toEqual([
      ["1.0.0.0"],
      ["1.0.0.5", "fd00::5"],
      ["1.0.0.1"],
      ["1.0.0.6"],
    ]);
  });

  it("sharers keep it together, but for the younger one whose port is in use", () => {
    const [c, told] = started(
      pools,
      service("a", { ...shares(80), ...at(2), ...holds("1.0.0.5") }),
      service("b", { ...shares(443), ...at(3), ...holds("1.0.0.5") }),
      service("c", { ...shares(80), ...at(1), ...holds("1.0.0.5") }),
      service("d", { ...at(1), ...holds("1.0.0.5") }),
    );
    expect(["a", "b", "c", "d"].map((name) => c.ips(`default/${name}`)[0])).toEqual([
      "1.0.0.1",
      "1.0.0.5",
      "1.0.0.5",
      "1.0.0.0",
    ]);
    expect(told.filter((note) => note.includes("Clear"))).toEqual([
      "default/d ClearAssignment",
      "default/a ClearAssignment",
    ]);
  });

  it("one that lost its pool never takes what a later one holds, however full", () => {
    const [c] = started(
      [pool("p", ["1.0.0.0/31"])],
      service("lost", { ...at(1), ...holds("9.0.0.1") }),
      service("x", { ...at(2), ...holds("1.0.0.0") }),
      service("y", { ...at(3), ...holds("1.0.0.1") }),
    );
    expect(["lost", "x", "y"].map((name) => c.ips(`default/${name}`))).toEqual([[], ["1.0.0.0"], ["1.0.0.1"]]);
  });

  it("the oldest of those that need one is served first, whatever it had", () => {
    const [c] = started(
      [pool("p", ["1.0.0.0/32"])],
      service("young", { ...at(2), ...holds("9.0.0.1") }),
      service("old", at(1)),
    );
    expect(["young", "old"].map((name) => c.ips(`default/${name}`))).toEqual([[], ["1.0.0.0"]]);
  });

  it("a status in either order stands as it is", () => {
    const request = { annotations: { "metallb.io/loadBalancerIPs": "1.0.0.5,fd00::5" } };
    const [c, told] = started(
      pools,
      service("a", { ...dual(), ...holds("fd00::1", "1.0.0.1") }),
      service("b", { ...dual(), ...request, ...holds("fd00::5", "1.0.0.5") }),
    );
    expect([c.ips("default/a"), c.ips("default/b"), told]).toEqual([
      ["fd00::1", "1.0.0.1"],
      ["fd00::5", "1.0.0.5"],
      [],
    ]);
  });
});

describe("a range that moves", () => {
  const all = ["1.0.0.0", "1.0.0.1", "1.0.0.2", "1.0.0.3"];
  const filled = (...pools: readonly Pool[]) => {
    const c = new Cluster(new Allocator(), pools);
    c.put(...all.map((_, i) => service(`s${i}`)));
    return c;
  };
  const addresses = (c: Cluster) => all.map((_, i) => c.ips(`default/s${i}`)[0]);

  it("to another pool in one step moves nobody, and the annotation follows", () => {
    const c = filled(pool("a", ["1.0.0.0/30"]));
    expect(notes(c.setPools([pool("a", ["9.0.0.0/30"]), pool("b", ["1.0.0.0/30"])]))).toEqual([]);
    expect(addresses(c)).toEqual(all);
    expect(c.services.get("default/s0")?.annotations["metallb.io/ip-allocated-from-pool"]).toBe("b");
  });

  it("while the controller is down moves nobody", () => {
    const c = filled(pool("a", ["1.0.0.0/30"]));
    const [next, told] = started([pool("b", ["1.0.0.0/31"]), pool("c", ["1.0.0.2/31"])], ...c.services.values());
    expect([addresses(next), told]).toEqual([all, []]);
  });

  it("to a pool that does not admit a Service moves that one", () => {
    const c = filled(pool("a", ["1.0.0.0/30"]), pool("z", ["2.0.0.0/24"]));
    const closed = pinned({ services: ({ tier }) => tier === "web" });
    const told = notes(c.setPools([pool("b", ["1.0.0.0/30"], { allocation: closed }), pool("z", ["2.0.0.0/24"])]));
    expect(addresses(c)).toEqual(["2.0.0.0", "2.0.0.1", "2.0.0.2", "2.0.0.3"]);
    expect(told.filter((note) => note.endsWith("ClearAssignment"))).toHaveLength(4);
  });
});

describe("a pool whose namespace selectors match nothing", () => {
  const closed = [pool("p", ["1.0.0.0/24"], { allocation: pinned({ namespaces: new Set() }) })];

  it("gives nothing new, and keeps what it gave", () => {
    const [c] = started(
      closed,
      service("a", holds("1.0.0.7")),
      service("b"),
      service("c", { loadBalancerIP: "1.0.0.9" }),
    );
    expect(["a", "b", "c"].map((name) => c.ips(`default/${name}`))).toEqual([["1.0.0.7"], [], []]);
    expect(["b", "c"].map((name) => c.refusal(`default/${name}`))).toEqual(["exhausted", "poolClosed"]);
  });
});

describe("a dual-stack Service", () => {
  const dualPool = pool("p", ["1.0.0.0/24", "fd00::/64"]);
  const serve = (policy: Service["ipFamilyPolicy"]) => {
    const c = new Cluster(new Allocator(), [dualPool]);
    c.put(service("x"));
    c.put(service("a", dual(policy)));
    expect(c.ips("default/a")).toEqual(["1.0.0.1", "fd00::"]);
    return c;
  };

  it("of which one address left the pool keeps the other, and gets a new one beside it", () => {
    for (const policy of ["PreferDualStack", "RequireDualStack"] as const) {
      const c = serve(policy);
      const told = c.setPools([pool("p", ["1.0.0.0/24", "fd00::1:0/112"])]);
      expect([c.ips("default/a"), notes(told)]).toEqual([
        ["1.0.0.1", "fd00::1:0"],
        ["default/a ClearAssignment", "default/a IPAllocated"],
      ]);
    }
  });

  it("whose pool is split in two keeps what is enough for it", () => {
    const split = [pool("four", ["1.0.0.0/24"]), pool("six", ["fd00::/64"])];
    const prefer = serve("PreferDualStack");
    prefer.setPools(split);
    expect([prefer.ips("default/a"), prefer.refusal("default/a")]).toEqual([["1.0.0.1"], "poolExhaustedDual"]);
    const require = serve("RequireDualStack");
    require.setPools(split);
    expect([require.ips("default/a"), require.refusal("default/a")]).toEqual([[], "exhausted"]);
    prefer.setPools([dualPool]);
    expect(prefer.ips("default/a")).toEqual(["1.0.0.1", "fd00::"]);
  });

  it("that prefers IPv6 keeps that one", () => {
    const c = new Cluster(new Allocator(), [dualPool]);
    c.put(service("a", { ...dual("PreferDualStack"), ipFamilies: ["IPv6", "IPv4"] }));
    c.setPools([pool("four", ["1.0.0.0/24"]), pool("six", ["fd00::/64"])]);
    expect(c.ips("default/a")).toEqual(["fd00::"]);
  });

  it("gets a requested pair in the order of its own families", () => {
    const request = { annotations: { "metallb.io/loadBalancerIPs": "fd00::5, 1.0.0.5" } };
    const c = new Cluster(new Allocator(), [dualPool]);
    c.put(service("a", { ...dual(), ...request }));
    expect(c.ips("default/a")).toEqual(["1.0.0.5", "fd00::5"]);
    c.put(
      service("b", {
        ...dual(),
        ipFamilies: ["IPv6", "IPv4"],
        annotations: { "metallb.io/loadBalancerIPs": "1.0.0.6,fd00::6" },
      }),
    );
    expect(c.ips("default/b")).toEqual(["fd00::6", "1.0.0.6"]);
  });

  it("upgrades and downgrades in place, in every way", () => {
    const c = new Cluster(new Allocator(), [dualPool]);
    c.put(service("x"), service("y"));
    c.remove("default/x");
    const one = { clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"] };
    const steps: readonly [Partial<Service>, string[]][] = [
      [dual("PreferDualStack"), ["1.0.0.1", "fd00::"]],
      [dual("RequireDualStack"), ["1.0.0.1", "fd00::"]],
      [{ ...six, ipFamilyPolicy: "SingleStack" }, ["fd00::"]],
      [{ ...dual("RequireDualStack"), ipFamilies: ["IPv6", "IPv4"] }, ["fd00::", "1.0.0.0"]],
      [{ ...one, ipFamilyPolicy: "PreferDualStack" }, ["1.0.0.0"]],
      [{ ...one, ipFamilyPolicy: "SingleStack" }, ["1.0.0.0"]],
      [{ ...six, ipFamilyPolicy: "SingleStack" }, ["fd00::"]],
    ];
    for (const [edit, ips] of steps) {
      c.edit("default/y", edit);
      expect(c.ips("default/y")).toEqual(ips);
      expect(notes(c.decide(["default/y"], true))).toEqual([]);
    }
  });
});

describe("a request", () => {
  const served = (rest: Partial<Service> = {}) => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/24", "fd00::/64"])]);
    c.put(service("a", rest));
    return c;
  };

  it("of the wrong family clears, as upstream does; one that cannot be read does not", () => {
    const c = served();
    expect(notes(c.edit("default/a", { loadBalancerIP: "fd00::5" }))).toEqual(["default/a AllocationFailed"]);
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([[], "requestFamily"]);
    const d = served();
    expect(notes(d.edit("default/a", { loadBalancerIP: "fd00::5,fd00::6" }))).toEqual(["default/a LoadBalancerFailed"]);
    expect(d.ips("default/a")).toEqual(["1.0.0.0"]);
  });

  it("for what somebody else has says who, and which port", () => {
    const c = served(shares(80));
    const asks = (rest: Partial<Service>) => {
      c.put(service("b", { loadBalancerIP: "1.0.0.0", ...rest }));
      const outcome = c.allocator.outcomes.get("default/b");
      return outcome?.kind === "refused" ? outcome.refusal.message : outcome?.kind;
    };
    expect(asks({})).toBe('can\'t change sharing key for "default/b", address also in use by default/a');
    expect(asks(shares(80))).toBe('port TCP/80 is already in use on "1.0.0.0"');
    expect(asks({ ...shares(81), externalTrafficPolicy: "Local" })).toContain("can't change sharing key");
    expect(asks({ ...shares(80), ports: [{ protocol: "UDP", port: 80 }] })).toBe("allocated");
  });

  it("as long as an object may be makes a short sentence", () => {
    const long = "x".repeat(250_000);
    for (const annotations of [{ "metallb.io/address-pool": long }, { "metallb.io/loadBalancerIPs": long }]) {
      const c = served({ annotations });
      const outcome = c.allocator.outcomes.get("default/a");
      expect(outcome?.kind === "refused" && outcome.refusal.message.length).toBeLessThan(300);
    }
    const both = served({ loadBalancerIP: "1.0.0.1", annotations: { "metallb.io/address-pool": long } });
    expect(both.refusal("default/a")).toBe("requestPool");
    expect(JSON.stringify(both.allocator.outcomes.get("default/a")).length).toBeLessThan(500);
  });
});
