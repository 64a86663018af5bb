import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Compilation, NO_RESOURCES, type Resources } from "#config";
import { formatRange, type IpRange, RangeSet, rangesOverlap } from "#net";
import { smallRange } from "#net/testing";
import {
  aged,
  bfdProfile,
  bgpAdvertisement,
  bgpPeer,
  community,
  compiled,
  l2Advertisement,
  namespace,
  pool,
} from "./testing.ts";

const LABELS = [{}, { tier: "a" }, { tier: "b" }];

/** Everything that a configuration says, with its questions answered for some labels. */
function picture({ config, problems }: Compilation): unknown {
  const asked = (predicate: (labels: Record<string, string>) => boolean) => LABELS.map(predicate);
  return {
    pools: config.pools.map(({ ranges, addresses, allocation, bgpAdvertisements, l2Advertisements, ...rest }) => ({
      ...rest,
      ranges: ranges.map(formatRange),
      addresses: addresses.ranges.map(formatRange),
      allocation: allocation && {
        ...allocation,
        namespaces: allocation.namespaces && [...allocation.namespaces].sort(),
        services: asked(allocation.services),
      },
      bgp: bgpAdvertisements.map((each) => ({ ...each, nodes: asked(each.nodes), services: asked(each.services) })),
      l2: l2Advertisements.map((each) => ({ ...each, nodes: asked(each.nodes), services: asked(each.services) })),
    })),
    departed: ["p", "z"].map((name) => {
      const { bgpAdvertisements, l2Advertisements } = config.departed(name);
      return [...bgpAdvertisements, ...l2Advertisements].map((each) => each.name);
    }),
    peers: config.peers.map((peer) => ({ ...peer, nodes: asked(peer.nodes) })),
    unreadable: [...config.unreadablePeers],
    bfd: [...config.bfdProfiles.values()],
    problems: problems.map(({ nodes, ...rest }) => ({ ...rest, nodes: nodes && asked(nodes) })),
  };
}

const selector = fc.constantFrom([], [{ matchLabels: { tier: "a" } }], [{ matchLabels: { tier: "b" } }]);
const created = fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
const named = <T extends { readonly name: string }>(one: fc.Arbitrary<T>, most: number) =>
  fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: most });

const pools = named(
  fc
    .record({
      name: fc.constantFrom("p", "q", "r"),
      created,
      addresses: fc.subarray(["10.0.0.0/24", "10.0.0.128/25", "10.0.1.0/24", "2001:db8::/64", "10.0.2.0/33"], {
        minLength: 1,
      }),
      namespaceSelectors: selector,
      tier: fc.constantFrom("a", "b"),
    })
    .map(({ name, created: at, addresses, namespaceSelectors, tier }) =>
      aged(
        at,
        pool(
          name,
          addresses,
          { serviceAllocation: { namespaceSelectors, serviceSelectors: namespaceSelectors } },
          { tier },
        ),
      ),
    ),
  3,
);

const bgp = named(
  fc
    .record({
      name: fc.constantFrom("x", "y"),
      created,
      ipAddressPools: fc.subarray(["p", "q"]),
      ipAddressPoolSelectors: selector,
      nodeSelectors: selector,
      localPref: fc.constantFrom(0, 1, 2),
      aggregationLength: fc.constantFrom(32, 24, 8),
      communities: fc.subarray(["1:1", "vip"]),
    })
    .map(({ name, created: at, ...spec }) => aged(at, bgpAdvertisement(name, spec))),
  2,
);

