import { describe, expect, it } from "vitest";
import { decodeIPAddressPool } from "#api";
import { compile, NO_RESOURCES, type Pool } from "#config";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, notes, pinned, pool, service } from "./testing.ts";

const frozen = (name: string, addresses: readonly string[], rest: Partial<Pool> = {}) =>
  pool(name, addresses, { frozen: "invalid", ...rest });
const cluster = (...pools: readonly Pool[]) => new Cluster(new Allocator(), pools);

/** What a controller does that was started now: it knows the objects, and nothing else. */
function restarted(before: Cluster, pools: readonly Pool[]): Cluster {
  const next = new Cluster(new Allocator(), pools);
  for (const each of before.services.values()) next.services.set(each.key, each);
  next.decide([]);
  return next;
}

/** The same edit seen by a controller that runs, and by one that starts after it. */
function both(given: () => Cluster, pools: readonly Pool[], check: (c: Cluster) => void): void {
  const running = given();
  running.setPools(pools);
  check(running);
  check(restarted(given(), pools));
}

describe("a frozen pool", () => {
  const given = () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"]), pool("q", ["2.0.0.0/24"]));
    c.put(service("a"), service("b", dual()));
    return c;
  };
  const wrong = [frozen("p", ["1.0.0.0/24", "fd00::/64"]), pool("q", ["2.0.0.0/24"])];

  it("keeps what it gave, tells nobody, and gives nothing new, also after a restart", () => {
    const running = given();
    expect(notes(running.setPools(wrong))).toEqual([]);
    both(given, wrong, (c) => {
      expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.0"], ["1.0.0.1", "fd00::"]]);
      c.put(service("new"), service("asks", { loadBalancerIP: "1.0.0.9" }), service("dual", dual()));
      c.put(service("names", { annotations: { "metallb.io/address-pool": "p" } }));
      expect(["new", "asks", "names", "dual"].map((name) => c.ips(`default/${name}`))).toEqual([
        ["2.0.0.0"],
        [],
        [],
        [],
      ]);
      expect(["asks", "names", "dual"].map((name) => c.refusal(`default/${name}`))).toEqual([
        "poolFrozen",
        "poolFrozen",
        "exhausted",
      ]);
      const outcome = c.allocator.outcomes.get("default/dual");
      expect(outcome?.kind === "refused" && outcome.refusal.pools[0]?.code).toBe("frozen");
      c.setPools([pool("p", ["1.0.0.0/24", "fd00::/64"]), pool("q", ["2.0.0.0/24"])]);
      expect(["asks", "names"].map((name) => c.ips(`default/${name}`))).toEqual([["1.0.0.9"], ["1.0.0.3"]]);
    });
  });

  it("that is the only one clears nobody", () => {
    both(given, wrong.slice(0, 1), (c) =>
      expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.0"], ["1.0.0.1", "fd00::"]]),
    );
  });

  it("keeps what its text would not admit, and what avoidBuggyIPs would avoid", () => {
    const closed = { allocation: pinned({ namespaces: new Set() }), avoidBuggyIPs: true };
    both(given, [frozen("p", ["1.0.0.0/24", "fd00::/64"], closed)], (c) =>
      expect(c.ips("default/a")).toEqual(["1.0.0.0"]),
    );
  });

  it("that cannot be read keeps what the Services' status says it gave", () => {
    const pools = [frozen("p", [], { unreadable: true }), pool("q", ["2.0.0.0/24"])];
    both(given, pools, (c) => {
      expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.0"], ["1.0.0.1", "fd00::"]]);
      expect(c.allocator.index.held("default/a")?.pool).toBe("p");
      // Not what somebody wrote who was given nothing by it.
      c.put(service("foreign", { ingress: [{ ip: "9.9.9.9", hostname: null, ipMode: null }] }));
      expect(c.ips("default/foreign")).toEqual(["2.0.0.0"]);
      // Two do not get one address.
      c.put(
        service("late", {
          ingress: [{ ip: "1.0.0.0", hostname: null, ipMode: null }],
          annotations: { "metallb.io/ip-allocated-from-pool": "p" },
        }),
      );
      expect(c.ips("default/late")).toEqual(["2.0.0.1"]);
      c.setPools([pool("p", ["1.0.0.8/29"]), pool("q", ["2.0.0.0/24"])]);
      expect(c.ips("default/a")).toEqual(["1.0.0.8"]);
    });
  });

  it("that cannot be read leaves what it gave to a pool that says it gives that out", () => {
    const unreadable = frozen("p", [], { unreadable: true });
    both(
      () => {
        const c = cluster(pool("p", ["1.0.0.0/24"]));
        c.put(service("a"));
        c.setPools([unreadable]);
        return c;
      },
      [unreadable, pool("q", ["1.0.0.0/24"])],
      (c) => {
        expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
        expect(c.allocator.index.held("default/a")?.pool).toBe("q");
        expect(c.allocator.usage().map(({ pool: name, ipv4 }) => [name, ipv4.used])).toEqual([
          ["p", 0],
          ["q", 1],
        ]);
      },
    );
  });

  it("that cannot be read keeps what it gave when somebody takes the mark from the Service", () => {
    const c = cluster(pool("p", ["1.0.0.0/24"]));
    c.put(service("a"));
    c.setPools([frozen("p", [], { unreadable: true })]);
    c.edit("default/a", { annotations: {} });
    expect(c.ips("default/a")).toEqual(["1.0.0.0"]);
    expect(c.services.get("default/a")?.annotations["metallb.io/ip-allocated-from-pool"]).toBe("p");
  });

  it("does not take the address of a Service that asks for it and must have two", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/64"]), pool("q", ["2.0.0.0/24"]));
    c.put(service("a", { annotations: { "metallb.io/address-pool": "q" } }));
    c.setPools([frozen("p", ["1.0.0.0/24", "fd00::/64"]), pool("q", ["2.0.0.0/24"])]);
    const told = c.edit("default/a", { ...dual(), annotations: { "metallb.io/address-pool": "p" } });
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["2.0.0.0"], "poolFrozen"]);
    expect(notes(told)).toEqual(["default/a AdditionalAssignFailed"]);
  });

  it("that cannot be read lets sharers come and go", () => {
    const sharing = (port: number) => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k" },
    });
    const c = cluster(pool("p", ["1.0.0.0/32"]));
    c.put(service("a", sharing(1)), service("b", sharing(2)), service("waits", sharing(1)));
    c.setPools([frozen("p", [], { unreadable: true })]);
    c.remove("default/a");
    expect([c.ips("default/b"), c.ips("default/waits")]).toEqual([["1.0.0.0"], []]);
    c.remove("default/b");
    expect(c.allocator.index.holdings().size).toBe(0);
  });

  it("does not take the address of a Service that asks for one of its own", () => {
    for (const ask of [{ annotations: { "metallb.io/address-pool": "p" } }, { loadBalancerIP: "1.0.0.9" }]) {
      const c = cluster(...wrong);
      c.put(service("a"));
      expect(c.ips("default/a")).toEqual(["2.0.0.0"]);
      c.edit("default/a", { ...ask, annotations: { ...c.services.get("default/a")?.annotations, ...ask.annotations } });
      expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["2.0.0.0"], "poolFrozen"]);
      c.setPools([pool("p", ["1.0.0.8/29"]), pool("q", ["2.0.0.0/24"])]);
      expect(c.ips("default/a")[0]).toMatch(/^1\./);
    }
  });

  it("is told in an event where the Service asks for something else, and in none where it has what it asks for", () => {
    const at = (name: string) => ({ "metallb.io/address-pool": name });
    const c = cluster(pool("p", ["1.0.0.0/24"]), pool("q", ["2.0.0.0/24"]));
    c.put(service("a", { annotations: at("p") }), service("b", { annotations: at("q") }));
    expect(notes(c.setPools(wrong))).toEqual([]);
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["1.0.0.0"], "poolFrozen"]);
    expect(notes(c.edit("default/b", { annotations: at("p") }))).toEqual(["default/b AllocationFailed"]);
    expect(c.ips("default/b")).toEqual(["2.0.0.0"]);
  });

  it("does not take the address of a Service that becomes dual-stack", () => {
    const c = given();
    c.setPools(wrong);
    c.edit("default/a", dual());
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["1.0.0.0"], "poolFrozen"]);
    const outcome = c.allocator.outcomes.get("default/a");
    expect(outcome?.kind === "allocated" && outcome.lacking?.message).toContain("pool p gives out nothing new");
    c.setPools([pool("p", ["1.0.0.0/24", "fd00::/64"])]);
    expect(c.ips("default/a")).toEqual(["1.0.0.0", "fd00::1"]);
  });
});

