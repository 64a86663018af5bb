import { describe, expect, it } from "vitest";
import { type Compilation, NO_RESOURCES, PoolLookup, validate } from "#config";
import { formatRange, type Ip, parseIp } from "#net";
import { aged, bgpAdvertisement, bgpPeer, community, compiled, l2Advertisement, pool } from "./testing.ts";

const ips = (...texts: string[]): Ip[] =>
  texts.map((text) => {
    const read = parseIp(text);
    if (!read.ok) throw new Error(text);
    return read.value;
  });

const standing = ({ config }: Compilation) => config.pools.map(({ name, frozen }) => `${name} ${frozen ?? "counts"}`);
const problems = ({ problems }: Compilation) => problems.map(({ kind, name, code }) => `${kind}/${name} ${code}`);

/** The pools that Services may hold the addresses from, the best first. */
const holding = ({ config }: Compilation, named: string | null, ...texts: string[]) =>
  [...new PoolLookup(config).holding(ips(...texts), named)].map(({ name }) => name);
const carrying = ({ config }: Compilation, named: string | null, ...texts: string[]) => {
  const found = new PoolLookup(config).carrying(ips(...texts), named);
  return found && [found.name, ...found.bgpAdvertisements.map(({ name }) => name)];
};

const [old, young] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];

describe("of two pools that overlap", () => {
  const a = pool("a", ["10.0.0.0/24"]);
  const b = pool("b", ["10.0.0.128/25", "10.0.1.0/24"]);

  it("the older one counts and the younger is frozen, whoever was edited, in whatever order they are read", () => {
    for (const pools of [
      [aged(old, a), aged(young, b)],
      [aged(young, b), aged(old, a)],
    ])
      expect(standing(compiled({ pools }))).toEqual(["a counts", "b overlapping"]);
    expect(standing(compiled({ pools: [aged(young, a), aged(old, b)] }))).toEqual(["a overlapping", "b counts"]);
    expect(standing(compiled({ pools: [aged(old, a), aged(old, b)] }))).toEqual(["a counts", "b overlapping"]);
    // One that is not stored yet is the youngest.
    expect(standing(compiled({ pools: [aged("", a), aged(young, b)] }))).toEqual(["a overlapping", "b counts"]);
  });

  it("what a process saw before makes no difference", () => {
    const now = { pools: [aged(old, a), aged(young, b)] };
    const alone = compiled({ pools: [aged(young, b)] });
    expect(standing(compiled(now, alone))).toEqual(standing(compiled(now)));
    expect(problems(compiled(now, alone))).toEqual(["IPAddressPool/b overlappingAddresses"]);
    expect(problems(compiled(now, compiled(now)))).toEqual(["IPAddressPool/b overlappingAddresses"]);
  });

  it("the younger goes on holding what it gave, and its advertisements go on speaking of it", () => {
    const result = compiled({
      pools: [aged(old, a), aged(young, b)],
      bgpAdvertisements: [bgpAdvertisement("of-b", { ipAddressPools: ["b"] })],
    });
    expect(result.config.pools.map(({ ranges }) => ranges.map(formatRange))).toEqual([
      ["10.0.0.0/24"],
      ["10.0.1.0/24"],
    ]);
    expect(holding(result, "b", "10.0.0.200")).toEqual(["b", "a"]);
    expect(holding(result, "a", "10.0.0.200")).toEqual(["a", "b"]);
    expect(holding(result, null, "10.0.0.200")).toEqual(["a", "b"]);
    expect(holding(result, null, "10.0.1.1")).toEqual(["b"]);
    expect(carrying(result, "b", "10.0.0.200")).toEqual(["b", "of-b"]);
  });

  it("the younger freezes nothing itself", () => {
    const c = aged("2026-03-01T00:00:00Z", pool("c", ["10.0.1.0/25"]));
    expect(standing(compiled({ pools: [aged(old, a), aged(young, b), c] }))).toEqual([
      "a counts",
      "b overlapping",
      "c counts",
    ]);
    // One that is wrong by itself still has what can be read of it.
    const wrong = aged(young, pool("b", ["10.0.1.0/24", "10.0.2.0/33"]));
    expect(standing(compiled({ pools: [aged(old, a), wrong, c] }))).toEqual(["a counts", "b invalid", "c overlapping"]);
  });
});

