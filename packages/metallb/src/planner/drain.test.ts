import { describe, expect, it } from "vitest";
import { Planner, readDrain } from "#planner";
import type { DrainPhase } from "./plan.ts";
import { advertisement, changes, node, OPTIONS, peer, pool, routesOf, service, slice, TestWorld } from "./testing.ts";

const IP = "192.0.2.5";

/** A node that is drained, and another one. */
function drained(): TestWorld {
  const world = new TestWorld([pool("lab", "192.0.2.0/24", [advertisement("a")])], [peer("router")]);
  world.nodes.set("node-1", node("node-1", { drain: "true" }));
  world.nodes.set("node-2", node("node-2"));
  return world;
}

const both = ["node-1", "node-2"];

function planned(world: TestWorld, drain: DrainPhase) {
  const planner = new Planner(OPTIONS);
  planner.update(world, changes({ config: true }), drain);
  const { bgp } = planner.plan.verdict("default/a", world.services.get("default/a"));
  const prefixes = Object.values(routesOf(planner.plan)).flatMap((table) => Object.keys(table));
  const reasons = bgp.announced ? (bgp.notes ?? []).map(({ reason }) => reason) : [bgp.reason];
  return { prefixes, reasons, peers: [...planner.plan.peers.keys()], isLast: planner.isLast };
}

describe("a node that is drained", () => {
  it("announces as before while routers are asked to take other ways, and says so", () => {
    const world = drained().serve(service("a", { ips: [IP] }), both);
    expect(planned(world, "warned")).toEqual({
      prefixes: [`${IP}/32`],
      reasons: ["nodeLeaving"],
      peers: ["router"],
      isLast: false,
    });
  });

  it("announces nothing then, and has no session in the end", () => {
    const world = drained().serve(service("a", { ips: [IP] }), both);
    expect(planned(world, "withdrawn")).toEqual({
      prefixes: [],
      reasons: ["nodeDraining"],
      peers: ["router"],
      isLast: false,
    });
    expect(planned(world, "closed")).toMatchObject({ prefixes: [], peers: [] });
  });

  const last = { prefixes: [`${IP}/32`], reasons: ["lastAnnouncer"], peers: ["router"], isLast: true };

  it.each<[string, (world: TestWorld) => unknown]>([
    [
      "its endpoints with policy Local are all here",
      (world) => world.serve(service("a", { ips: [IP], externalTrafficPolicy: "Local" }), ["node-1"]),
    ],
    ["the other node is drained too", (world) => world.nodes.set("node-2", node("node-2", { drain: "" }))],
    [
      "the other node has no network",
      (world) => world.nodes.set("node-2", node("node-2", { networkUnavailable: true })),
    ],
    ["the other node's speaker is not alive", (world) => (world.members = new Set(["node-1"]))],
    [
      "no peer selects the other node",
      (world) => {
        const { config } = world;
        const own = peer("router", { nodes: (labels) => labels["kubernetes.io/hostname"] === "node-1" });
        world.config = config && { ...config, peers: [own] };
      },
    ],
    [
      "no advertisement selects the other node",
      (world) => {
        const { config } = world;
        const own = advertisement("a", { nodes: (labels) => labels["kubernetes.io/hostname"] === "node-1" });
        world.config = config && { ...config, pools: [pool("lab", "192.0.2.0/24", [own])] };
      },
    ],
    [
      "the peer that the advertisement names selects this node alone",
      (world) => {
        const { config } = world;
        const own = peer("own", { nodes: (labels) => labels["kubernetes.io/hostname"] === "node-1" });
        const named = advertisement("a", { peers: new Set(["own"]) });
        world.config = config && {
          ...config,
          peers: [peer("router"), own],
          pools: [pool("lab", "192.0.2.0/24", [named])],
        };
      },
    ],
    [
      "the other node's endpoint cannot serve, or has no address",
      (world) => {
        world.serve(service("a", { ips: [IP], externalTrafficPolicy: "Local" }));
        world.slices.set("default/a", [
          slice("a", ["node-1", null]),
          slice("a", ["node-2"], { serving: false }),
          slice("a", ["node-2"], { hasAddress: false }),
        ]);
      },
    ],
  ])("goes on announcing where %s", (_, change) => {
    const world = drained().serve(service("a", { ips: [IP] }), both);
    change(world);
    expect(planned(world, "withdrawn")).toMatchObject({ ...last, peers: expect.anything() });
    // Without a drain nothing is asked for that is the last.
    expect(planned(world, "none")).toMatchObject({ reasons: [], isLast: false });
  });

  it("asks an advertisement of each node once, however many Services there are", () => {
    const world = drained();
    let asked = 0;
    const counting = advertisement("a", {
      nodes: () => {
        asked += 1;
        return true;
      },
    });
    const { config } = world;
    world.config = config && { ...config, pools: [pool("lab", "192.0.2.0/24", [counting])] };
    for (let i = 0; i < 50; i++) world.serve(service(`s${i}`, { ips: [`192.0.2.${i}`] }), both);
    planned(world, "withdrawn");
    expect(asked).toBeLessThan(10);
  });

  it("lets go as soon as another node can", () => {
    const world = drained().serve(service("a", { ips: [IP], externalTrafficPolicy: "Local" }), ["node-1"]);
    const planner = new Planner(OPTIONS);
    planner.update(world, changes({ config: true }), "withdrawn");
    expect(planner.isLast).toBe(true);
    world.serve(service("a", { ips: [IP], externalTrafficPolicy: "Local" }), both);
    const { routes, verdicts } = planner.update(world, changes({ services: new Set(["default/a"]) }), "withdrawn");
    expect(routes).toMatchObject([{ announce: [], withdraw: [expect.anything()] }]);
    expect([verdicts, planner.isLast]).toEqual([["default/a"], false]);
    world.nodes.set("node-2", node("node-2", { drain: "" }));
    const again = planner.update(world, changes({ nodes: new Set(["node-2"]) }), "withdrawn");
    expect(again.routes).toMatchObject([{ announce: [expect.anything()], withdraw: [] }]);
  });
});

it.each([
  ["", 10, null],
  ["true", 10, null],
  ["0", 0, null],
  ["1m30s", 90, null],
  ["10m", 600, null],
  ["11m", 10, "neither"],
  ["soon", 10, "neither"],
])("%j asks for so many seconds: %d", (text, wait, complaint) => {
  const read = readDrain(text);
  expect(read.wait).toBe(wait);
  if (complaint === null) expect(read.complaint).toBeNull();
  else expect(read.complaint).toContain(complaint);
});