describe("pools that an edit made overlap", () => {
  const resource = (name: string, creationTimestamp: string, addresses: readonly string[]) => {
    const decoded = decodeIPAddressPool({ metadata: { name, creationTimestamp }, spec: { addresses } });
    if (!decoded.ok) throw new Error(name);
    return decoded.value;
  };
  const [old, young] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];
  const pools = (a: readonly string[], b: readonly string[]) =>
    compile({ ...NO_RESOURCES, pools: [resource("a", old, a), resource("b", young, b)] }).config.pools;
  const start = () => {
    const c = cluster(...pools(["10.0.0.0/31"], ["10.0.1.0/30"]));
    c.put(...Array.from({ length: 5 }, (_, i) => service(`s${i}`)));
    return c;
  };
  const held = ["10.0.0.0", "10.0.0.1", "10.0.1.0", "10.0.1.1", "10.0.1.2"];

  it.each([
    ["the younger lists an address twice", ["10.0.0.0/31"], ["10.0.1.0/30", "10.0.1.0/32"]],
    ["the younger reaches into the older", ["10.0.0.0/31"], ["10.0.1.0/30", "10.0.0.0/30"]],
    ["the older takes one address of the younger", ["10.0.0.0/31", "10.0.1.1/32"], ["10.0.1.0/30"]],
    ["the older takes all", ["10.0.0.0/15"], ["10.0.1.0/30"]],
    ["the younger has a typo", ["10.0.0.0/31"], ["10.0.1.0/30", "10.0.2.0/99"]],
  ])("%s: nobody moves, and nothing is given twice", (_, a, b) => {
    both(start, pools(a, b), (c) => {
      expect(held.map((_, i) => c.ips(`default/s${i}`)[0])).toEqual(held);
      c.put(service("new"));
      expect(held).not.toContain(c.ips("default/new")[0]);
      c.setPools(pools(["10.0.0.0/31"], ["10.0.1.0/30"]));
      expect(held.map((_, i) => c.ips(`default/s${i}`)[0])).toEqual(held);
      expect(c.ips("default/new")).toEqual(["10.0.1.3"]);
    });
  });

  it("count each address that is used once, in the pool that gives it out", () => {
    const c = start();
    c.setPools(pools(["10.0.0.0/31", "10.0.1.1/32"], ["10.0.1.0/30"]));
    expect(c.allocator.usage().map(({ pool: name, ipv4 }) => [name, ipv4.total, ipv4.used])).toEqual([
      ["a", 3n, 3],
      ["b", 3n, 2],
    ]);
  });
});
