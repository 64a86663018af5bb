import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Compilation, PoolLookup, parseDuration } from "#config";
import { formatRange, type IpRange, ip, RangeSet } from "#net";
import { smallRange } from "#net/testing";
import type { Pool } from "./config.ts";
import {
  bfdProfile,
  bgpAdvertisement,
  bgpPeer,
  community,
  compiled,
  l2Advertisement,
  namespace,
  pool,
  secret,
} from "./testing.ts";

const problems = ({ problems }: Compilation) =>
  problems.map(({ kind, name, path, code }) => `${kind}/${name} ${path} ${code}`);
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe("pools", () => {
  it("hold CIDRs and ranges, with host bits masked off", () => {
    const { config, problems } = compiled({
      pools: [pool("a", ["10.0.0.5/24", "192.0.2.10-192.0.2.20", "2001:db8::/64"])],
    });
    expect(problems).toEqual([]);
    expect(config.pools[0]?.ranges.map(formatRange)).toEqual(["10.0.0.0/24", "192.0.2.10-192.0.2.20", "2001:db8::/64"]);
    expect([...(config.pools[0]?.families ?? [])]).toEqual([4, 6]);
    expect(config.pools[0]).toMatchObject({ autoAssign: true, avoidBuggyIPs: false, allocation: null });
  });

  it.each([
    [[], "spec.addresses noAddresses", "pool has no prefixes defined"],
    [["10.0.0.0/33"], "spec.addresses[0] invalidAddresses", 'invalid CIDR "10.0.0.0/33" in pool "a"'],
    [
      ["192.0.2.0/24", "192.0.2.9-192.0.2.1"],
      "spec.addresses[1] invalidAddresses",
      'invalid CIDR "192.0.2.9-192.0.2.1" in pool "a"',
    ],
    [
      ["192.0.2.0/24", "192.0.2.128/25"],
      "spec.addresses[1] overlappingAddresses",
      'CIDR "192.0.2.128/25" in pool "a" overlaps with already defined CIDR "192.0.2.0/24"',
    ],
  ])("with %j are left out", (addresses, where, message) => {
    const result = compiled({ pools: [pool("a", addresses), pool("b", ["198.51.100.0/24"])] });
    expect(names(result.config.pools)).toEqual(["b"]);
    expect(problems(result)).toEqual([`IPAddressPool/a ${where}`]);
    expect(result.problems[0]?.message).toContain(message);
  });

  it("that overlap: the one that counted before stays, else the first by name", () => {
    const overlapping = [pool("a", ["192.0.2.0/25"]), pool("b", ["192.0.2.0/24"])];
    expect(names(compiled({ pools: overlapping }).config.pools)).toEqual(["a"]);
    const before = compiled({ pools: overlapping.slice(1) });
    const after = compiled({ pools: overlapping }, before);
    expect(names(after.config.pools)).toEqual(["b"]);
    expect(problems(after)).toEqual(["IPAddressPool/a spec.addresses[0] overlappingAddresses"]);
  });

  it("for namespaces: by name and by label, and closed when no namespace matches", () => {
    const namespaces = [namespace("red", { team: "1" }), namespace("blue")];
    const by = (serviceAllocation: object) =>
      compiled({ pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation })], namespaces }).config.pools[0]?.allocation;
    expect([
      ...(by({ namespaces: ["x"], namespaceSelectors: [{ matchLabels: { team: "1" } }] })?.namespaces ?? []),
    ]).toEqual(["x", "red"]);
    expect(by({ namespaceSelectors: [{ matchLabels: { team: "9" } }] })?.namespaces?.size).toBe(0);
    expect(by({ priority: 3 })).toMatchObject({ priority: 3, namespaces: null, hasServiceSelectors: false });
  });

  it("with the same entry twice, or a selector nobody understands, are left out", () => {
    const allocation = {
      namespaces: ["x", "x"],
      serviceSelectors: [{ matchExpressions: [{ key: "a", operator: "Like", values: ["b"] }] }, {}, {}],
    };
    expect(problems(compiled({ pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation: allocation })] }))).toEqual([
      "IPAddressPool/a spec.serviceAllocation.namespaces[1] duplicateEntry",
      "IPAddressPool/a spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator invalidSelector",
      "IPAddressPool/a spec.serviceAllocation.serviceSelectors[2] duplicateEntry",
    ]);
  });
});

