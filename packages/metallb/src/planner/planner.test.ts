import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { BgpAdvertisement } from "#config";
import { Planner, type PlannerOptions, plan, type REASONS, sentence } from "#planner";
import type { Changes, Plan, PlanDifference } from "./plan.ts";
import { advertisement, node, peer, pool, service, slice, TestWorld } from "./testing.ts";

const OPTIONS: PlannerOptions = { nodeName: "node-1", loadBalancerClass: null, ignoreExcludeLabel: false };

const changes = (fields: Partial<Changes> = {}): Changes => ({
  services: new Set(),
  nodes: new Set(),
  config: false,
  ...fields,
});

/** The routes of the plan as text, table by table. */
const routesOf = ({ tables }: Plan): Record<string, Record<string, unknown>> =>
  Object.fromEntries(
    [...tables].map(([table, routes]) => [
      table,
      Object.fromEntries([...routes].map(([prefix, { attributes }]) => [prefix, attributes])),
    ]),
  );

const world = (advertisements: readonly BgpAdvertisement[] = [advertisement("a")]): TestWorld =>
  new TestWorld([pool("lab", "192.0.2.0/24", advertisements)], [peer("router")]);

const verdict = (world: TestWorld, options: Partial<PlannerOptions> = {}) =>
  plan(world, { ...OPTIONS, ...options }).verdicts.get("default/a")?.bgp;

describe("a Service is announced", () => {
  it("with its address to all peers", () => {
    const planned = plan(world().serve(service("a", { ips: ["192.0.2.5"] })), OPTIONS);
    expect(planned.verdicts.get("default/a")?.bgp).toEqual({ announced: true, ips: ["192.0.2.5"], peers: ["router"] });
    expect(routesOf(planned)).toEqual({
      all: { "192.0.2.5/32": { localPref: null, communities: [], largeCommunities: [] } },
    });
  });

  it("by policy Cluster when any node has an endpoint, by Local only with an own one", () => {
    const remote = world().serve(service("a", { ips: ["192.0.2.5"] }), ["node-2"]);
    expect(verdict(remote)?.announced).toBe(true);
    const local = world().serve(service("a", { ips: ["192.0.2.5"], externalTrafficPolicy: "Local" }), ["node-2", null]);
    expect(verdict(local)).toMatchObject({ announced: false, reason: "noLocalEndpoints" });
    local.slices.set("default/a", [slice("a", ["node-2"]), slice("a", ["node-1"])]);
    expect(verdict(local)?.announced).toBe(true);
  });

  it("although labelled, when the label is to be ignored", () => {
    const labelled = world().serve(service("a", { ips: ["192.0.2.5"] }));
    labelled.nodes.set(
      "node-1",
      node("node-1", { labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } }),
    );
    expect(verdict(labelled)).toMatchObject({ reason: "nodeLabeledExcludeBalancers" });
    expect(verdict(labelled, { ignoreExcludeLabel: true })?.announced).toBe(true);
  });

  it("of its own class alone", () => {
    const classed = world().serve(service("a", { ips: ["192.0.2.5"], loadBalancerClass: "other" }));
    expect(verdict(classed)).toBeUndefined();
    expect(verdict(classed, { loadBalancerClass: "other" })?.announced).toBe(true);
  });
});

