import { describe, expect, it, vi } from "vitest";
import type { BgpAdvertisement, Peer } from "#config";
import { parseIp } from "#net";
import { Planner, plan } from "#planner";
import { AttributeTable } from "./attributes.ts";
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

const ADDRESSES = ["192.0.2.0/24", "2001:db8::/64"];
const DUAL = ["192.0.2.1", "2001:db8::1"];

/** One Service from a pool with these advertisements, and a planner that follows it. */
function started(advertisements: readonly BgpAdvertisement[], peers: readonly Peer[], ips: readonly string[] = DUAL) {
  const world = new TestWorld([pool("lab", ADDRESSES, advertisements)], peers);
  world.serve(service("a", { ips }));
  const planner = new Planner(OPTIONS);
  planner.update(world, changes({ config: true }));
  return {
    world,
    /** The routes that are told anew in each table, with their communities. */
    told: (fields: Parameters<typeof changes>[0]) =>
      planner
        .update(world, changes(fields))
        .routes.flatMap(({ table, announce, withdraw }) => [
          ...announce.map(({ prefix, attributes }) => `${table} ${prefix.length} ${String(attributes.communities)}`),
          ...withdraw.map(({ length }) => `${table} ${length} gone`),
        ]),
    verdict: () => planner.plan.verdict("default/a", world.services.get("default/a")).bgp,
    planner,
  };
}

const onRack = (rack: string) => ({ nodes: (labels: Readonly<Record<string, string>>) => labels.rack === rack });
const relabelled = (world: TestWorld, rack: string) => {
  world.nodes.set("node-1", node("node-1", { labels: { rack } }));
  return { nodes: new Set(["node-1"]) };
};

describe("routes follow the own node's labels", () => {
  it("from one advertisement to another", () => {
    const { world, told } = started(
      [
        advertisement("one", { ...onRack("1"), communities: [1] }),
        advertisement("two", { ...onRack("2"), communities: [2] }),
      ],
      [peer("p")],
    );
    expect(told(relabelled(world, "1"))).toEqual(["all 32 1"]);
    expect(told(relabelled(world, "2"))).toEqual(["all 32 2"]);
    expect(told(relabelled(world, "2"))).toEqual([]);
    expect(told(relabelled(world, "3"))).toEqual(["all 32 gone"]);
  });

  it("to one advertisement more or less", () => {
    const { world, told } = started(
      [advertisement("all", { communities: [1] }), advertisement("some", { ...onRack("2"), communities: [2] })],
      [peer("p")],
    );
    expect(told(relabelled(world, "2"))).toEqual(["all 32 1,2"]);
    expect(told(relabelled(world, "1"))).toEqual(["all 32 1"]);
  });
});

describe("routes of a family", () => {
  const four = peer("four");
  const v6 = parseIp("2001:db8::fe");
  const six = peer("six", { address: v6.ok ? v6.value : null });

  it.each([
    ["IPv6 comes and goes with the peers that carry it", [four], [four, six], "all 128"],
    ["IPv4 comes and goes with the peers that carry it", [six], [six, four], "all 32"],
  ])("%s", (_, without, both, route) => {
    const { world, told } = started([advertisement("a")], without);
    const set = (peers: readonly Peer[]) => {
      world.config = config(world.config?.pools ?? [], peers);
      return { config: true };
    };
    expect(told(set(both))).toEqual([`${route} `]);
    expect(told(set(without))).toEqual([`${route} gone`]);
  });

  it("are told to the peers of both families together, in order of their names", () => {
    const { verdict } = started([advertisement("a")], [peer("z"), { ...six, name: "b" }]);
    expect(verdict()).toMatchObject({ ips: DUAL, peers: ["b", "z"], lacking: [] });
  });

  it("that lacks names its addresses alone", () => {
    const { verdict } = started([advertisement("a")], [six]);
    expect(verdict()).toMatchObject({
      ips: ["2001:db8::1"],
      lacking: [{ ips: ["192.0.2.1"], facts: { family: "IPv4" } }],
    });
  });
});

it("a Service that two advertisements speak of is told to the peers that either names", () => {
  const named = (name: string) => advertisement(name, { peers: new Set([name]) });
  const { verdict } = started([named("p"), named("q")], [peer("p"), peer("q"), peer("r")], ["192.0.2.1"]);
  expect(verdict()).toMatchObject({ announced: true, peers: ["p", "q"] });
});

it("peers in another order change no verdict", () => {
  const { world, planner } = started([advertisement("a")], [peer("p"), peer("q")], ["192.0.2.1"]);
  world.config = config(world.config?.pools ?? [], [peer("q"), peer("p")]);
  expect(planner.update(world, changes({ config: true })).verdicts).toEqual([]);
});

