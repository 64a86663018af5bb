import { describe, expect, it } from "vitest";
import { parsePrefix } from "#net";
import { Planner, plan, type SpeakerLinks, sentence } from "#planner";
import { changes, l2Advertisement, node, OPTIONS, pool, service, TestWorld } from "./testing.ts";

/** By the hash alone iris2 has 10.20.30.1 and iris1 has 10.20.30.2 (contract 6.5). */
const NODES = ["iris1", "iris2"];

function served(ips: readonly string[], interfaces: readonly string[] | null = null): TestWorld {
  const advertisement = l2Advertisement("a", { interfaces: interfaces && new Set(interfaces) });
  const world = new TestWorld([pool("lab", ["10.20.30.0/24", "2001:db8::/64"], [], [advertisement])], []);
  world.nodes.clear();
  for (const name of NODES) world.nodes.set(name, node(name));
  world.members = new Set(NODES);
  return world.serve(service("a", { ips }), NODES);
}

const link = (name: string, ...subnets: readonly string[]) => ({
  name,
  arp: true,
  ndp: true,
  subnets: subnets.map((text) => {
    const read = parsePrefix(text);
    if (!read.ok) throw new Error(read.error);
    return read.value;
  }),
});

const told = (...links: SpeakerLinks["links"] & {}): SpeakerLinks => ({ links, isWhole: true });
const LAN = told(link("eth0", "10.20.30.0/24"));

/** What each node says: `announced`, or the reason; the same whichever node is asked. */
function said(world: TestWorld): Record<string, string> {
  return Object.fromEntries(
    [...world.nodes.keys()].map((nodeName) => {
      const { layer2 } = plan(world, { ...OPTIONS, nodeName }).verdict("default/a", world.services.get("default/a"));
      if (!layer2.announced) expect(sentence(layer2)).not.toMatch(/[{}?]/);
      return [nodeName, layer2.announced ? "announced" : layer2.reason];
    }),
  );
}

const tell = (world: TestWorld, speakers: Readonly<Record<string, SpeakerLinks>>): TestWorld => {
  world.speakers = new Map(Object.entries(speakers));
  return world;
};