const resources: fc.Arbitrary<Resources> = fc.record({
  pools,
  communities: fc.constantFrom([], [community("c", [{ name: "vip", value: "2:2" }])]),
  namespaces: named(
    fc
      .tuple(fc.constantFrom("n", "m"), fc.constantFrom(...LABELS))
      .map(([name, labels]) => namespace(name, labels as Record<string, string>)),
    2,
  ),
  bgpAdvertisements: bgp,
  l2Advertisements: named(
    fc
      .tuple(fc.constantFrom("l", "k"), selector, fc.subarray(["eth0"]))
      .map(([name, ipAddressPoolSelectors, interfaces]) =>
        l2Advertisement(name, { ipAddressPoolSelectors, interfaces, serviceSelectors: ipAddressPoolSelectors }),
      ),
    2,
  ),
  peers: named(
    fc
      .tuple(fc.constantFrom("t", "u"), fc.constantFrom({}, { myASN: 0 }, { bfdProfile: "f" }, { holdTime: "2s" }))
      .map(([name, spec]) => bgpPeer(name, spec)),
    2,
  ),
  bfdProfiles: fc.constantFrom([], [bfdProfile("f")], [bfdProfile("f", { detectMultiplier: 9 })]),
  secrets: fc.constant(NO_RESOURCES.secrets),
  malformed: fc.constantFrom(
    [],
    [{ kind: "BGPPeer", name: "w", problems: [{ path: "spec.myASN", message: "expected number" }] }],
    [{ kind: "IPAddressPool", name: "v", problems: [{ path: "spec", message: "expected object" }] }],
  ),
});

describe("any history of objects", () => {
  it("ends in what the last objects say, and in the same configuration where they say the same", () => {
    fc.assert(
      fc.property(fc.array(resources, { minLength: 2, maxLength: 5 }), (history) => {
        let last: Compilation | null = null;
        for (const now of history) {
          const before: Compilation | null = last;
          last = compiled(now, before);
          const alone = compiled(now);
          expect(picture(last)).toEqual(picture(alone));
          const again = compiled(structuredClone({ ...now, secrets: new Map() }) as Resources, last);
          expect(again.config).toBe(last.config);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("any pools", () => {
  const text = (range: IpRange) => formatRange(range);
  const anyPool = fc.record({ created, ranges: fc.array(smallRange, { minLength: 1, maxLength: 5 }) });

  it("that count never overlap, and the oldest of each overlap counts", () => {
    fc.assert(
      fc.property(fc.array(anyPool, { maxLength: 5 }), (given) => {
        const all = given.map(({ created: at, ranges }, i) => aged(at, pool(`p${i}`, ranges.map(text))));
        const { config } = compiled({ pools: all });
        const byAge = config.pools
          .map((each, i) => ({ ...each, at: given[i]?.created ?? "", own: given[i]?.ranges ?? [] }))
          .sort((a, b) => (a.at === b.at ? (a.name < b.name ? -1 : 1) : a.at < b.at ? -1 : 1));
        let claimed = RangeSet.empty;
        for (const { frozen, own, addresses } of byAge) {
          const doubled = own.some((range, i) => own.slice(i + 1).some((other) => rangesOverlap(range, other)));
          const taken = claimed.intersect(RangeSet.of(own)).ranges.length > 0;
          expect(frozen).toBe(taken ? "overlapping" : doubled ? "invalid" : null);
          expect(addresses.ranges).toEqual(RangeSet.of(own).ranges);
          if (!taken) claimed = claimed.union(addresses);
        }
        // What pools give out is disjoint, and all that any of them names.
        const given4 = config.pools.flatMap(({ ranges }) => ranges);
        for (const [i, range] of given4.entries())
          expect(given4.slice(i + 1).filter((other) => rangesOverlap(range, other))).toEqual([]);
        const named = RangeSet.of(config.pools.flatMap(({ addresses }) => addresses.ranges));
        expect(RangeSet.of(given4).ranges).toEqual(named.ranges);
      }),
      { numRuns: 300 },
    );
  });

  it("of many ranges are told apart like those of few", () => {
    const many = pool(
      "many",
      Array.from({ length: 100 }, (_, i) => `10.0.${99 - i}.0/24`),
    );
    const { config } = compiled({
      pools: [aged("2026-01-01T00:00:00Z", many), pool("late", ["10.0.50.7/32", "10.1.0.0/24"])],
    });
    expect(config.pools.map(({ name, frozen }) => [name, frozen])).toEqual([
      ["late", "overlapping"],
      ["many", null],
    ]);
    expect(config.pools[0]?.ranges.map(formatRange)).toEqual(["10.1.0.0/24"]);
  });
});
