import { describe, expect, it } from "vitest";
import type { Compilation } from "#config";
import { bgpAdvertisement, community, compiled, l2Advertisement, pool } from "./testing.ts";

const problems = ({ problems }: Compilation) =>
  problems.map(({ kind, name, path, code }) => `${kind}/${name} ${path} ${code}`);
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe("advertisements", () => {
  const pools = [pool("a", ["192.0.2.0/24"], {}, { tier: "gold" }), pool("b", ["198.51.100.0/24"])];
  const carriers = (spec: object) =>
    compiled({ pools, bgpAdvertisements: [bgpAdvertisement("x", spec)] }).config.pools.filter(
      (each) => each.bgpAdvertisements.length > 0,
    );

  it("speak of all pools, or of those named and those selected", () => {
    expect(names(carriers({}))).toEqual(["a", "b"]);
    expect(names(carriers({ ipAddressPools: ["b", "unknown"] }))).toEqual(["b"]);
    expect(names(carriers({ ipAddressPoolSelectors: [{ matchLabels: { tier: "gold" } }] }))).toEqual(["a"]);
    expect(
      names(carriers({ ipAddressPools: ["b"], ipAddressPoolSelectors: [{ matchLabels: { tier: "gold" } }] })),
    ).toEqual(["a", "b"]);
    expect(names(carriers({ ipAddressPoolSelectors: [{ matchLabels: { tier: "tin" } }] }))).toEqual([]);
  });

  it("carry communities sorted and once, by value and by alias", () => {
    const communities = [
      community("c", [
        { name: "vip", value: "65000:7" },
        { name: "wide", value: "large:1:2:3" },
      ]),
    ];
    const spec = { communities: ["65000:9", "vip", "wide", "large:1:2:3", "1:1"], localPref: 0 };
    const { config, problems } = compiled({ pools, communities, bgpAdvertisements: [bgpAdvertisement("x", spec)] });
    expect(problems).toEqual([]);
    expect(config.pools[0]?.bgpAdvertisements[0]).toMatchObject({
      communities: [0x10001, 0xfde80007, 0xfde80009],
      largeCommunities: [[1, 2, 3]],
      localPref: null,
    });
  });

  it.each([
    [{ communities: ["nobody"] }, "spec.communities[0] invalidCommunity", "invalid community format"],
    [{ communities: ["1:70000"] }, "spec.communities[0] invalidCommunity", "invalid community value: invalid section"],
    [
      { communities: ["large:1:2"] },
      "spec.communities[0] invalidCommunity",
      "expected community to be of format large:<uint32>:<uint32>:<uint32>",
    ],
    [{ communities: ["1:1", "1:1"] }, "spec.communities[1] duplicateEntry", "duplicate definition"],
    [{ aggregationLength: 33 }, "spec.aggregationLength invalidAggregationLength", "invalid aggregation length"],
    [{ aggregationLengthV6: -1 }, "spec.aggregationLengthV6 invalidAggregationLength", "invalid aggregation length"],
    [{ aggregationLengthV6: 200 }, "spec.aggregationLengthV6 invalidAggregationLength", "invalid aggregation length"],
    [
      { aggregationLength: 24, serviceSelectors: [{}] },
      "spec.serviceSelectors selectorsWithAggregation",
      "mutually exclusive",
    ],
    [{ peers: ["p", "p"] }, "spec.peers[1] duplicateEntry", "duplicate definition in peers"],
    [{ localPref: -1 }, "spec.localPref invalidLocalPref", "invalid local preference -1"],
    [
      { communities: Array.from({ length: 64 }, (_, i) => `1:${i}`) },
      "spec.communities invalidCommunity",
      "max supported communities is 63",
    ],
    [
      { linkBandwidth: "LocalEndpoints", aggregationLength: 28 },
      "spec.linkBandwidth weightOfAggregate",
      "it is sent without",
    ],
    [
      { serviceAttributes: { med: { minimum: 9, maximum: 3 } } },
      "spec.serviceAttributes.med invalidBounds",
      "minimum 9 is above maximum 3",
    ],
    [
      { serviceAttributes: { communities: ["1:1", "nobody"] } },
      "spec.serviceAttributes.communities[1] invalidCommunity",
      "invalid community format",
    ],
    [{ med: 4_294_967_296 }, "spec.med invalidSchema", "<=4294967295"],
    [{ med: -1 }, "spec.med invalidSchema", ">=0"],
    [{ asPathPrepend: 33 }, "spec.asPathPrepend invalidSchema", "<=32"],
    [{ linkBandwidth: "Everything" }, "spec.linkBandwidth invalidSchema", "LocalEndpoints"],
    [{ ipAddressPools: ["a", "a"] }, "spec.ipAddressPools[1] duplicateEntry", "duplicate definition in ipAddressPools"],
  ])("with %j say so and still announce", (spec, where, message) => {
    const result = compiled({ pools, bgpAdvertisements: [bgpAdvertisement("x", spec), bgpAdvertisement("y")] });
    expect(problems(result)).toEqual([`BGPAdvertisement/x ${where}`]);
    expect(result.problems[0]?.message).toContain(message);
    expect(names(result.config.pools[0]?.bgpAdvertisements ?? [])).toEqual(["x", "y"]);
  });

  it("carry a MED, a longer path and the weight of endpoints", () => {
    const spec = { med: 0, asPathPrepend: 32, linkBandwidth: "LocalEndpoints" };
    const ads = [bgpAdvertisement("x", spec), bgpAdvertisement("y", { ipAddressPools: ["b"], med: 4_294_967_295 })];
    const { config, problems } = compiled({ pools: [pool("b", ["192.0.2.0/24"])], bgpAdvertisements: ads.slice(0, 1) });
    expect(problems).toEqual([]);
    expect(config.pools[0]?.bgpAdvertisements).toMatchObject([{ med: 0, asPathPrepend: 32, weighsEndpoints: true }]);
    const two = compiled({ pools, bgpAdvertisements: ads });
    expect(two.problems.map(({ name, path, code, message }) => [name, path, code, message])).toEqual([
      [
        "y",
        "spec.med",
        "conflictingAttribute",
        'med 4294967295 does not count: 0 is set for the same prefixes by the older advertisement "x", which counts for pool "b"',
      ],
    ]);
  });

  it.each([
    ["one that sets nothing", { asPathPrepend: 2 }, {}],
    ["other peers", { med: 1, peers: ["p"] }, { med: 2, peers: ["q"] }],
    ["other lengths", { med: 1 }, { med: 2, aggregationLength: 28, aggregationLengthV6: 120 }],
    ["equal values", { med: 1, asPathPrepend: 1 }, { med: 1, asPathPrepend: 1 }],
  ])("a MED or a longer path conflicts not with %s", (_, one, other) => {
    const ads = [bgpAdvertisement("x", one), bgpAdvertisement("y", other)];
    expect(problems(compiled({ pools, bgpAdvertisements: ads }))).toEqual([]);
  });

  it("keep what is good of what is wrong", () => {
    const spec = { communities: ["65000:1", "nobody", "large:1:2", "65000:1"], localPref: 7, aggregationLength: 40 };
    const { config } = compiled({ pools, bgpAdvertisements: [bgpAdvertisement("x", spec)] });
    expect(config.pools[0]?.bgpAdvertisements).toMatchObject([
      { communities: [0xfde80001], largeCommunities: [], localPref: 7, aggregationLength: 32 },
    ]);
  });

  it("roll up only as far as the pool reaches, by CIDR and by range, and say so", () => {
    const rolled = (addresses: string[], spec: object) => {
      const result = compiled({ pools: [pool("r", addresses)], bgpAdvertisements: [bgpAdvertisement("x", spec)] });
      const { aggregationLength: v4, aggregationLengthV6: v6 } = result.config.pools[0]?.bgpAdvertisements[0] ?? {};
      return [v4, v6, ...problems(result)];
    };
    const path = "BGPAdvertisement/x spec.aggregationLength";
    const range = ["192.0.2.10-192.0.2.20"];
    expect(rolled(range, { aggregationLength: 30 })).toEqual([30, 128]);
    expect(rolled(range, { aggregationLength: 29 })).toEqual([30, 128, `${path} invalidAggregationLength`]);
    const mixed = ["192.0.2.0/24", "198.51.100.0/28", "2001:db8::/64"];
    expect(rolled(mixed, { aggregationLength: 28, aggregationLengthV6: 64 })).toEqual([28, 64]);
    expect(rolled(mixed, { aggregationLength: 24, aggregationLengthV6: 48 })).toEqual([
      28,
      64,
      `${path} invalidAggregationLength`,
      `${path}V6 invalidAggregationLength`,
    ]);
    const both = compiled({ pools, bgpAdvertisements: [bgpAdvertisement("x", { aggregationLength: 23 })] });
    expect(both.problems.map(({ message }) => message)).toEqual([
      'invalid aggregation length 23: prefix 24 in this pool is more specific than the aggregation length for addresses of pool "a", "b"; they are announced as /24',
    ]);
  });

  it("that name one pool all speak of it, by name, beside those that select it", () => {
    const bgpAdvertisements = [
      bgpAdvertisement("z", { ipAddressPools: ["a"] }),
      bgpAdvertisement("x", { ipAddressPools: ["b", "a"] }),
      bgpAdvertisement("y", { ipAddressPoolSelectors: [{ matchLabels: { tier: "gold" } }] }),
    ];
    const found = compiled({ pools, bgpAdvertisements }).config.pools.map((each) => names(each.bgpAdvertisements));
    expect(found).toEqual([["x", "y", "z"], ["x"]]);
  });

  it("tell all peers when they name none", () => {
    const told = (spec: object) => carriers(spec)[0]?.bgpAdvertisements[0]?.peers;
    expect([told({}), told({ peers: [] })]).toEqual([null, null]);
    expect([...(told({ peers: ["p", "q"] }) ?? [])]).toEqual(["p", "q"]);
  });

  it("that fit, and those rolled up alike, are shared by all pools that they speak of", () => {
    const many = [["192.0.2.0/24"], ["198.51.100.0/24", "2001:db8::/64"], ["203.0.112.0/20"]].map((addresses, i) =>
      pool(`p${i}`, addresses),
    );
    const of = (spec: object) =>
      compiled({ pools: many, bgpAdvertisements: [bgpAdvertisement("x", spec)] }).config.pools.map(
        (each) => each.bgpAdvertisements[0],
      );
    const [a, b, c] = of({ aggregationLength: 24, aggregationLengthV6: 64 });
    expect([b, c].every((each) => each === a)).toBe(true);
    const [narrow, alike, wide] = of({ aggregationLength: 20 });
    expect(alike).toBe(narrow);
    expect([narrow?.aggregationLength, wide?.aggregationLength]).toEqual([24, 20]);
  });

  it("that are wrong for many pools name five of them", () => {
    const named = (count: number) => {
      const many = Array.from({ length: count }, (_, i) => pool(`p${i}`, [`10.0.${i}.0/24`]));
      const { problems } = compiled({
        pools: many,
        bgpAdvertisements: [bgpAdvertisement("x", { aggregationLength: 16 })],
      });
      return problems.map(({ message }) => message.replace(/.* of pool /, "").replace(/; they.*/, ""));
    };
    expect(named(5)).toEqual(['"p0", "p1", "p2", "p3", "p4"']);
    expect(named(7)).toEqual(['"p0", "p1", "p2", "p3", "p4" and 2 more']);
  });

  it("by layer 2 keep interfaces and preferences", () => {
    const spec = {
      interfaces: ["eth0"],
      preferredNodeSelectors: [{ weight: 7, preference: { matchLabels: { a: "1" } } }],
    };
    const found = compiled({ pools, l2Advertisements: [l2Advertisement("x", spec)] }).config.pools[0]
      ?.l2Advertisements[0];
    expect([...(found?.interfaces ?? [])]).toEqual(["eth0"]);
    expect(found?.preferences.map(({ weight, nodes }) => [weight, nodes({ a: "1" }), nodes({})])).toEqual([
      [7, true, false],
    ]);
  });

  it("aliases of communities: the first of a name counts, and a bad one is told", () => {
    const result = compiled({
      communities: [
        community("c", [{ name: "a", value: "1:1" }, { name: "b", value: "x" }, {}]),
        community("d", [{ name: "a", value: "2:2" }]),
      ],
    });
    expect(problems(result)).toEqual([
      "Community/c spec.communities[1].value invalidCommunity",
      "Community/c spec.communities[2] invalidCommunity",
      "Community/d spec.communities[0] duplicateCommunity",
    ]);
  });
});