describe("nodes that cannot answer", () => {
  it("leave the election to the hash where all can", () => {
    expect(said(tell(served(["10.20.30.1"]), { iris1: LAN, iris2: LAN }))).toEqual({
      iris1: "ownedByOther",
      iris2: "announced",
    });
  });

  it("are left out: without the named interface, without any, out of the subnet", () => {
    const cases: readonly (readonly [readonly string[] | null, SpeakerLinks, string])[] = [
      [["eth0"], told(link("eth1", "10.20.30.0/24")), "noNamedInterface"],
      [null, told(), "noUsableInterface"],
      [null, told({ ...link("eth0", "10.20.30.0/24"), arp: false }), "noUsableInterface"],
      [null, told(link("eth0", "192.0.2.0/24"), link("eth9")), "outsideSubnet"],
    ];
    for (const [interfaces, links, reason] of cases) {
      const world = tell(served(["10.20.30.1"], interfaces), { iris1: LAN, iris2: links });
      expect(said(world)).toEqual({ iris1: "announced", iris2: reason });
      const { layer2 } = plan(world, { ...OPTIONS, nodeName: "iris1" }).verdict(
        "default/a",
        world.services.get("default/a"),
      );
      expect(layer2).toMatchObject({ leftOut: [{ reason, facts: { node: "iris2" } }] });
    }
  });

  it("are elected as MetalLB would where nobody is better: the owner then says what it lacks", () => {
    const nobody = { iris1: told(link("eth1")), iris2: told(link("eth1")) };
    expect(said(tell(served(["10.20.30.1"], ["eth0"]), nobody))).toEqual({
      iris1: "ownedByOther",
      iris2: "announced",
    });
    const { layer2 } = plan(tell(served(["10.20.30.1"], ["eth0"]), nobody), { ...OPTIONS, nodeName: "iris2" }).verdict(
      "default/a",
      served(["10.20.30.1"]).services.get("default/a"),
    );
    expect(layer2).toMatchObject({ announced: true, leftOut: [] });
    const elsewhere = { iris1: told(link("eth0", "192.0.2.0/24")), iris2: told(link("eth0", "192.0.2.0/24")) };
    expect(said(tell(served(["10.20.30.1"]), elsewhere))).toEqual({ iris1: "ownedByOther", iris2: "announced" });
  });

  it("count where an advertisement names an interface without an address of the family, or not all was told", () => {
    const bare = { iris1: LAN, iris2: told(link("eth0")) };
    expect(said(tell(served(["10.20.30.1"], ["eth0"]), bare))).toMatchObject({ iris2: "announced" });
    const six = { iris1: LAN, iris2: told(link("eth0", "2001:db8::/64")) };
    expect(said(tell(served(["10.20.30.1"], ["eth0"]), six))).toMatchObject({ iris2: "announced" });
    const many = { iris1: LAN, iris2: { links: [link("eth7")], isWhole: false } };
    expect(said(tell(served(["10.20.30.1"]), many))).toMatchObject({ iris2: "announced" });
    // One that starts is elected as in MetalLB: if each left out those that it has not heard of, each would elect itself.
    const starting = { iris1: LAN, iris2: { links: null, isWhole: true } };
    expect(said(tell(served(["10.20.30.1"]), starting))).toMatchObject({ iris2: "announced" });
  });

  it("never make speakers of ours and of MetalLB's differ on who owns", () => {
    // MetalLB's own speaker on iris2 elects itself, and knows nothing of interfaces.
    expect(said(tell(served(["10.20.30.1"]), { iris1: LAN }))).toMatchObject({ iris1: "ownedByOther" });
    // Ours on iris2 cannot. MetalLB's own on iris1 believes that iris2 does: another of ours must.
    const world = served(["10.20.30.1"]);
    world.nodes.set("iris3", node("iris3"));
    world.members = new Set([...NODES, "iris3"]);
    tell(world, { iris2: told(), iris3: LAN });
    expect(said(world)).toMatchObject({ iris2: "noUsableInterface", iris3: "announced" });
  });

  it("of a pair of addresses are those for the first, and for the second where somebody is left", () => {
    const both = ["10.20.30.1", "2001:db8::1"];
    const six = told(link("eth0", "10.20.30.0/24", "2001:db8::/64"));
    expect(said(tell(served(both), { iris1: six, iris2: LAN }))).toMatchObject({ iris1: "announced" });
    const apart = { iris1: told(link("eth0", "2001:db8::/64")), iris2: LAN };
    expect(said(tell(served(both), apart))).toMatchObject({ iris2: "announced" });
  });

  it("are looked at again when one tells of other interfaces, and then alone", () => {
    const world = tell(served(["10.20.30.1"]), { iris1: LAN, iris2: LAN });
    const planner = new Planner({ ...OPTIONS, nodeName: "iris1" });
    planner.update(world, changes({ config: true }));
    tell(world, { iris1: LAN, iris2: told() });
    expect(planner.update(world, changes({ members: true })).layer2.announce).toHaveLength(1);
    tell(world, { iris1: LAN, iris2: told() });
    expect(planner.update(world, changes({ members: true })).verdicts).toEqual([]);
  });

  it("are named by the first twenty in order, with as many interfaces as are read", () => {
    const names = Array.from({ length: 30 }, (_, i) => `b${(i * 7) % 30}`);
    const interfaces = Array.from({ length: 60 }, (_, i) => `eth${i}`);
    const world = served(["10.20.30.1"], interfaces);
    world.nodes.clear();
    for (const name of ["a", ...names]) world.nodes.set(name, node(name));
    world.members = new Set(["a", ...names]);
    tell(world, Object.fromEntries([["a", LAN], ...names.map((name) => [name, told()])]));
    const { layer2 } = plan(world, { ...OPTIONS, nodeName: "a" }).verdict("default/a", world.services.get("default/a"));
    const leftOut = layer2.announced ? layer2.leftOut : [];
    expect(leftOut.map((each) => each.node)).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, 20));
    expect(leftOut[0]?.facts.interfaces).toMatch(/^eth0, eth1, eth10, /);
    expect(leftOut[0]?.facts.interfaces).toHaveLength(200);
  });

  it("say of themselves what they lack, and not what another lacks", () => {
    const world = served(["10.20.30.1"]);
    for (const name of ["iris0", "iris3"]) world.nodes.set(name, node(name));
    world.members = new Set(["iris0", ...NODES, "iris3"]);
    tell(world, { iris0: told(), iris1: LAN, iris2: told(), iris3: LAN });
    const each = said(world);
    expect([each.iris0, each.iris2]).toEqual(["noUsableInterface", "noUsableInterface"]);
    expect(new Set([each.iris1, each.iris3])).toEqual(new Set(["announced", "ownedByOther"]));
  });

  it("are measured by the interfaces of those advertisements that select them", () => {
    const at = (name: string, wanted: string) =>
      l2Advertisement(`${name}-${wanted}`, {
        interfaces: new Set([wanted]),
        nodes: (labels) => labels["kubernetes.io/hostname"] === name,
      });
    const world = served(["10.20.30.1"]);
    const set = (...advertisements: readonly ReturnType<typeof l2Advertisement>[]) => {
      world.config = new TestWorld([pool("lab", "10.20.30.0/24", [], advertisements)], []).config;
    };
    tell(world, { iris1: LAN, iris2: LAN });
    set(at("iris1", "eth0"), at("iris2", "eth1"));
    expect(said(world)).toEqual({ iris1: "announced", iris2: "noNamedInterface" });
    // Either of two will do.
    set(at("iris1", "eth0"), at("iris2", "eth1"), at("iris2", "eth0"));
    expect(said(world)).toEqual({ iris1: "ownedByOther", iris2: "announced" });
    set(at("iris1", "eth1"), at("iris1", "eth2"), at("iris2", "eth1"), at("iris2", "eth3"));
    tell(world, { iris1: LAN, iris2: told(link("eth3", "10.20.30.0/24")) });
    expect(said(world)).toEqual({ iris1: "noNamedInterface", iris2: "announced" });
    // One that names none allows all.
    set(at("iris1", "eth0"), at("iris2", "eth1"), l2Advertisement("all"));
    tell(world, { iris1: LAN, iris2: LAN });
    expect(said(world)).toEqual({ iris1: "ownedByOther", iris2: "announced" });
  });

  it("are unknown without gossip: then it is MetalLB's election", () => {
    const world = tell(served(["10.20.30.1"]), { iris1: LAN, iris2: told() });
    world.members = null;
    expect(said(world)).toEqual({ iris1: "ownedByOther", iris2: "announced" });
  });
});

describe("a node that is drained", () => {
  it("hands its addresses to another speaker of ours", () => {
    for (const drained of NODES) {
      const world = served(["10.20.30.1"]);
      world.speakers = new Map(NODES.map((name) => [name, LAN]));
      world.nodes.set(drained, node(drained, { drain: "true" }));
      const other = drained === "iris1" ? "iris2" : "iris1";
      expect(said(world)).toEqual({ [drained]: "ownedByOther", [other]: "announced" });
    }
  });

  it("keeps them where the other is MetalLB's own, which would not answer, or is drained too", () => {
    const world = served(["10.20.30.1"]);
    world.nodes.set("iris2", node("iris2", { drain: "true" }));
    world.speakers = new Map([["iris2", LAN]]);
    expect(said(world)).toMatchObject({ iris2: "announced" });
    world.speakers = new Map(NODES.map((name) => [name, LAN]));
    world.nodes.set("iris1", node("iris1", { drain: "true" }));
    expect(said(world)).toEqual({ iris1: "ownedByOther", iris2: "announced" });
  });
});