describe("a pool that an edit made wrong", () => {
  const advertisements = {
    bgpAdvertisements: [bgpAdvertisement("named", { ipAddressPools: ["p"] }), bgpAdvertisement("all")],
    l2Advertisements: [l2Advertisement("gold", { ipAddressPoolSelectors: [{ matchLabels: { tier: "gold" } }] })],
  };
  const edited = (addresses: readonly string[], more: object = {}) =>
    compiled({ pools: [pool("p", addresses, more, { tier: "gold" }), pool("q", ["10.9.0.0/24"])], ...advertisements });

  it.each([
    [["10.0.0.0/24", "10.0.1.0/33"], {}],
    [["10.0.0.0/24", "10.0.0.128/25"], {}],
    [["10.0.0.0/24"], { serviceAllocation: { namespaces: ["x", "x"] } }],
    [
      ["10.0.0.0/24"],
      { serviceAllocation: { serviceSelectors: [{ matchExpressions: [{ key: "a", operator: "?" }] }] } },
    ],
  ])("keeps what it gave from its good entries: %j %j", (addresses, more) => {
    const result = edited(addresses, more);
    expect(standing(result)).toEqual(["p invalid", "q counts"]);
    expect(holding(result, null, "10.0.0.200")).toEqual(["p"]);
    expect(result.config.pools[0]).toMatchObject({
      bgpAdvertisements: [{ name: "all" }, { name: "named" }],
      l2Advertisements: [{ name: "gold" }],
    });
  });

  it.each([[["10.0.0.0/33"]], [[]], [["10.0.0.0-10.0.0"]]])(
    "keeps what the Services' status says it gave, when %j does not tell",
    (addresses) => {
      const result = edited(addresses);
      expect(holding(result, "p", "10.0.0.200")).toEqual(["p"]);
      expect(holding(result, null, "10.0.0.200")).toEqual([]);
      expect(holding(result, "q", "10.0.0.200")).toEqual([]);
      expect(holding(result, "p", "10.9.0.1")).toEqual(["q", "p"]);
      expect(carrying(result, "p", "10.0.0.200")).toEqual(["p", "all", "named"]);
    },
  );

  it("that does not even meet the schema is still there", () => {
    const malformed = [{ kind: "IPAddressPool", name: "p", problems: [{ path: "spec", message: "expected object" }] }];
    const result = compiled({ malformed, ...advertisements });
    expect(standing(result)).toEqual(["p invalid"]);
    expect(holding(result, "p", "10.0.0.200")).toEqual(["p"]);
    expect(problems(result)).toEqual(["IPAddressPool/p invalidSchema"]);
  });

  it("of another kind is told, and a peer's session that stands is left as it is", () => {
    const malformed = ["BGPPeer", "BGPAdvertisement"].map((kind) => ({
      kind,
      name: "x",
      problems: [{ path: "spec", message: "expected object" }],
    }));
    const result = compiled({ malformed });
    expect(problems(result)).toEqual(["BGPPeer/x invalidSchema", "BGPAdvertisement/x invalidSchema"]);
    expect([...result.config.unreadablePeers]).toEqual(["x"]);
    expect(result.config.pools).toEqual([]);
  });

  it("gives up what a good text no longer names", () => {
    const result = edited(["10.0.1.0/24"]);
    expect(holding(result, "p", "10.0.0.200")).toEqual([]);
    // The routes stay until the controller has moved the Service.
    expect(carrying(result, "p", "10.0.0.200")).toEqual(["p", "all", "named"]);
    expect(carrying(result, null, "10.0.0.200")).toBeUndefined();
  });

  it("and deleted is known by its name, and gives nothing", () => {
    const { config } = compiled(advertisements);
    const gone = config.departed("p");
    expect(gone).toMatchObject({ name: "p", ranges: [], frozen: "invalid", unreadable: true, allocation: null });
    expect([gone.autoAssign, gone.avoidBuggyIPs, gone.l2Advertisements]).toEqual([false, false, []]);
    expect(config.departed("p")).toBe(gone);
    // What speaks of it may change while there is no pool at all.
    const bgpAdvertisements = advertisements.bgpAdvertisements.slice(1);
    const before = compiled(advertisements);
    expect(compiled(advertisements, before).config).toBe(before.config);
    const after = compiled({ ...advertisements, bgpAdvertisements }, before).config;
    expect(after.departed("p").bgpAdvertisements.map(({ name }) => name)).toEqual(["all"]);
  });

  it("and deleted withdraws nothing until the controller has moved its Services", () => {
    const gone = compiled({ pools: [pool("q", ["10.9.0.0/24"])], ...advertisements });
    expect(holding(gone, "p", "10.0.0.200")).toEqual([]);
    expect(carrying(gone, "p", "10.0.0.200")).toEqual(["p", "all", "named"]);
    expect(carrying(gone, "p", "10.9.0.1")?.[0]).toBe("q");
  });
});

