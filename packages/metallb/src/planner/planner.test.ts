import { describe, expect, it } from "vitest";
import type { BgpAdvertisement } from "#config";
import { Planner, type PlannerOptions, plan, type REASONS, sentence } from "#planner";
import {
  advertisement,
  changes,
  config,
  node,
  OPTIONS,
  peer,
  pool,
  routesOf,
  service,
  slice,
  TestWorld,
} from "./testing.ts";

const world = (advertisements: readonly BgpAdvertisement[] = [advertisement("a")]): TestWorld =>
  new TestWorld([pool("lab", "192.0.2.0/24", advertisements)], [peer("router")]);

const verdict = (world: TestWorld, options: Partial<PlannerOptions> = {}) =>
  plan(world, { ...OPTIONS, ...options }).verdict("default/a", world.services.get("default/a")).bgp;

describe("a Service is announced", () => {
  it("with its address to all peers", () => {
    const given = world().serve(service("a", { ips: ["192.0.2.5"] }));
    const planned = plan(given, OPTIONS);
    expect(verdict(given)).toEqual({ announced: true, ips: ["192.0.2.5"], peers: ["router"], lacking: [] });
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
    expect(verdict(classed)).toEqual({ announced: false, reason: "otherClass", facts: { class: "other" } });
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
    "no endpoint": [world().serve(service("a", announced), []), "noEndpoints"],
    "a peer of another name": [
      world([advertisement("a", { peers: new Set(["other"]) })]).serve(service("a", announced)),
      "noPeer",
    ],
  };
  it.each(Object.entries(cases))("with %s", (_, [given, reason]) => {
    const found = verdict(given);
    expect(found).toMatchObject({ announced: false, reason });
    if (!found.announced) expect(sentence(found)).not.toMatch(/[{}?]/);
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
      advertisement("a", { aggregationLength: 24, communities: [7], localPref: 9 }),
      advertisement("b", { aggregationLength: 24, communities: [3] }),
    ]);
    given.config = {
      ...(given.config as NonNullable<TestWorld["config"]>),
      pools: [
        pool("one", "192.0.2.0/25", [advertisement("a", { aggregationLength: 24, communities: [7], localPref: 9 })]),
        pool("two", "192.0.2.128/25", [advertisement("b", { aggregationLength: 24, communities: [3] })]),
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
      { withdraw: [], announce: [{ attributes: { localPref: 9, communities: [7] } }] },
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
    const routes = [...plan(given, OPTIONS).routes("all")];
    expect(routes).toHaveLength(2);
    expect(routes[0]?.attributes).toBe(routes[1]?.attributes);
  });
});

const NO_DIFFERENCE = {
  routes: [],
  peersSet: [],
  peersRemoved: [],
  routesAfter: [],
  layer2: { announce: [], withdraw: [] },
  verdicts: [],
};

describe("a difference", () => {
  it("of a Service that comes later is its verdict and its route", () => {
    const given = world();
    const planner = new Planner(OPTIONS);
    planner.update(given, changes({ config: true }));
    given.serve(service("late", { ips: ["192.0.2.7"] }));
    const { routes, verdicts } = planner.update(given, changes({ services: new Set(["default/late"]) }));
    expect([routes.length, verdicts]).toEqual([1, ["default/late"]]);
  });

  it("of a pool's name is told, since layer 2 says it of Services that it has no part in", () => {
    const given = world().serve(service("a", { ips: ["192.0.2.5"] }));
    const planner = new Planner(OPTIONS);
    const layer2 = () => planner.plan.verdict("default/a", given.services.get("default/a")).layer2;
    planner.update(given, changes({ config: true }));
    expect(layer2()).toEqual({ announced: false, reason: "noL2Advertisement", facts: { pool: "lab" } });
    const { pools = [], peers = [] } = given.config ?? {};
    const [{ bgpAdvertisements } = { bgpAdvertisements: [] }] = pools;
    given.config = config([pool("renamed", "192.0.2.0/24", bgpAdvertisements)], peers);
    const { routes, verdicts } = planner.update(given, changes({ config: true }));
    expect([routes, verdicts]).toEqual([[], ["default/a"]]);
    expect(layer2()).toMatchObject({ facts: { pool: "renamed" } });
  });

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
    expect(difference).toEqual(NO_DIFFERENCE);
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
    expect(planner.update(given, changes({ services: new Set(["default/a"]) }))).toEqual(NO_DIFFERENCE);
    const { plan: nothing } = planner;
    expect([nothing.peers.size, nothing.tables, [...nothing.routes("all")], [...nothing.layer2()]]).toEqual([
      0,
      [],
      [],
      [],
    ]);
    expect([planner.isLast, planner.peerProblems]).toEqual([false, []]);
    expect(nothing.verdict("default/a", given.services.get("default/a")).bgp).toMatchObject({
      reason: "notPlannedYet",
    });
    given.config = config;
    expect(planner.update(given, changes({ config: true })).verdicts).toEqual(["default/a"]);
  });
});