it("an address that Services of two kinds share is told to no peer that is not meant", () => {
  const { world, planner } = started([advertisement("a", { peers: new Set(["q"]) })], [peer("p"), peer("q")], DUAL);
  world.serve(service("b", { ips: ["192.0.2.1"], externalTrafficPolicy: "Local" }));
  planner.update(world, changes({ services: new Set(["default/b"]) }));
  expect(routesOf(planner.plan)).toEqual({ all: {}, "all+a": { "192.0.2.1/32": expect.anything() } });
});

describe("a refusal says what it is about", () => {
  const refused = (world: TestWorld, drain: Parameters<typeof plan>[2] = "none") =>
    plan(world, OPTIONS, drain).verdict("default/a", world.services.get("default/a")).bgp;
  const on = (advertisements: readonly BgpAdvertisement[]) => started(advertisements, [peer("p")], ["192.0.2.1"]).world;

  it("where no advertisement that selects the Service is for this node, though another is", () => {
    const world = on([
      advertisement("here", { services: () => false }),
      advertisement("there", { nodes: () => false }),
    ]);
    expect(refused(world)).toEqual({
      announced: false,
      reason: "noMatchingAdvertisement",
      facts: { pool: "lab", node: "node-1" },
    });
  });

  it("where endpoints are elsewhere", () => {
    const world = on([advertisement("a")]);
    world.serve(service("a", { ips: ["192.0.2.1"], externalTrafficPolicy: "Local" }), ["node-2"]);
    expect(refused(world)).toEqual({ announced: false, reason: "noLocalEndpoints", facts: { node: "node-1" } });
  });

  it("where the node is drained, also when its sessions are closed", () => {
    const world = on([advertisement("a")]);
    world.nodes.set("node-2", node("node-2"));
    for (const phase of ["withdrawn", "closed"] as const)
      expect(refused(world, phase)).toEqual({ announced: false, reason: "nodeDraining", facts: { node: "node-1" } });
    expect(refused(world, "warned")).toMatchObject({
      announced: true,
      notes: [{ reason: "nodeLeaving", facts: { node: "node-1" } }],
    });
  });
});

describe("what Services have in common", () => {
  it("is worked out once: whether an advertisement is for the node, and the attributes of each length", () => {
    const asked = vi.fn(() => true);
    const made = vi.spyOn(AttributeTable.prototype, "of");
    const world = new TestWorld(
      [pool("lab", ADDRESSES, [advertisement("a", { nodes: asked })])],
      [peer("p", { dualStackAddressFamily: true })],
    );
    for (let i = 1; i < 50; i++) world.serve(service(`s${i}`, { ips: [`192.0.2.${i}`, `2001:db8::${i}`] }));
    world.serve(service("local", { ips: ["192.0.2.99"], externalTrafficPolicy: "Local" }));
    const planned = plan(world, OPTIONS);
    expect([...planned.routes("all")]).toHaveLength(99);
    // Two classes, of which one has two families.
    expect([asked.mock.calls.length, made.mock.calls.length]).toEqual([1, 3]);
    made.mockRestore();
  });

  it("counts the endpoints of this node where an advertisement weighs them", () => {
    const world = new TestWorld([pool("lab", ADDRESSES, [advertisement("a", { weighsEndpoints: true })])], [peer("p")]);
    world.serve(service("a", { ips: ["192.0.2.1"], externalTrafficPolicy: "Local" }), ["node-1", "node-1", "node-2"]);
    const weight = () => routesOf(plan(world, OPTIONS)).all?.["192.0.2.1/32"];
    expect(weight()).toMatchObject({ linkBandwidth: 250_000 });
    world.slices.set("default/a", [
      slice("a", ["node-1"]),
      slice("a", ["node-1"], { serving: false }),
      slice("a", ["node-1"], { hasAddress: false }),
    ]);
    expect(weight()).toMatchObject({ linkBandwidth: 125_000 });
    world.serve(service("a", { ips: ["192.0.2.1"] }), ["node-1"]);
    expect(weight()).not.toHaveProperty("linkBandwidth");
  });
});

it("two addresses in one aggregate are one route, which stands until both are gone", () => {
  const { world, told } = started(
    [advertisement("a", { aggregationLength: 24 })],
    [peer("p")],
    ["192.0.2.1", "192.0.2.2"],
  );
  const set = (...ips: readonly string[]) => {
    world.serve(service("a", { ips }));
    return { services: new Set(["default/a"]) };
  };
  expect(told(set("192.0.2.2"))).toEqual([]);
  expect(told(set())).toEqual(["all 24 gone"]);
});
