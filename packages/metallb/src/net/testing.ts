import fc from "fast-check";
import { addressBits, type Family, type Ip, type IpRange, ip, maxValue, type Prefix, prefixOf } from "#net";

// Arbitraries for the tests of this and other rooms. They prefer the places where mistakes live:
// the ends of the space, runs of zeros, and values close to each other.

const value = (family: Family): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.bigInt({ min: 0n, max: maxValue(family) }),
    fc.bigInt({ min: 0n, max: 300n }),
    fc.bigInt({ min: maxValue(family) - 300n, max: maxValue(family) }),
    fc.array(fc.constantFrom<bigint>(0n, 0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 }).map((groups) => {
      const joined = groups.reduce((sum, group) => (sum << 16n) | group, 0n);
      return family === 6 ? joined : joined & 0xffffffffn;
    }),
  );

export const anyFamily: fc.Arbitrary<Family> = fc.constantFrom<Family>(4, 6);

export const ipOf = (family: Family): fc.Arbitrary<Ip> => value(family).map((number) => ip(family, number));

export const anyIp: fc.Arbitrary<Ip> = anyFamily.chain(ipOf);

export const anyPrefix: fc.Arbitrary<Prefix> = anyIp.chain((address) =>
  fc.nat(addressBits(address.family)).map((length) => prefixOf(address, length)),
);

export const anyRange: fc.Arbitrary<IpRange> = anyFamily.chain((family) =>
  fc
    .tuple(value(family), value(family))
    .map(([a, b]) => (a < b ? { family, first: a, last: b } : { family, first: b, last: a })),
);

/** Ranges inside the lowest 64 addresses of a family: small enough to compare with a set of numbers. */
export const smallRange: fc.Arbitrary<IpRange> = fc
  .tuple(anyFamily, fc.nat(63), fc.nat(12))
  .map(([family, first, more]) => ({ family, first: BigInt(first), last: BigInt(first + more) }));
