import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EndpointSlice } from "#api";
import { Planner } from "#planner";
import { BgpContext } from "./bgp-context.ts";
import type { Changes, DrainPhase } from "./plan.ts";
import { PrefixHolders } from "./prefix-holders.ts";
import { ServiceEntries } from "./service-entries.ts";
import {
  advertisement,
  changes,
  config,
  l2Advertisement,
  node,
  OPTIONS,
  peer,
  pool,
  service,
  TestWorld,
} from "./testing.ts";

// What a change costs, in steps and not in time: which Services are looked at, and how often all of something is.

/** Counts what the planner asks of the world. */
class CountedWorld extends TestWorld {
  readonly looked = new Set<string>();

  override endpointSlices(key: string): Iterable<EndpointSlice> {
    this.looked.add(key);
    return super.endpointSlices(key);
  }
}

const spies = {
  /** Walks over all Services. */
  services: () => vi.spyOn(ServiceEntries.prototype, "keys"),
  /** Walks over all prefixes. */
  prefixes: () => vi.spyOn(PrefixHolders.prototype, "prefixes"),
  /** Services that are kept anew. */
  kept: () => vi.spyOn(ServiceEntries.prototype, "set"),
};
const effects = () => vi.spyOn(BgpContext.prototype, "effect");

let counted: { readonly [K in keyof typeof spies]: ReturnType<(typeof spies)[K]> };
beforeEach(() => {
  counted = { services: spies.services(), prefixes: spies.prefixes(), kept: spies.kept() };
});
afterEach(() => vi.restoreAllMocks());

/** Sessions are worked out as often as a peer is asked whether it selects the node. */
const asked = vi.fn(() => true);

const ads = { one: advertisement("one"), two: advertisement("two", { nodes: ({ rack }) => rack !== "2" }) };
const peers = [peer("router", { nodes: asked })];
const pools = () => [
  pool("one", "192.0.2.0/24", [ads.one]),
  pool("two", "198.51.100.0/24", [ads.two]),
  pool("near", "203.0.113.0/24", [], [l2]),
];
const l2 = l2Advertisement("l2");

/** Three Services from a pool each, one of them by layer 2, and one without an address of a pool. */
function started(more = false) {
  const world = new CountedWorld(pools(), peers);
  const from = (name: string) => ({ annotations: { "metallb.io/ip-allocated-from-pool": name } });
  world.serve(service("one", { ips: ["192.0.2.1"], ...from("one") }));
  world.serve(service("two", { ips: ["198.51.100.1"], ...from("two") }));
  world.serve(service("near", { ips: ["203.0.113.1"], ...from("near") }));
  world.serve(service("lost", { ips: ["10.0.0.1"] }));
  world.serve(service("none"));
  // Held by the first pool, though they do not say so, or say it of another, or by halves.
  if (more) {
    world.serve(service("unnamed", { ips: ["192.0.2.10"] }));
    world.serve(service("misnamed", { ips: ["192.0.2.11"], ...from("two") }));
    world.serve(service("half", { ips: ["192.0.2.12", "10.0.0.1"], ...from("one") }));
  }
  const planner = new Planner(OPTIONS);
  planner.update(world, changes({ config: true }));
  const update = (change: Partial<Changes>, drain: DrainPhase = "none") => {
    world.looked.clear();
    asked.mockClear();
    for (const spy of Object.values(counted)) spy.mockClear();
    const difference = planner.update(world, changes(change), drain);
    const { services, prefixes, kept } = counted;
    return {
      difference,
      steps: {
        looked: [...world.looked].map((key) => key.slice("default/".length)).sort(),
        services: services.mock.calls.length,
        prefixes: prefixes.mock.calls.length,
        kept: kept.mock.calls.length,
        sessions: asked.mock.calls.length,
      },
    };
  };
  return { world, planner, update };
}

const NOTHING = { looked: [], services: 0, prefixes: 0, kept: 0, sessions: 0 };

