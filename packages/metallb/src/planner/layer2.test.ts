import { describe, expect, it } from "vitest";
import type { L2Advertisement } from "#config";
import { Planner, plan, sentence } from "#planner";
import { changes, l2Advertisement, node, OPTIONS, pool, service, slice, TestWorld } from "./testing.ts";

/** Nodes of the contract's own examples (6.5). */
const NODES = ["iris1", "iris2"];

const world = (advertisements: readonly L2Advertisement[] = [l2Advertisement("a")]): TestWorld => {
  const made = new TestWorld([pool("lab", "10.20.30.0/24", [], advertisements)], []);
  made.nodes.clear();
  for (const name of NODES) made.nodes.set(name, node(name));
  return made;
};

const on = (nodeName: string, given: TestWorld, key = "default/a") => {
  const planned = plan(given, { ...OPTIONS, nodeName });
  const { layer2 } = planned.verdict(key, given.services.get(key));
  if (!layer2.announced) expect(sentence(layer2)).not.toMatch(/[{}?]/);
  return layer2;
};

const served = (ip: string, advertisements?: readonly L2Advertisement[], fields: Parameters<typeof service>[1] = {}) =>
  world(advertisements).serve(service("a", { ips: [ip], ...fields }), ["iris1", "iris2"]);

describe("the layer-2 election", () => {
  it("agrees with the contract's vectors", () => {
    expect(on("iris2", served("10.20.30.1"))).toEqual({
      announced: true,
      ips: ["10.20.30.1"],
      interfaces: null,
      leftOut: [],
    });
    expect(on("iris1", served("10.20.30.1"))).toEqual({
      announced: false,
      reason: "ownedByOther",
      facts: { owner: "iris2" },
    });
    expect(on("iris1", served("10.20.30.2")).announced).toBe(true);
    expect(on("iris2", served("10.20.30.2")).announced).toBe(false);
  });

  it("lets a preference win over the hash, summed over the Service's advertisements", () => {
    const prefers = (name: string, weight: number) =>
      l2Advertisement(`${name}-${weight}`, {
        preferences: [{ weight, nodes: (labels) => labels["kubernetes.io/hostname"] === name }],
      });
    expect(on("iris1", served("10.20.30.1", [prefers("iris1", 1)])).announced).toBe(true);
    const both = [prefers("iris1", 3), prefers("iris2", 2), prefers("iris2", 2)];
    expect(on("iris2", served("10.20.30.2", both)).announced).toBe(true);
  });

  it("chooses among live members that have a network and no exclude label", () => {
    const given = served("10.20.30.1");
    given.members = new Set(["iris1"]);
    expect(on("iris1", given).announced).toBe(true);
    given.members = null;
    given.nodes.set("iris2", node("iris2", { networkUnavailable: true }));
    expect(on("iris1", given).announced).toBe(true);
    expect(on("iris2", given)).toMatchObject({ reason: "nodeNetworkUnavailable" });
    const label = { "node.kubernetes.io/exclude-from-external-load-balancers": "" };
    given.nodes.set("iris2", node("iris2", { labels: label }));
    expect(on("iris1", given).announced).toBe(true);
    expect(on("iris2", given)).toMatchObject({ reason: "nodeLabeledExcludeBalancers" });
  });

  it("asks for an own endpoint by policy Local", () => {
    const given = world().serve(service("a", { ips: ["10.20.30.1"], externalTrafficPolicy: "Local" }), ["iris1", null]);
    expect(on("iris1", given).announced).toBe(true);
    expect(on("iris2", given)).toMatchObject({ reason: "noLocalEndpoints" });
    given.slices.clear();
    expect(on("iris1", given)).toMatchObject({ reason: "noEndpoints" });
  });

  it("keeps to advertisements that select the Service and the node", () => {
    const others = [l2Advertisement("a", { services: () => false })];
    expect(on("iris2", served("10.20.30.1", others))).toMatchObject({ reason: "noMatchingAdvertisement" });
    const elsewhere = [l2Advertisement("a", { nodes: (labels) => labels["kubernetes.io/hostname"] === "iris1" })];
    expect(on("iris2", served("10.20.30.1", elsewhere))).toMatchObject({ reason: "noMatchingAdvertisement" });
    expect(on("iris1", served("10.20.30.1", elsewhere)).announced).toBe(true);
    expect(on("iris1", served("10.20.30.1", []))).toMatchObject({ reason: "noL2Advertisement" });
  });

  it("refuses a Service that may share its address where selectors could part the sharers", () => {
    const selecting = [l2Advertisement("a", { hasServiceSelectors: true })];
    for (const key of ["metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"]) {
      const given = served("10.20.30.1", selecting, { annotations: { [key]: "" } });
      expect(on("iris2", given)).toMatchObject({ reason: "sharedIPWithServiceSelector" });
    }
  });

  it("announces on the interfaces of all advertisements, on all where one names none", () => {
    const named = (name: string, ...interfaces: string[]) => l2Advertisement(name, { interfaces: new Set(interfaces) });
    expect(on("iris2", served("10.20.30.1", [named("a", "eth1", "eth0"), named("b", "bond0")]))).toMatchObject({
      interfaces: ["bond0", "eth0", "eth1"],
    });
    expect(on("iris2", served("10.20.30.1", [named("a", "eth0"), l2Advertisement("b")]))).toMatchObject({
      interfaces: null,
    });
  });

  it("moves an address when a member goes and comes, and tells the engine of that alone", () => {
    const given = served("10.20.30.1").serve(service("b", { ips: ["10.20.30.2"] }), NODES);
    given.members = new Set(NODES);
    const planner = new Planner({ ...OPTIONS, nodeName: "iris1" });
    const told = () => planner.update(given, changes({ members: true }));
    expect(planner.update(given, changes({ config: true })).layer2.announce.map(({ holder }) => holder)).toEqual([
      "default/b",
    ]);
    given.members = new Set(["iris1"]);
    const taken = told();
    expect(taken.layer2.announce.map(({ holder }) => holder)).toEqual(["default/a"]);
    expect(taken.verdicts).toEqual(["default/a"]);
    expect(told().verdicts).toEqual([]);
    given.members = new Set(NODES);
    expect(told().layer2).toMatchObject({ announce: [], withdraw: [{ holder: "default/a" }] });
  });
});

