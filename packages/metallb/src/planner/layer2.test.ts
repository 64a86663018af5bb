import { describe, expect, it } from "vitest";
import type { L2Advertisement } from "#config";
import { Planner, plan, sentence } from "#planner";
import { changes, l2Advertisement, node, OPTIONS, pool, service, TestWorld } from "./testing.ts";

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
