import { describe, expect, it } from "vitest";
import { Planner, plan } from "#planner";
import { ranked } from "./layer2-ranking.ts";
import { changes, l2Advertisement, node, OPTIONS, pool, service, TestWorld } from "./testing.ts";

const NAMES = Array.from({ length: 24 }, (_, i) => `node-${i}`);
const IP = "10.20.30.1";
const ORDER = ranked(
  NAMES.map((name) => [name, 0] as const),
  IP,
  OPTIONS.sha256,
);
const [OWNER = "", FIRST = "", SECOND = "", THIRD = ""] = ORDER;

function world(count = NAMES.length, fields: Parameters<typeof l2Advertisement>[1] = {}): TestWorld {
  const made = new TestWorld([pool("lab", "10.20.30.0/24", [], [l2Advertisement("a", fields)])], []);
  made.nodes.clear();
  for (const name of NAMES) made.nodes.set(name, node(name));
  made.members = new Set(NAMES.slice(0, count));
  return made.serve(service("a", { ips: [IP] }), NAMES);
}

const watched = (nodeName: string, given: TestWorld) =>
  Object.fromEntries(plan(given, { ...OPTIONS, nodeName }).watched);

describe("whose silence a node must notice at once", () => {
  it("is the owner's for the next two in line, and the first successor's for the second", () => {
    expect(watched(OWNER, world())).toEqual({});
    expect(watched(FIRST, world())).toEqual({ [OWNER]: 1 });
    expect(watched(SECOND, world())).toEqual({ [FIRST]: 1, [OWNER]: 1 });
    expect(watched(THIRD, world())).toEqual({});
  });

  it("is nobody's in a small cluster, where each watches all", () => {
    const small = world(16);
    for (const name of NAMES) expect(watched(name, small)).toEqual({});
  });

  it("changes with members and Services, and ends with them", () => {
    const given = world();
    const planner = new Planner({ ...OPTIONS, nodeName: SECOND });
    planner.update(given, changes({ config: true }));
    given.members = new Set(NAMES.filter((name) => name !== OWNER));
    planner.update(given, changes({ members: true }));
    expect([...planner.plan.watched]).toEqual([[FIRST, 1]]);
    given.services.delete("default/a");
    planner.update(given, changes({ services: new Set(["default/a"]) }));
    expect([...planner.plan.watched]).toEqual([]);
  });
});

it("whose silence counts is looked at anew when the cluster grows beyond where each watches all", () => {
  const given = world(16, { nodes: (labels) => labels["kubernetes.io/hostname"] !== "node-16" });
  const planner = new Planner({ ...OPTIONS, nodeName: "node-0" });
  planner.update(given, changes({ config: true }));
  expect(planner.plan.watched.size).toBe(0);
  const names = NAMES.slice(0, 16);
  const order = ranked(
    names.map((name) => [name, 0] as const),
    IP,
    OPTIONS.sha256,
  );
  const successor = new Planner({ ...OPTIONS, nodeName: order[1] ?? "" });
  successor.update(given, changes({ config: true }));
  // The seventeenth is no candidate itself.
  given.members = new Set(NAMES.slice(0, 17));
  successor.update(given, changes({ members: true }));
  expect([...successor.plan.watched]).toEqual([[order[0], 1]]);
  given.members = new Set(names);
  successor.update(given, changes({ members: true }));
  expect([...successor.plan.watched]).toEqual([]);
});

