import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PoolLookup } from "#config";
import { type IpRange, ip, RangeSet } from "#net";
import { smallRange } from "#net/testing";
import type { Pool } from "./config.ts";
import { bgpAdvertisement, bgpPeer, compiled, l2Advertisement, pool } from "./testing.ts";

const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

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

  it("a thousand pools and a thousand advertisements cost little where nothing differs", () => {
    const count = 1_000;
    const resources = () => ({
      pools: Array.from({ length: count }, (_, i) => pool(`p${i}`, [`10.${i >> 8}.${i & 255}.0/24`])),
      bgpAdvertisements: Array.from({ length: count }, (_, i) =>
        bgpAdvertisement(`a${i}`, { communities: [`1:${i}`] }),
      ),
    });
    const before = compiled(resources());
    let shortest = Number.POSITIVE_INFINITY;
    // Of a time only the order is tested, and of several the shortest, since others use this machine too: an
    // advertisement of each pool looked at makes a million steps.
    for (let round = 0; round < 5 && shortest > 200; round++) {
      const copies = resources();
      const started = performance.now();
      const after = compiled(copies, before);
      shortest = Math.min(shortest, performance.now() - started);
      expect(after.config).toBe(before.config);
    }
    expect(shortest).toBeLessThan(200);
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

it("the pool of an address is found as a scan finds it", () => {
  fc.assert(
    fc.property(fc.array(fc.array(smallRange, { maxLength: 3 }), { maxLength: 4 }), (rangeLists) => {
      let taken = RangeSet.empty;
      const pools = rangeLists.map((ranges, i) => {
        const addresses = RangeSet.of(ranges).subtract(taken);
        taken = taken.union(addresses);
        return { name: String(i), addresses, ranges: addresses.ranges, frozen: null } as unknown as Pool;
      });
      const lookup = new PoolLookup({ pools });
      for (let value = 0n; value < 80n; value++) {
        const holds = ({ family, first, last }: IpRange) => family === 4 && first <= value && value <= last;
        expect(lookup.of(ip(4, value))).toBe(pools.find((each) => each.addresses.ranges.some(holds)));
      }
    }),
  );
});