describe("two local preferences for one prefix", () => {
  const one = (name: string, created: string, spec: object) => aged(created, bgpAdvertisement(name, spec));
  const told = (...advertisements: ReturnType<typeof one>[]) => {
    const result = compiled({ pools: [pool("p", ["10.0.0.0/24"])], bgpAdvertisements: advertisements });
    expect(result.config.pools[0]?.bgpAdvertisements).toHaveLength(advertisements.length);
    return problems(result);
  };
  const conflict = "BGPAdvertisement/b conflictingLocalPref";

  it("are a problem of the younger, and both go on", () => {
    expect(told(one("b", young, { localPref: 200 }), one("a", old, { localPref: 100 }))).toEqual([conflict]);
    expect(told(one("a", young, { localPref: 200 }), one("b", old, {}))).toEqual([
      "BGPAdvertisement/a conflictingLocalPref",
    ]);
    expect(told(one("b", old, { localPref: 200 }), one("a", old, {}))).toEqual([conflict]);
  });

  const rack = (name: string) => ({ nodeSelectors: [{ matchLabels: { rack: name } }] });
  it.each([
    ["equal", { localPref: 1 }, { localPref: 1 }, []],
    ["other lengths", { localPref: 1, aggregationLength: 24 }, { localPref: 2 }, []],
    [
      "other lengths that the pool does not allow",
      { localPref: 1, aggregationLength: 8 },
      { localPref: 2, aggregationLength: 24 },
      ["BGPAdvertisement/a invalidAggregationLength", conflict],
    ],
    ["other peers", { localPref: 1, peers: ["x"] }, { localPref: 2, peers: ["y"] }, []],
    ["a peer in common", { localPref: 1, peers: ["x", "y"] }, { localPref: 2, peers: ["y"] }, [conflict]],
    ["a peer and all", { localPref: 1, peers: ["x"] }, { localPref: 2 }, [conflict]],
    ["other nodes, perhaps", { localPref: 1, ...rack("1") }, { localPref: 2, ...rack("2") }, []],
    ["the same nodes", { localPref: 1, ...rack("1") }, { localPref: 2, ...rack("1") }, [conflict]],
    ["some nodes and all", { localPref: 1, ...rack("1") }, { localPref: 2 }, [conflict]],
    ["some Services", { localPref: 1, serviceSelectors: [{}] }, { localPref: 2 }, []],
    ["other pools", { localPref: 1, ipAddressPools: ["q"] }, { localPref: 2, ipAddressPools: ["p"] }, null],
  ])("%s", (_, a, b, expected) => {
    const pools = [pool("p", ["10.0.0.0/24"]), pool("q", ["10.0.1.0/24"])];
    const result = compiled({ pools, bgpAdvertisements: [one("a", old, a), one("b", young, b)] });
    expect(problems(result)).toEqual(expected ?? []);
  });

  it("of a pool that cannot be read are told all the same", () => {
    const result = compiled({
      pools: [pool("p", ["10.0.0.0/99"])],
      bgpAdvertisements: [one("a", old, { localPref: 1 }), one("b", young, { localPref: 2 })],
    });
    expect(problems(result)).toEqual(["IPAddressPool/p invalidAddresses", conflict]);
  });

  it("of IPv6 are told apart by their own lengths", () => {
    const six = (a: object, b: object) =>
      problems(
        compiled({
          pools: [pool("p", ["2001:db8::/64"])],
          bgpAdvertisements: [one("a", old, { localPref: 1, ...a }), one("b", young, { localPref: 2, ...b })],
        }),
      );
    expect(six({}, { aggregationLength: 24 })).toEqual([conflict]);
    expect(six({}, { aggregationLengthV6: 64 })).toEqual([]);
  });
});

