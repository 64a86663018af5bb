import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { Planner, plan } from "#planner";
import { Layer2Claims } from "./layer2-claims.ts";
import {
  advertisement,
  changes,
  config,
  l2Advertisement,
  node,
  OPTIONS,
  peer,
  pool,
  routesOf,
  service,
  TestWorld,
} from "./testing.ts";

const lab = (texts: string | readonly string[], ...advertisements: ReturnType<typeof advertisement>[]) =>
  pool("lab", texts, advertisements.length > 0 ? advertisements : [advertisement("a")]);

/** A planner that has seen the world, and what it says when something changes there. */
function started(world: TestWorld) {
  const planner = new Planner(OPTIONS);
  const first = planner.update(world, changes({ config: true }));
  return { planner, first, update: (fields: Parameters<typeof changes>[0]) => planner.update(world, changes(fields)) };
}

const verdictOf = (planner: Planner, world: TestWorld, name: string) =>
  planner.plan.verdict(`default/${name}`, world.services.get(`default/${name}`)).bgp;

describe("a change", () => {
  it("of the own node tells the verdict of each Service once", () => {
    const world = new TestWorld([lab("192.0.2.0/24")], [peer("router")]);
    world.serve(service("a", { ips: ["192.0.2.1"] })).serve(service("b", { ips: ["192.0.2.2"] }));
    const { first, update } = started(world);
    expect([...first.verdicts].sort()).toEqual(["default/a", "default/b"]);
    world.nodes.set("node-1", node("node-1", { networkUnavailable: true }));
    const gone = update({ nodes: new Set(["node-1"]), services: new Set(["default/a"]) });
    expect([...gone.verdicts].sort()).toEqual(["default/a", "default/b"]);
    expect(gone.routes.map(({ withdraw }) => withdraw.length)).toEqual([2]);
    expect(update({ nodes: new Set(["node-1"]) }).verdicts).toEqual([]);
  });

  it("of a pool's end reaches the Services that are beyond it", () => {
    const world = new TestWorld([lab("192.0.2.0/24")], [peer("router")]);
    world.serve(service("a", { ips: ["192.0.2.1"] })).serve(service("b", { ips: ["192.0.2.200"] }));
    const { planner, update } = started(world);
    world.config = config([lab("192.0.2.0/25")], [peer("router")]);
    expect(update({ config: true }).verdicts).toContain("default/b");
    expect(verdictOf(planner, world, "b")).toEqual({
      announced: false,
      reason: "ipNotAllowed",
      facts: { ips: "192.0.2.200" },
    });
    expect(Object.keys(routesOf(planner.plan).all ?? {})).toEqual(["192.0.2.1/32"]);
    world.config = config([lab("192.0.2.0/24")], [peer("router")]);
    update({ config: true });
    expect(verdictOf(planner, world, "b")).toMatchObject({ announced: true });
  });

  it("of a Service that was never ours tells nothing", () => {
    const world = new TestWorld([lab("192.0.2.0/24")], [peer("router")]);
    const { update } = started(world);
    world.serve(service("a", { type: "ClusterIP" }));
    expect(update({ services: new Set(["default/a", "default/gone"]) }).verdicts).toEqual([]);
  });

  it("of a node's labels moves what layer 2 prefers", () => {
    const preferring = l2Advertisement("l", {
      preferences: [{ weight: 10, nodes: ({ rack }) => rack === "best" }],
    });
    const world = new TestWorld([pool("lab", "192.0.2.0/24", [], [preferring])], []);
    const label = (name: string, rack: string) => world.nodes.set(name, node(name, { labels: { rack } }));
    label("node-1", "best");
    label("node-2", "other");
    world.serve(service("a", { ips: ["192.0.2.1"] }), ["node-1", "node-2"]);
    const { first, update } = started(world);
    expect(first.layer2.announce.map(({ holder }) => holder)).toEqual(["default/a"]);
    label("node-1", "other");
    label("node-2", "best");
    const moved = update({ nodes: new Set(["node-1", "node-2"]) });
    expect([moved.layer2.announce, moved.layer2.withdraw.length, moved.verdicts]).toEqual([[], 1, ["default/a"]]);
  });
});