describe("a balanced Service", () => {
  const placed = (at: string, given = world(3, { placement: "balanced" })) => {
    const before = given.services.get("default/a");
    if (before) given.services.set("default/a", { ...before, annotations: { "metallb.io/l2-node": at } });
    return given;
  };
  const owner = (given: TestWorld) =>
    NAMES.filter((nodeName) => {
      const { layer2 } = plan(given, { ...OPTIONS, nodeName }).verdict("default/a", given.services.get("default/a"));
      return layer2.announced;
    });

  it("is announced where it was placed, as long as that node can", () => {
    for (const name of NAMES.slice(0, 3)) expect(owner(placed(name))).toEqual([name]);
    const [elected] = owner(world(3));
    expect(owner(placed("node-9"))).toEqual([elected]);
    expect(owner(placed("no such node"))).toEqual([elected]);
  });

  it("is elected for where MetalLB's own speakers take part, who know no placement", () => {
    const given = placed("node-0");
    const told = { links: null, isWhole: true };
    given.speakers = new Map(NAMES.slice(0, 3).map((name) => [name, told]));
    expect(owner(given)).toEqual(["node-0"]);
    given.speakers = new Map([["node-0", told]]);
    expect(owner(given)).toEqual(owner(world(3)));
  });

  it("is one where one of its advertisements says so", () => {
    const both = [l2Advertisement("a"), l2Advertisement("b", { placement: "balanced" })];
    const given = placed("node-1", world(3));
    given.config = new TestWorld([pool("lab", "10.20.30.0/24", [], both)], []).config;
    expect(owner(given)).toEqual(["node-1"]);
    expect([...plan(given, OPTIONS).placeable.keys()]).toEqual(["default/a"]);
  });

  it("that shares its address is where the first of those is that has a place, and moves with it at once", () => {
    const given = world(3, { placement: "balanced" });
    const share = (name: string, at?: string) =>
      service(name, {
        ips: [IP],
        annotations: { "metallb.io/allow-shared-ip": "k", ...(at === undefined ? {} : { "metallb.io/l2-node": at }) },
      });
    const planner = new Planner({ ...OPTIONS, nodeName: "node-2" });
    const set = (...services: ReturnType<typeof share>[]) => {
      for (const each of services) given.serve(each, NAMES);
      const keys = new Set(services.map(({ key }) => key));
      const { layer2 } = planner.update(given, changes({ services: keys, config: keys.size === 0 }));
      expect([...planner.plan.layer2()].length).toBe(
        [...plan(given, { ...OPTIONS, nodeName: "node-2" }).layer2()].length,
      );
      return {
        announce: layer2.announce.map(({ holder }) => holder),
        withdraw: layer2.withdraw.map(({ holder }) => holder),
      };
    };
    set();
    set(share("a"), share("b", "node-0"), share("c", "node-1"));
    expect(owner(given)).toEqual(["node-0"]);
    expect([...planner.plan.placeable.values()].map(({ placed, written }) => `${placed} ${written}`)).toEqual([
      "node-0 undefined",
      "node-0 node-0",
      "node-0 node-1",
    ]);
    expect(set(share("a", "node-2"))).toEqual({ announce: ["default/a", "default/b", "default/c"], withdraw: [] });
    given.services.delete("default/a");
    expect(planner.update(given, changes({ services: new Set(["default/a"]) })).layer2.withdraw).toHaveLength(3);
    expect(set(share("b", "node-2")).announce).toEqual(["default/b", "default/c"]);
    // One that gets another address leaves the others where they are.
    expect(set(share("c", "node-2"))).toEqual({ announce: [], withdraw: [] });
    given.services.set("default/b", {
      ...share("b", "node-2"),
      ingress: [{ ip: "10.20.30.9", hostname: null, ipMode: "VIP" }],
    });
    expect(planner.update(given, changes({ services: new Set(["default/b"]) })).layer2.withdraw).toMatchObject([
      { holder: "default/b" },
    ]);
    expect(planner.plan.placeable.get("default/c")?.placed).toBe("node-2");
  });

  it("is placed by a node that cannot announce it, too, unless it is in a minority", () => {
    const given = world(3, { placement: "balanced", nodes: (labels) => labels["kubernetes.io/hostname"] !== "node-1" });
    const seen = () =>
      plan(given, { ...OPTIONS, nodeName: "node-1" })
        .placeable.get("default/a")
        ?.field.toSorted();
    expect(seen()).toEqual(["node-0", "node-2"]);
    given.config = world(3, { placement: "balanced", fencing: "majority" }).config;
    given.hasMajority = false;
    expect(seen()).toBeUndefined();
  });

  it("is none where no advertisement says so", () => {
    expect(owner(placed("node-0", world(3)))).toEqual(owner(world(3)));
  });
});

it("a fenced Service is announced only by a node that sees most of the speakers", () => {
  const given = world(3, { fencing: "majority" });
  const on = () =>
    NAMES.slice(0, 3).map((nodeName) => {
      const { layer2 } = plan(given, { ...OPTIONS, nodeName }).verdict("default/a", given.services.get("default/a"));
      return layer2.announced ? "announced" : layer2.reason;
    });
  expect(on().filter((each) => each === "announced")).toHaveLength(1);
  given.hasMajority = false;
  expect(on()).toEqual(["noMajority", "noMajority", "noMajority"]);
});

describe("a Service that is fenced by Leases", () => {
  const on = (given: TestWorld) =>
    NAMES.slice(0, 3).map((nodeName) => {
      const { layer2 } = plan(given, { ...OPTIONS, nodeName }).verdict("default/a", given.services.get("default/a"));
      return layer2.announced ? "announced" : `${layer2.reason} ${layer2.facts.owner ?? layer2.facts.why ?? ""}`;
    });
  const holding = (given: TestWorld, names: readonly string[], why = "") => {
    const told = { links: null, isWhole: true };
    given.leases = { holders: new Set(names), speakers: new Map(names.map((name) => [name, told])), why };
    return given;
  };
  const three = NAMES.slice(0, 3);
  const [first = "", second = ""] = ORDER.filter((name) => three.includes(name));

  it("is announced by the best of those that hold one, whoever is heard", () => {
    const given = holding(world(3, { fencing: "lease" }), three);
    for (const members of [three, [], [second]]) {
      given.members = new Set(members);
      expect(on(given)).toEqual(three.map((name) => (name === first ? "announced" : `ownedByOther ${first}`)));
    }
    expect(on(holding(given, [second], "it lapsed"))).toEqual(
      three.map((name) => (name === second ? "announced" : "noLease it lapsed")),
    );
  });

  it("is announced by nobody where nobody keeps Leases, and other Services as before", () => {
    const given = world(3, { fencing: "lease" });
    expect(on(given).every((each) => each.startsWith("noLease"))).toBe(true);
    expect(on(holding(world(3), []))).toContain("announced");
  });

  it("is planned anew when who holds one differs, and its claims say that they are fenced", () => {
    const given = holding(world(3, { fencing: "lease" }), three);
    const planner = new Planner({ ...OPTIONS, nodeName: second });
    expect(planner.update(given, changes({ config: true })).layer2.announce).toEqual([]);
    expect(planner.plan.wantsLease).toBe(true);
    holding(
      given,
      three.filter((name) => name !== first),
    );
    const { layer2 } = planner.update(given, changes({ members: true }));
    expect(layer2.announce).toMatchObject([{ holder: "default/a", fenced: true }]);
    holding(given, []);
    expect(planner.update(given, changes({ members: true })).layer2.withdraw).toMatchObject([{ fenced: true }]);
  });
});