describe("what changes the election of a Service is looked at", () => {
  /** A planner of iris1 and what it says of the Service after each update. */
  function followed(given: TestWorld) {
    const planner = new Planner({ ...OPTIONS, nodeName: "iris1" });
    planner.update(given, changes({ config: true }));
    const layer2 = () => planner.plan.verdict("default/a", given.services.get("default/a")).layer2;
    return { planner, layer2, update: (what: Parameters<typeof changes>[0]) => planner.update(given, changes(what)) };
  }

  it("of the majority", () => {
    const given = served("10.20.30.2", [l2Advertisement("a", { fencing: "majority" }), l2Advertisement("b")]);
    const { layer2, update } = followed(given);
    expect(layer2().announced).toBe(true);
    given.hasMajority = false;
    expect(update({ members: true }).verdicts).toEqual(["default/a"]);
    expect(layer2()).toEqual({ announced: false, reason: "noMajority", facts: { pool: "lab", node: "iris1" } });
    given.config = served("10.20.30.2").config;
    update({ config: true });
    expect(layer2().announced).toBe(true);
  });

  it("of which nodes are drained, also when as many are", () => {
    const given = served("10.20.30.2");
    given.nodes.set("iris2", node("iris2", { drain: "true" }));
    const { layer2, update } = followed(given);
    expect(layer2().announced).toBe(true);
    given.nodes.set("iris1", node("iris1", { drain: "true" }));
    given.nodes.set("iris2", node("iris2"));
    update({ nodes: new Set(NODES) });
    expect(layer2()).toMatchObject({ reason: "ownedByOther" });
    given.nodes.set("iris1", node("iris1"));
    update({ nodes: new Set(["iris1"]) });
    expect(layer2().announced).toBe(true);
  });

  it("of another node's drain, though nothing else of it differs", () => {
    const given = served("10.20.30.1");
    const { layer2, update } = followed(given);
    expect(layer2()).toMatchObject({ reason: "ownedByOther" });
    given.nodes.set("iris2", node("iris2", { drain: "true" }));
    update({ nodes: new Set(["iris2"]) });
    expect(layer2().announced).toBe(true);
  });

  it("of what one of several nodes is preferred by", () => {
    const given = served("10.20.30.2", [
      l2Advertisement("a", { preferences: [{ weight: 1, nodes: ({ best }) => best === "yes" }] }),
    ]);
    const { layer2, update } = followed(given);
    expect(layer2().announced).toBe(true);
    given.nodes.set("iris2", node("iris2", { labels: { best: "yes" } }));
    update({ nodes: new Set(["iris2"]) });
    expect(layer2()).toEqual({ announced: false, reason: "ownedByOther", facts: { owner: "iris2" } });
  });
});

describe("layer 2 refuses", () => {
  it("on a node that the API does not know", () => {
    const given = served("10.20.30.1");
    expect(on("iris9", given)).toEqual({
      announced: false,
      reason: "nodeUnknown",
      facts: { pool: "lab", node: "iris9" },
    });
  });

  it("where no candidate is alive", () => {
    const given = served("10.20.30.1");
    given.members = new Set();
    expect(on("iris1", given)).toEqual({ announced: false, reason: "noCandidate", facts: {} });
  });

  it("where no endpoint can serve", () => {
    const given = served("10.20.30.1");
    given.slices.set("default/a", [slice("a", NODES, { serving: false })]);
    expect(on("iris2", given)).toEqual({ announced: false, reason: "noEndpoints", facts: {} });
  });

  it("a shared address for one advertisement with selectors among several, and no other for it", () => {
    const some = [l2Advertisement("a"), l2Advertisement("b", { hasServiceSelectors: true })];
    const sharing = { annotations: { "metallb.io/allow-shared-ip": "k" } };
    expect(on("iris2", served("10.20.30.1", some, sharing))).toMatchObject({ reason: "sharedIPWithServiceSelector" });
    expect(on("iris2", served("10.20.30.1", some)).announced).toBe(true);
    expect(on("iris2", served("10.20.30.1", [l2Advertisement("a")], sharing)).announced).toBe(true);
  });
});

it("an election hashes each candidate once", () => {
  for (const drained of [null, "iris9"]) {
    const given = served("10.20.30.1");
    given.members = new Set(NODES);
    given.speakers = new Map(NODES.map((name) => [name, { links: null, isWhole: true }]));
    if (drained) given.nodes.set(drained, node(drained, { drain: "true" }));
    let hashes = 0;
    const sha256 = (text: string) => {
      hashes += 1;
      return OPTIONS.sha256(text);
    };
    plan(given, { ...OPTIONS, nodeName: "iris1", sha256 });
    expect(hashes).toBe(2);
  }
});