describe("a change", () => {
  it("of nothing is looked for nowhere", () => {
    const { update } = started();
    expect(update({}).steps).toEqual(NOTHING);
    expect(update({ config: true }).steps).toEqual(NOTHING);
  });

  it("of one Service costs a look at that one, and none of the rest", () => {
    const { world, update } = started();
    const key = new Set(["default/one"]);
    expect(update({ services: key }).steps).toEqual({ ...NOTHING, looked: ["one"] });
    world.serve(service("one", { ips: ["192.0.2.2"] }));
    expect(update({ services: key }).steps).toEqual({ ...NOTHING, looked: ["one"], kept: 1 });
  });

  it("of a node that counts for nothing here costs no look at any Service", () => {
    const { world, update } = started();
    world.nodes.set("node-1", node("node-1", { resourceVersion: "2" }));
    expect(update({ nodes: new Set(["node-1"]) }).steps).toEqual(NOTHING);
    world.nodes.set("node-9", node("node-9", { networkUnavailable: true }));
    expect(update({ nodes: new Set(["node-9"]) }).steps).toEqual(NOTHING);
  });

  it("of another node is looked at for those by layer 2 alone", () => {
    const { world, update } = started();
    world.nodes.set("node-2", node("node-2"));
    expect(update({ nodes: new Set(["node-2"]) }).steps).toEqual({ ...NOTHING, looked: ["near"] });
    world.members = new Set(["node-1"]);
    expect(update({ members: true }).steps).toEqual({ ...NOTHING, looked: ["near"] });
    expect(update({ members: true }).steps).toEqual(NOTHING);
  });

  it("of the own node's labels works out sessions and classes, and no route where they say the same", () => {
    const { world, update } = started();
    world.nodes.set("node-1", node("node-1", { labels: { rack: "1" } }));
    const { steps, difference } = update({ nodes: new Set(["node-1"]) });
    // Layer 2 elects by labels.
    expect(steps).toEqual({ ...NOTHING, looked: ["near"], sessions: 1 });
    expect([difference.verdicts, difference.routes]).toEqual([[], []]);
  });

  it("of the own node's labels tells the Services whose advertisement they part from it, and no others", () => {
    const { world, update } = started();
    world.nodes.set("node-1", node("node-1", { labels: { rack: "2" } }));
    const { steps, difference } = update({ nodes: new Set(["node-1"]) });
    expect(steps).toEqual({ ...NOTHING, looked: ["near"], sessions: 1, services: 1, prefixes: 1 });
    expect(difference.verdicts).toEqual(["default/two"]);
  });

  it("of the configuration's object, and not of what it says, costs a look at those without a pool", () => {
    const { world, update } = started();
    world.config = config(pools(), peers);
    const { steps } = update({ config: true });
    expect(steps).toEqual({ ...NOTHING, services: 1, sessions: 1 });
  });

  it("of the configuration's object costs a look at Services that another pool may come to hold", () => {
    const { world, update } = started(true);
    world.config = config(pools(), peers);
    expect(update({ config: true }).steps.looked).toEqual(["half", "misnamed", "unnamed"]);
  });

  it("of one pool's advertisements costs a look at the Services of that pool, and of those without one", () => {
    const { world, update } = started();
    const [, two, near] = pools();
    if (!two || !near) throw new Error("no pools");
    world.config = config([pool("one", "192.0.2.0/24", [ads.one, ads.two]), two, near], peers);
    const { steps } = update({ config: true });
    expect(steps).toMatchObject({ looked: ["one"], kept: 1 });
  });

  it("of the phase of a drain costs a look at all only when the drain begins and ends", () => {
    const { update } = started();
    const all = ["near", "one", "two"];
    expect(update({}, "warned").steps).toMatchObject({ looked: all, sessions: expect.any(Number) });
    expect(update({}, "warned").steps).toEqual(NOTHING);
    expect(update({}, "withdrawn").steps.looked).toEqual([]);
    expect(update({}, "none").steps.looked).toEqual(all);
  });
});

it("a change of pools costs a look at Services that no pool holds, and none at those without an address", () => {
  const { world, planner } = started();
  world.config = config([...pools(), pool("late", "10.0.0.0/24", [ads.one])], peers);
  const decided = vi.spyOn(ServiceEntries.prototype, "get");
  expect(planner.update(world, changes({ config: true })).verdicts).toEqual(["default/lost"]);
  expect(new Set(decided.mock.calls.map(([key]) => key))).toEqual(new Set(["default/lost"]));
});

it("a change of the node costs as much as classes are in use, not as were ever used", () => {
  const { world, planner, update } = started();
  const relabelled = (rack: string) => {
    world.nodes.set("node-1", node("node-1", { labels: { rack } }));
    const spy = effects();
    planner.update(world, changes({ nodes: new Set(["node-1"]) }));
    const { length } = spy.mock.calls;
    spy.mockRestore();
    return length;
  };
  const before = relabelled("a");
  for (let i = 0; i < 20; i++) {
    world.serve(service("lost", { ips: [`10.0.0.${i}`] }));
    update({ services: new Set(["default/lost"]) });
  }
  expect(relabelled("b")).toBe(before);
});