describe("selectors", () => {
  const matches = (selector: object, labels: Record<string, string>) =>
    compiled({
      pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation: { serviceSelectors: [selector] } })],
    }).config.pools[0]?.allocation?.services(labels);
  const expression = (operator: string, values: string[] = []) => ({
    matchExpressions: [{ key: "a", operator, values }],
  });
  it.each([
    [{}, {}, true],
    [{ matchLabels: { a: "1", b: "2" } }, { a: "1" }, false],
    [{ matchLabels: { a: "1" } }, { a: "1", b: "2" }, true],
    [expression("In", ["1", "2"]), { a: "2" }, true],
    [expression("In", ["1", ""]), {}, false],
    [expression("NotIn", ["1"]), { a: "1" }, false],
    [expression("NotIn", ["1"]), {}, true],
    [expression("Exists"), { a: "" }, true],
    [expression("DoesNotExist"), { a: "" }, false],
    [{ ...expression("Exists"), matchLabels: { b: "2" } }, { a: "1" }, false],
  ])("%j on %j: %s", (selector, labels, expected) => expect(matches(selector, labels)).toBe(expected));
});

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
    [{ aggregationLengthV6: 200 }, "spec.aggregationLengthV6 invalidAggregationLength", "invalid aggregation length"],
    [
      { aggregationLength: 24, serviceSelectors: [{}] },
      "spec.serviceSelectors selectorsWithAggregation",
      "mutually exclusive",
    ],
    [{ peers: ["p", "p"] }, "spec.peers[1] duplicateEntry", "duplicate definition in peers"],
  ])("with %j do not count", (spec, where, message) => {
    const result = compiled({ pools, bgpAdvertisements: [bgpAdvertisement("x", spec), bgpAdvertisement("y")] });
    expect(problems(result)).toEqual([`BGPAdvertisement/x ${where}`]);
    expect(result.problems[0]?.message).toContain(message);
    expect(names(result.config.pools[0]?.bgpAdvertisements ?? [])).toEqual(["y"]);
  });

  it("must not roll up beyond what a pool has, by CIDR and by range", () => {
    const range = (aggregationLength: number) =>
      problems(
        compiled({
          pools: [pool("r", ["192.0.2.10-192.0.2.20"])],
          bgpAdvertisements: [bgpAdvertisement("x", { aggregationLength })],
        }),
      );
    expect(range(30)).toEqual([]);
    expect(range(29)).toEqual(["BGPAdvertisement/x spec.aggregationLength invalidAggregationLength"]);
    expect(
      problems(compiled({ pools, bgpAdvertisements: [bgpAdvertisement("x", { aggregationLength: 23 })] })),
    ).toHaveLength(2);
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

describe("peers", () => {
  it("take timers from what is given", () => {
    const timers = (spec: object) => {
      const found = compiled({ peers: [bgpPeer("p", spec)] }).config.peers[0];
      return [found?.holdTime, found?.keepaliveTime, found?.connectTime];
    };
    expect(timers({})).toEqual([null, null, null]);
    expect(timers({ holdTime: "90s" })).toEqual([90, 30, null]);
    expect(timers({ keepaliveTime: "10s", connectTime: "5s" })).toEqual([30, 10, 5]);
    expect(timers({ holdTime: "0s" })).toEqual([0, 0, null]);
  });

  it.each([
    [{ myASN: 0 }, "spec.myASN missingASN", "missing local ASN"],
    [{ peerASN: undefined }, "spec.peerASN invalidPeerASN", "missing peer ASN and dynamicASN"],
    [{ dynamicASN: "external" }, "spec.dynamicASN invalidPeerASN", "both peer ASN and dynamicASN specified"],
    [{ peerAddress: undefined }, "spec.peerAddress invalidPeerAddress", "peer has no Address or Interface specified"],
    [{ interface: "eth0" }, "spec.interface invalidPeerAddress", "peer has both Address and Interface specified"],
    [{ peerAddress: "192.0.2.300" }, "spec.peerAddress invalidPeerAddress", "invalid BGPPeer address"],
    [{ holdTime: "2s" }, "spec.holdTime invalidTimers", "invalid BGPPeer timers"],
    [{ holdTime: "9s", keepaliveTime: "10s" }, "spec.keepaliveTime invalidTimers", "invalid BGPPeer timers"],
    [{ holdTime: "soon" }, "spec.holdTime invalidTimers", "invalid BGPPeer timers"],
    [{ routerID: "fe80::1" }, "spec.routerID invalidRouterID", "invalid router ID"],
    [{ sourceAddress: "me" }, "spec.sourceAddress invalidSourceAddress", "invalid source IP"],
    [
      { peerASN: 64500, ebgpMultiHop: true },
      "spec.ebgpMultiHop invalidMultiHop",
      "invalid ebgp-multihop parameter set for an ibgp peer",
    ],
    [{ bfdProfile: "fast" }, "spec.bfdProfile unknownBFDProfile", "peer p referencing non existing bfd profile fast"],
    [{ passwordSecret: { name: "s" } }, "spec.passwordSecret invalidPassword", "secret ref not found for peer config"],
  ])("with %j do not count", (spec, where, message) => {
    const result = compiled({ peers: [bgpPeer("p", spec), bgpPeer("q")] });
    expect(problems(result)).toEqual([`BGPPeer/p ${where}`]);
    expect(result.problems[0]?.message).toContain(message);
    expect(names(result.config.peers)).toEqual(["q"]);
  });

  it("take their password from a Secret, follow it, and never show it", () => {
    const peers = [bgpPeer("p", { passwordSecret: { name: "s" } })];
    const secrets = (password: string, more = {}) => new Map([["metallb-system/s", secret("s", password, more)]]);
    const first = compiled({ peers, secrets: secrets("opensesame") });
    expect(first.config.peers[0]?.password).toBe("opensesame");
    const second = compiled({ peers, secrets: secrets("changed", { resourceVersion: "2" }) }, first);
    expect(second.config.peers[0]?.password).toBe("changed");
    const wrong = compiled({ peers, secrets: secrets("opensesame", { type: "Opaque" }) });
    expect(wrong.problems[0]?.message).toContain("secret type mismatch");
    const long = compiled({ peers, secrets: secrets("opensesame".repeat(9)) });
    expect(problems(long)).toEqual(["BGPPeer/p spec.passwordSecret invalidPassword"]);
    expect(JSON.stringify([wrong.problems, long.problems])).not.toContain("opensesame");
  });

  it("know their BFD profile and its defaults", () => {
    const { config } = compiled({
      peers: [bgpPeer("p", { bfdProfile: "fast" })],
      bfdProfiles: [bfdProfile("fast", { detectMultiplier: 5 })],
    });
    expect(config.peers[0]?.bfdProfile).toBe("fast");
    expect(config.bfdProfiles.get("fast")).toMatchObject({
      receiveInterval: 300,
      transmitInterval: 300,
      detectMultiplier: 5,
      echoInterval: 50,
    });
  });
});

describe("from one configuration to the next", () => {
  const good = {
    pools: [pool("a", ["192.0.2.0/24"]), pool("b", ["198.51.100.0/24"])],
    bgpAdvertisements: [bgpAdvertisement("x")],
    peers: [bgpPeer("p")],
    l2Advertisements: [l2Advertisement("l")],
  };

  it("nothing changes when nothing changed", () => {
    const before = compiled(good);
    const again = { ...good, pools: [...good.pools].reverse().map((each) => structuredClone(each)) };
    expect(compiled(again, before).config).toBe(before.config);
  });

  it("what did not change keeps its identity", () => {
    const before = compiled(good);
    const after = compiled({ ...good, pools: [pool("a", ["192.0.2.0/24"]), pool("b", ["198.51.100.0/25"])] }, before);
    expect(after.config).not.toBe(before.config);
    expect(after.config.pools[0]).toBe(before.config.pools[0]);
    expect(after.config.peers[0]).toBe(before.config.peers[0]);
    expect(after.config.pools[1]).not.toBe(before.config.pools[1]);
  });

  it("an object that turns bad stays as it last was, and says so until it is good or gone", () => {
    const before = compiled(good);
    const broken = { ...good, pools: [pool("a", ["192.0.2.0/33"]), good.pools[1] as (typeof good.pools)[number]] };
    const after = compiled(broken, before);
    expect(after.config).toBe(before.config);
    expect(problems(after)).toEqual(["IPAddressPool/a spec.addresses[0] invalidAddresses"]);
    expect(problems(compiled(broken, after))).toEqual(problems(after));
    expect(compiled(broken, after).config).toBe(before.config);
    expect(problems(compiled(good, after))).toEqual([]);
    expect(names(compiled({ ...good, pools: good.pools.slice(1) }, after).config.pools)).toEqual(["b"]);
  });

  it("an object that does not decode any more stays as it last was", () => {
    const before = compiled(good);
    const malformed = [{ kind: "BGPPeer", name: "p", problems: [{ path: "spec.myASN", message: "expected number" }] }];
    const after = compiled({ ...good, peers: [], malformed }, before);
    expect(after.config).toBe(before.config);
    expect(problems(after)).toEqual(["BGPPeer/p spec.myASN invalidSchema"]);
  });
});

describe("any specs", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom("192.0.2.0/24", "10.0.0.0/8", "::/0", "1:2", "90s", ""),
  );
  const anyPool = fc
    .tuple(fc.constantFrom("a", "b", "c"), fc.array(word, { maxLength: 4 }))
    .map(([name, addresses]) => pool(name, addresses));
  const anyAdvertisement = fc.record({
    communities: fc.array(word),
    aggregationLength: fc.integer({ min: 1, max: 40 }),
    peers: fc.array(word),
  });

  it("never throw, and never take a good object with them", () => {
    const alone = compiled({
      pools: [pool("good", ["203.0.113.0/24"])],
      bgpAdvertisements: [bgpAdvertisement("good", { ipAddressPools: ["good"] })],
    }).config.pools[0];
    fc.assert(
      fc.property(
        fc.uniqueArray(anyPool, { selector: ({ name }) => name }),
        anyAdvertisement,
        word,
        (pools, spec, text) => {
          const given = pools.filter(({ spec }) => !spec.addresses.includes("::/0"));
          const { config } = compiled({
            pools: [...given, pool("good", ["203.0.113.0/24"])],
            bgpAdvertisements: [
              bgpAdvertisement("bad", { ...spec, ipAddressPools: ["a"] }),
              bgpAdvertisement("good", { ipAddressPools: ["good"] }),
            ],
            peers: [bgpPeer("p", { peerAddress: text, holdTime: text, routerID: text })],
          });
          const found = config.pools.find(({ name }) => name === "good");
          expect(found?.ranges).toEqual(alone?.ranges);
          expect(names(found?.bgpAdvertisements ?? [])).toEqual(["good"]);
        },
      ),
    );
  });
});