describe("a Service is not announced, and says why", () => {
  const announced = { ips: ["192.0.2.5"] };
  const cases: Record<string, [TestWorld, keyof typeof REASONS]> = {
    "no address": [world().serve(service("a")), "noIPAllocated"],
    "an unreadable address": [world().serve(service("a", { ips: ["192.0.2.005"] })), "invalidIP"],
    "an address of no pool": [world().serve(service("a", { ips: ["198.51.100.1"] })), "ipNotAllowed"],
    "addresses of which one is of no pool": [
      world().serve(service("a", { ips: ["192.0.2.5", "198.51.100.1"] })),
      "ipNotAllowed",
    ],
    "a pool without advertisement": [world([]).serve(service("a", announced)), "noAdvertisement"],
    "an advertisement for other nodes": [
      world([advertisement("a", { nodes: () => false })]).serve(service("a", announced)),
      "notOwner",
    ],
    "an advertisement for other Services": [
      world([advertisement("a", { services: () => false })]).serve(service("a", announced)),
      "noMatchingAdvertisement",
    ],
    "advertisements that disagree": [
      world([advertisement("a", { localPref: 1 }), advertisement("b", { localPref: 2 })]).serve(
        service("a", announced),
      ),
      "conflictingAdvertisements",
    ],
    "no endpoint": [world().serve(service("a", announced), []), "noEndpoints"],
    "a peer of another name": [
      world([advertisement("a", { peers: new Set(["other"]) })]).serve(service("a", announced)),
      "noPeer",
    ],
  };
  it.each(Object.entries(cases))("with %s", (_, [given, reason]) => {
    const found = verdict(given);
    expect(found).toMatchObject({ announced: false, reason });
    if (found && !found.announced) expect(sentence(found.reason, found.facts)).not.toMatch(/[{}?]/);
  });

  it("on a node without network, or unknown", () => {
    const given = world().serve(service("a", announced));
    given.nodes.set("node-1", node("node-1", { networkUnavailable: true }));
    expect(verdict(given)).toMatchObject({ reason: "nodeNetworkUnavailable" });
    given.nodes.delete("node-1");
    expect(verdict(given)).toMatchObject({ reason: "nodeUnknown" });
  });

  it("with endpoints that do not serve or have no address", () => {
    const given = world().serve(service("a", announced));
    given.slices.set("default/a", [
      slice("a", ["node-1"], { serving: false }),
      slice("a", ["node-1"], { hasAddress: false }),
    ]);
    expect(verdict(given)).toMatchObject({ reason: "noEndpoints" });
  });

  it("although other preferences differ where they cannot meet", () => {
    const apart = [
      advertisement("a", { localPref: 1, peers: new Set(["router"]) }),
      advertisement("b", { localPref: 2, peers: new Set(["other"]) }),
      advertisement("c", { localPref: 3, aggregationLength: 24 }),
    ];
    expect(verdict(world(apart).serve(service("a", announced)))?.announced).toBe(true);
  });
});

describe("routes", () => {
  it("of several Services on one prefix unite their communities and are counted", () => {
    const given = world([
      advertisement("a", { aggregationLength: 24, communities: [7] }),
      advertisement("b", { aggregationLength: 24, communities: [3], localPref: 9 }),
    ]);
    // Two preferences, of which one is not set, would conflict for one Service, so each Service gets one advertisement.
    given.config = {
      ...(given.config as NonNullable<TestWorld["config"]>),
      pools: [
        pool("one", "192.0.2.0/25", [advertisement("a", { aggregationLength: 24, communities: [7] })]),
        pool("two", "192.0.2.128/25", [advertisement("b", { aggregationLength: 24, communities: [3], localPref: 9 })]),
      ],
    };
    given.serve(service("a", { ips: ["192.0.2.5"] })).serve(service("b", { ips: ["192.0.2.200"] }));
    const planner = new Planner(OPTIONS);
    planner.update(given, changes({ config: true }));
    expect(routesOf(planner.plan)).toEqual({
      all: { "192.0.2.0/24": { localPref: 9, communities: [3, 7], largeCommunities: [] } },
    });
    given.services.delete("default/b");
    const difference = planner.update(given, changes({ services: new Set(["default/b"]) }));
    expect(difference.routes).toMatchObject([
      { withdraw: [], announce: [{ attributes: { localPref: null, communities: [7] } }] },
    ]);
    given.services.delete("default/a");
    expect(planner.update(given, changes({ services: new Set(["default/a"]) })).routes).toMatchObject([
      { announce: [], withdraw: [{ length: 24 }] },
    ]);
  });

  it("for named peers stand in tables of their own", () => {
    const given = new TestWorld(
      [
        pool("lab", "192.0.2.0/24", [
          advertisement("all", { localPref: 5 }),
          advertisement("some", { peers: new Set(["b"]), localPref: 5, communities: [1] }),
        ]),
      ],
      [peer("a"), peer("b"), peer("c")],
    );
    given.serve(service("a", { ips: ["192.0.2.5"] }));
    const planned = plan(given, OPTIONS);
    expect([...planned.peers].map(([name, { table }]) => [name, table])).toEqual([
      ["a", "all"],
      ["b", "all+some"],
      ["c", "all"],
    ]);
    expect(routesOf(planned)["all+some"]).toMatchObject({ "192.0.2.5/32": { communities: [1] } });
    expect(routesOf(planned).all).toMatchObject({ "192.0.2.5/32": { communities: [] } });
  });

  it("with equal attributes share one object", () => {
    const given = world()
      .serve(service("a", { ips: ["192.0.2.5"] }))
      .serve(service("b", { ips: ["192.0.2.6"] }));
    const routes = [...(plan(given, OPTIONS).tables.get("all")?.values() ?? [])];
    expect(routes).toHaveLength(2);
    expect(routes[0]?.attributes).toBe(routes[1]?.attributes);
  });
});

