import fc from "fast-check";
import { expect, it } from "vitest";
import { formatPrefix, ip } from "#net";
import { PrefixHolders, type PrefixKey, prefixKey, prefixOfKey } from "./prefix-holders.ts";

const four = fc.tuple(fc.nat(60), fc.constantFrom(32, 30, 0)).map(([n, length]) => prefixKey(ip(4, BigInt(n)), length));
const six = fc.nat(3).map((n) => prefixKey(ip(6, (1n << 127n) + BigInt(n)), 128));

it("holds what a map of maps holds, whatever comes and goes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: four }, six), fc.nat(3), fc.boolean()), {
        maxLength: 400,
        size: "max",
      }),
      (moves) => {
        const holders = new PrefixHolders();
        const naive = new Map<PrefixKey, Map<number, number>>();
        for (const [key, holder, comes] of moves) {
          const of = naive.get(key) ?? new Map<number, number>();
          const count = of.get(holder) ?? 0;
          if (comes) holders.add(key, holder);
          else holders.remove(key, holder);
          if (comes) of.set(holder, count + 1);
          else if (count > 1) of.set(holder, count - 1);
          else of.delete(holder);
          naive.set(key, of);
          expect(new Set(holders.of(key))).toEqual(new Set(of.keys()));
        }
        const standing = [...naive].filter(([, of]) => of.size > 0);
        expect(new Set(holders.prefixes())).toEqual(new Set(standing.map(([key]) => key)));
        for (const [key, of] of standing) expect(new Set(holders.of(key))).toEqual(new Set(of.keys()));
      },
    ),
    { numRuns: 60 },
  );
});

it("loses nothing where many come and go in any order", () => {
  const holders = new PrefixHolders();
  const naive = new Map<PrefixKey, number[]>();
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let round = 0; round < 20_000; round++) {
    // It grows to a thousand prefixes, shrinks to almost none, and grows again.
    const grows = round % 8_000 < 4_000;
    const key = prefixKey(ip(4, BigInt(0x0a000000 + random(1_500))), random(2) === 0 ? 32 : 31);
    const of = naive.get(key) ?? [];
    if (random(10) < (grows ? 7 : 2)) {
      const holder = random(3);
      holders.add(key, holder);
      naive.set(key, [...of, holder]);
    } else if (of.length > 0) {
      const [holder = 0] = of.splice(random(of.length), 1);
      holders.remove(key, holder);
      if (of.length === 0) naive.delete(key);
    }
    if (round % 500 !== 0) continue;
    expect(new Set(holders.prefixes())).toEqual(new Set(naive.keys()));
    for (const [each, those] of naive) expect(new Set(holders.of(each))).toEqual(new Set(those));
  }
});

it("writes a prefix as a key and back", () => {
  expect(formatPrefix(prefixOfKey(prefixKey(ip(4, 0xffffffffn), 24)))).toBe("255.255.255.0/24");
  expect(formatPrefix(prefixOfKey(prefixKey(ip(6, (1n << 128n) - 1n), 0)))).toBe("::/0");
});