describe("durations", () => {
  it.each([
    ["90s", 90],
    ["1m30s", 90],
    ["1.5h", 5400],
    ["500ms", 0.5],
    ["0", 0],
    ["1h2m3s4ms", 3723.004],
  ])("%s is %d seconds", (text, seconds) => {
    const parsed = parseDuration(text);
    expect(parsed.ok && parsed.value).toBeCloseTo(seconds, 6);
  });
  it.each(["", "90", "s", "1 s", "-1s", "1d", "1s1", "9".repeat(50), "1e3s"])("%j is none", (text) =>
    expect(parseDuration(text).ok).toBe(false),
  );
});

it("the pool of an address is found as a scan finds it", () => {
  fc.assert(
    fc.property(fc.array(fc.array(smallRange, { maxLength: 3 }), { maxLength: 4 }), (rangeLists) => {
      let taken = RangeSet.empty;
      const pools = rangeLists.map((ranges, i) => {
        const addresses = RangeSet.of(ranges).subtract(taken);
        taken = taken.union(addresses);
        return { name: String(i), addresses } as unknown as Pool;
      });
      const lookup = new PoolLookup({ pools });
      for (let value = 0n; value < 80n; value++) {
        const holds = ({ family, first, last }: IpRange) => family === 4 && first <= value && value <= last;
        expect(lookup.of(ip(4, value))).toBe(pools.find((each) => each.addresses.ranges.some(holds)));
      }
    }),
  );
});