describe("a difference", () => {
  it("of one Service is that one change and touches no session", () => {
    const given = world();
    for (let i = 0; i < 100; i++) given.serve(service(`s${i}`, { ips: [`192.0.2.${i}`] }));
    const planner = new Planner(OPTIONS);
    planner.update(given, changes({ config: true }));
    given.serve(service("s7", { ips: ["192.0.2.200"] }));
    const difference = planner.update(given, changes({ services: new Set(["default/s7"]) }));
    expect(difference.routes).toHaveLength(1);
    expect(difference.routes[0]?.announce).toHaveLength(1);
    expect(difference.routes[0]?.withdraw).toHaveLength(1);
    expect([difference.peersSet, difference.peersRemoved, difference.verdicts]).toEqual([[], [], ["default/s7"]]);
  });

  it("is empty when nothing that counts changed", () => {
    const given = world().serve(service("a", { ips: ["192.0.2.5"] }));
    const planner = new Planner(OPTIONS);
    planner.update(given, changes({ config: true }));
    given.nodes.set("node-2", node("node-2"));
    given.nodes.set("node-1", node("node-1", { resourceVersion: "2" }));
    const difference = planner.update(
      given,
      changes({ services: new Set(["default/a"]), nodes: new Set(["node-1", "node-2"]), config: true }),
    );
    expect(difference).toEqual({ routes: [], peersSet: [], peersRemoved: [], routesAfter: [], verdicts: [] });
  });

  it("starts and stops sessions by the node's labels", () => {
    const given = new TestWorld([], [peer("a", { nodes: (labels) => labels.rack === "1" })]);
    const planner = new Planner(OPTIONS);
    expect(planner.update(given, changes({ config: true })).peersSet).toEqual([]);
    given.nodes.set("node-1", node("node-1", { labels: { rack: "1" } }));
    expect(planner.update(given, changes({ nodes: new Set(["node-1"]) })).peersSet.map(({ name }) => name)).toEqual([
      "a",
    ]);
    given.nodes.set("node-1", node("node-1"));
    expect(planner.update(given, changes({ nodes: new Set(["node-1"]) })).peersRemoved).toEqual(["a"]);
  });

  it("has unnumbered peers with both families, and peers in a VRF", () => {
    const given = new TestWorld(
      [],
      [peer("a", { vrf: "red" }), peer("b", { address: null, interface: "eth0" }), peer("c", { localASN: 65001 })],
    );
    const { peersSet } = new Planner(OPTIONS).update(given, changes({ config: true }));
    expect(peersSet).toMatchObject([
      { name: "a", vrf: "red", families: ["ipv4-unicast"] },
      {
        name: "b",
        vrf: null,
        endpoint: { kind: "interface", interface: "eth0" },
        families: ["ipv4-unicast", "ipv6-unicast"],
      },
      { name: "c", localAs: 65001 },
    ]);
  });

  it("waits for the configuration", () => {
    const given = world().serve(service("a", { ips: ["192.0.2.5"] }));
    const { config } = given;
    given.config = null;
    const planner = new Planner(OPTIONS);
    planner.update(given, changes({ services: new Set(["default/a"]) }));
    expect(planner.plan.verdicts.size).toBe(0);
    given.config = config;
    expect(planner.update(given, changes({ config: true })).verdicts).toEqual(["default/a"]);
  });
});

/** Applies differences as the engines do: what a peer has been told in the end. */
class Told {
  readonly tables = new Map<string, Map<string, unknown>>();
  readonly peers = new Map<string, string>();

  apply({ routes, peersSet, peersRemoved, routesAfter }: PlanDifference): void {
    for (const change of routes) this.change(change);
    for (const { name, table } of peersSet) this.peers.set(name, table);
    for (const name of peersRemoved) this.peers.delete(name);
    for (const change of routesAfter) this.change(change);
  }

  private change({ table, announce, withdraw }: PlanDifference["routes"][number]): void {
    const routes = this.tables.get(table) ?? new Map<string, unknown>();
    this.tables.set(table, routes);
    const key = (prefix: { ip: { value: bigint }; length: number }) => `${prefix.ip.value}/${prefix.length}`;
    for (const prefix of withdraw) expect(routes.delete(key(prefix))).toBe(true);
    for (const { prefix, attributes } of announce) routes.set(key(prefix), attributes);
  }