it("of two aliases of one name the older object's counts", () => {
  const of = (value: string) => [{ name: "vip", value }];
  const result = compiled({
    pools: [pool("p", ["10.0.0.0/24"])],
    communities: [aged(young, community("a", of("1:1"))), aged(old, community("b", of("1:2")))],
    bgpAdvertisements: [bgpAdvertisement("x", { communities: ["vip"] })],
  });
  expect(problems(result)).toEqual(["Community/a duplicateCommunity"]);
  expect(result.config.pools[0]?.bgpAdvertisements[0]?.communities).toEqual([0x10002]);
});

describe("problems", () => {
  it("can be asked for without a configuration", () => {
    const resources = { ...NO_RESOURCES, pools: [pool("p", ["10.0.0.0/33"])] };
    expect(validate(resources).map(({ code }) => code)).toEqual(["invalidAddresses"]);
  });

  it("of an advertisement or a peer say which nodes they concern; others concern all", () => {
    const rack = { nodeSelectors: [{ matchLabels: { rack: "1" } }] };
    const { problems } = compiled({
      pools: [pool("p", ["10.0.0.0/33"])],
      bgpAdvertisements: [bgpAdvertisement("x", { ...rack, communities: ["?"] })],
      l2Advertisements: [l2Advertisement("l", { ...rack, ipAddressPools: ["p", "p"] })],
      peers: [bgpPeer("q", { ...rack, routerID: "?" })],
    });
    expect(problems.map(({ kind, nodes }) => [kind, nodes?.({ rack: "1" }) ?? null, nodes?.({}) ?? null])).toEqual([
      ["IPAddressPool", null, null],
      ["BGPAdvertisement", true, false],
      ["L2Advertisement", null, null],
      ["BGPPeer", true, false],
    ]);
  });

  it("stay short, whatever an object holds", () => {
    const long = "x".repeat(250_000);
    const { problems } = compiled({
      pools: [pool("p", [long, `${long}-1.1.1.1`], { serviceAllocation: { namespaces: [long, long] } })],
      communities: [community("c", [{ name: long, value: long }])],
      bgpAdvertisements: [
        bgpAdvertisement("x", {
          communities: [long, `${long}:1`],
          peers: [long, long],
          nodeSelectors: [{ matchLabels: { [long]: long }, matchExpressions: [{ key: long, operator: long }] }, {}, {}],
        }),
      ],
      peers: [
        bgpPeer("p", { peerAddress: long }),
        bgpPeer("q", { bfdProfile: long, routerID: long, sourceAddress: long, holdTime: long }),
        bgpPeer("r", { passwordSecret: { name: long } }),
      ],
    });
    expect(problems.length).toBeGreaterThan(10);
    for (const { path, message } of problems) expect(path.length + message.length).toBeLessThan(800);
  });
});