describe("a Service of both families", () => {
  const dual = { ips: ["192.0.2.5", "2001:db8::5"] };
  const given = (fields: Parameters<typeof peer>[1]): TestWorld =>
    new TestWorld([pool("lab", ["192.0.2.0/24", "2001:db8::/64"], [advertisement("a")])], [peer("router", fields)]);

  it("is announced as far as peers carry its families, and says what lacks", () => {
    expect(verdict(given({}).serve(service("a", dual)))).toEqual({
      announced: true,
      ips: ["192.0.2.5"],
      peers: ["router"],
      lacking: [
        {
          announced: false,
          reason: "noPeerOfFamily",
          facts: { node: "node-1", family: "IPv6" },
          ips: ["2001:db8::5"],
        },
      ],
    });
    const both = given({ dualStackAddressFamily: true }).serve(service("a", dual));
    expect(verdict(both)).toEqual({ announced: true, ips: dual.ips, peers: ["router"], lacking: [] });
    expect(Object.keys(routesOf(plan(both, OPTIONS)).all ?? {})).toEqual(["192.0.2.5/32", "2001:db8::5/128"]);
  });

  it("is sent in a session that waits for the router, and stays there as long as the peer's annotations say", () => {
    const settings = (more: object) => plan(given(more), OPTIONS).peers.get("router");
    expect(settings({ passive: true, restartTime: 180 })).toMatchObject({ passive: true, restartTime: 180 });
    expect(settings({})).toMatchObject({ passive: false, restartTime: null });
  });

  it("is not announced when no peer carries its family", () => {
    const six = given({}).serve(service("a", { ips: ["2001:db8::5"] }));
    expect(verdict(six)).toMatchObject({ announced: false, reason: "noPeerOfFamily" });
    expect(routesOf(plan(six, OPTIONS))).toEqual({ all: {} });
  });
});

describe("nothing is withdrawn", () => {
  it("because the own Node object is deleted", () => {
    const given = new TestWorld(
      [pool("lab", "192.0.2.0/24", [advertisement("a")])],
      [peer("router", { nodes: (labels) => labels.rack === "1" })],
    ).serve(service("a", { ips: ["192.0.2.5"] }));
    given.nodes.set("node-1", node("node-1", { labels: { rack: "1" } }));
    const planner = new Planner(OPTIONS);
    expect(planner.update(given, changes({ config: true })).peersSet).toHaveLength(1);
    given.nodes.delete("node-1");
    const difference = planner.update(given, changes({ nodes: new Set(["node-1"]) }));
    expect([difference.routes, difference.peersRemoved, difference.verdicts]).toEqual([[], [], []]);
    given.config = { ...(given.config as NonNullable<TestWorld["config"]>) };
    const edited = planner.update(given, changes({ config: true, services: new Set(["default/a"]) }));
    expect([edited.routes, edited.peersRemoved, edited.verdicts]).toEqual([[], [], []]);
  });
});

describe("every Service has a verdict", () => {
  it("whatever it is", () => {
    const given = world()
      .serve(service("a", { loadBalancerClass: "other" }))
      .serve(service("b", { type: "ClusterIP" }));
    const planned = plan(given, { ...OPTIONS, loadBalancerClass: "ours" });
    given.serve(service("c"));
    const reasons = ["a", "b", "c", "d"].map((name) => {
      const { bgp, layer2 } = planned.verdict(`default/${name}`, given.services.get(`default/${name}`));
      expect(bgp).toEqual(layer2);
      if (!bgp.announced) expect(sentence(bgp)).not.toMatch(/[{}?]/);
      return bgp.announced ? "" : bgp.reason;
    });
    expect(reasons).toEqual(["otherClass", "notLoadBalancer", "noClass", "serviceDeleted"]);
  });
});