  of(peer: string): unknown {
    return [...(this.tables.get(this.peers.get(peer) ?? "") ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

const advertisements = fc.constantFrom<readonly BgpAdvertisement[]>(
  [advertisement("a")],
  [
    advertisement("a", { aggregationLength: 30, communities: [1] }),
    advertisement("b", { peers: new Set(["q"]), communities: [2] }),
  ],
  [advertisement("b", { peers: new Set(["p"]) })],
  [
    advertisement("a", { services: (labels) => labels.x === "1" }),
    advertisement("c", { nodes: (labels) => labels.rack === "1" }),
  ],
  [],
);

const peerSets = fc.constantFrom(
  [peer("p")],
  [peer("p"), peer("q")],
  [peer("q", { nodes: (labels) => labels.rack === "1" })],
  [],
);

type Move = (world: TestWorld) => Changes;

const anyService: fc.Arbitrary<Service> = fc
  .record({
    n: fc.nat(4),
    ip: fc.option(fc.nat(15)),
    local: fc.boolean(),
    x: fc.boolean(),
    type: fc.constantFrom("LoadBalancer", "LoadBalancer", "ClusterIP"),
  })
  .map(({ n, ip, local, x, type }) =>
    service(`s${n}`, {
      ips: ip === null ? [] : [`192.0.2.${ip}`],
      externalTrafficPolicy: local ? "Local" : "Cluster",
      labels: x ? { x: "1" } : {},
      type,
    }),
  );

const moves: fc.Arbitrary<Move> = fc.oneof(
  anyService.map(
    (added): Move =>
      (world) => {
        world.services.set(added.key, added);
        return changes({ services: new Set([added.key]) });
      },
  ),
  fc.nat(4).map(
    (n): Move =>
      (world) => {
        world.services.delete(`default/s${n}`);
        return changes({ services: new Set([`default/s${n}`]) });
      },
  ),
  fc.tuple(fc.nat(4), fc.subarray(["node-1", "node-2"])).map(
    ([n, nodes]): Move =>
      (world) => {
        world.slices.set(`default/s${n}`, [slice(`s${n}`, nodes)]);
        return changes({ services: new Set([`default/s${n}`]) });
      },
  ),
  fc.tuple(fc.boolean(), fc.boolean()).map(
    ([rack, down]): Move =>
      (world) => {
        world.nodes.set("node-1", node("node-1", { labels: rack ? { rack: "1" } : {}, networkUnavailable: down }));
        return changes({ nodes: new Set(["node-1"]) });
      },
  ),
  fc.tuple(advertisements, peerSets).map(
    ([ads, peers]): Move =>
      (world) => {
        world.config = { pools: [pool("lab", "192.0.2.0/28", ads)], peers, bfdProfiles: new Map() };
        return changes({ config: true });
      },
  ),
);

it("the plan by difference is the plan from scratch, and peers are told exactly it", () => {
  fc.assert(
    fc.property(fc.array(moves, { maxLength: 40 }), (history) => {
      // Begins with something announced, so that a short history has something to lose.
      const given = new TestWorld([pool("lab", "192.0.2.0/28", [advertisement("a")])], [peer("p")]);
      for (let n = 0; n < 5; n++) given.serve(service(`s${n}`, { ips: [`192.0.2.${n}`] }));
      const planner = new Planner(OPTIONS);
      const told = new Told();
      told.apply(planner.update(given, changes({ config: true })));
      for (const move of history) {
        told.apply(planner.update(given, move(given)));
        const scratch = plan(given, OPTIONS);
        expect(routesOf(planner.plan)).toEqual(routesOf(scratch));
        expect(new Map(planner.plan.verdicts)).toEqual(new Map(scratch.verdicts));
        expect([...planner.plan.peers.keys()].sort()).toEqual([...scratch.peers.keys()].sort());
        for (const [name, { table }] of scratch.peers) {
          const wanted = [...(scratch.tables.get(table)?.values() ?? [])].map(
            ({ prefix, attributes }) => [`${prefix.ip.value}/${prefix.length}`, attributes] as const,
          );
          expect(told.of(name)).toEqual([...wanted].sort(([a], [b]) => (a < b ? -1 : 1)));
        }
      }
    }),
    { numRuns: 150 },
  );
});