describe("routes", () => {
  it("of IPv6 are rolled up by their own length, beside those of IPv4", () => {
    const world = new TestWorld(
      [lab(["192.0.2.0/24", "2001:db8::/48"], advertisement("a", { aggregationLength: 28, aggregationLengthV6: 64 }))],
      [peer("router", { dualStackAddressFamily: true })],
    );
    world
      .serve(service("six", { ips: ["2001:db8:0:1::5"] }))
      .serve(service("two", { ips: ["192.0.2.5", "2001:db8::1"] }));
    expect(Object.keys(routesOf(plan(world, OPTIONS)).all ?? {}).sort()).toEqual([
      "192.0.2.0/28",
      "2001:db8:0:1::/64",
      "2001:db8::/64",
    ]);
  });

  it("that several advertisements make carry their large communities in order", () => {
    const large = (...values: readonly (readonly [number, number, number])[]) =>
      values.map((largeCommunities, i) => advertisement(`a${i}`, { largeCommunities: [largeCommunities] }));
    const world = new TestWorld(
      [lab("192.0.2.0/24", ...large([2, 0, 0], [1, 2, 1], [1, 1, 9], [1, 2, 0]))],
      [peer("r")],
    );
    world.serve(service("a", { ips: ["192.0.2.1"] }));
    expect(routesOf(plan(world, OPTIONS)).all?.["192.0.2.1/32"]).toMatchObject({
      largeCommunities: [
        [1, 1, 9],
        [1, 2, 0],
        [1, 2, 1],
        [2, 0, 0],
      ],
    });
  });

  it("are said of the peers by name, and stand in a table named by the advertisements in order", () => {
    const both = { peers: new Set(["z", "b"]) };
    const world = new TestWorld(
      [lab("192.0.2.0/24", advertisement("y", both), advertisement("x", both))],
      [peer("z"), peer("b")],
    );
    world.serve(service("a", { ips: ["192.0.2.1"] }));
    const planned = plan(world, OPTIONS);
    expect(planned.verdict("default/a", world.services.get("default/a")).bgp).toMatchObject({ peers: ["b", "z"] });
    expect([...planned.peers.values()].map(({ table }) => table)).toEqual(["all+x+y", "all+x+y"]);
  });
});

it("a peer is watched as its BFD profile says", () => {
  const world = new TestWorld(
    [],
    [peer("watched", { bfdProfile: "fast" }), peer("lost", { bfdProfile: "none" }), peer("not")],
  );
  const profile = {
    name: "fast",
    receiveInterval: 50,
    transmitInterval: 60,
    detectMultiplier: 4,
    echoInterval: 50,
    echoMode: false,
    passiveMode: true,
    minimumTtl: 200,
  };
  world.config = { ...config([], world.config?.peers ?? []), bfdProfiles: new Map([["fast", profile]]) };
  const { peers } = plan(world, OPTIONS);
  expect(peers.get("watched")?.bfd).toMatchObject({
    receiveInterval: 50,
    transmitInterval: 60,
    detectMultiplier: 4,
    minimumTtl: 200,
    passive: true,
  });
  expect([peers.get("lost")?.bfd, peers.get("not")?.bfd]).toEqual([null, null]);
});

it("a refusal names what it is about, and no more of it than fits", () => {
  const world = new TestWorld([lab("192.0.2.0/24")], [peer("router")]);
  world.serve(service("a", { ips: ["x".repeat(500)] })).serve(service("b", { ips: ["192.0.2.1"] }));
  const planned = plan(world, OPTIONS);
  expect(planned.verdict("default/a", world.services.get("default/a")).bgp).toEqual({
    announced: false,
    reason: "invalidIP",
    facts: { ip: "x".repeat(60) },
  });
  world.nodes.clear();
  expect(plan(world, OPTIONS).verdict("default/b", world.services.get("default/b")).bgp).toEqual({
    announced: false,
    reason: "nodeUnknown",
    facts: { node: "node-1" },
  });
});

it("of claims by layer 2 only what differs is told", () => {
  const claims = new Layer2Claims();
  const [a, b] = [ip(4, 1n), ip(4, 2n)];
  const announced = (interfaces: readonly string[] | null, ...texts: string[]) => ({
    verdict: { announced: true as const, ips: texts, interfaces, leftOut: [] },
    watches: [],
  });
  expect(claims.set("s", announced(null, "a"), [a])).toBe(true);
  expect(claims.take()).toEqual({ announce: [{ holder: "s", address: a, interfaces: null }], withdraw: [] });
  expect([claims.set("s", announced(null, "a"), [a]), claims.take()]).toEqual([false, { announce: [], withdraw: [] }]);
  claims.set("s", announced(null, "a", "b"), [a, b]);
  expect(claims.take()).toEqual({ announce: [{ holder: "s", address: b, interfaces: null }], withdraw: [] });
  claims.set("s", announced(["eth0"], "a", "b"), [a, b]);
  expect(claims.take().announce).toEqual([a, b].map((address) => ({ holder: "s", address, interfaces: ["eth0"] })));
  claims.set("s", announced(["eth0"], "b"), [b]);
  expect(claims.take()).toEqual({ announce: [], withdraw: [{ holder: "s", address: a }] });
  expect([claims.set("s", null, []), claims.set("s", null, [])]).toEqual([true, false]);
  expect(claims.take()).toEqual({ announce: [], withdraw: [{ holder: "s", address: b }] });
});
