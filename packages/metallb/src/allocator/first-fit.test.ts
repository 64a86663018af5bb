import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pool } from "#config";
import { type Family, type Ip, ip } from "#net";
import { AddressIndex } from "./address-index.ts";
import type { Holder } from "./holder.ts";
import { pool } from "./testing.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"] as const;

describe("first fit", () => {
  /** The definition: walk the ranges of the spec, skip what is avoided, take the first that may be had. */
  function naive(index: AddressIndex, holder: Holder, from: Pool, family: Family): Ip | null {
    for (const range of from.ranges) {
      if (range.family !== family) continue;
      for (let value = range.first; value <= range.last; value++) {
        if (from.avoidBuggyIPs && family === 4 && [0n, 255n].includes(value & 255n)) continue;
        if (index.conflict(holder, ip(family, value)) === null) return ip(family, value);
      }
    }
    return null;
  }

  it("equals the naive scan", () => {
    const from = pool("p", ["1.0.1.0/28", "1.0.0.250-1.0.1.255", "fd00::/124"].slice(1), { avoidBuggyIPs: true });
    const action = fc.record({
      key: fc.constantFrom(...NAMES, "i", "j", "k", "l"),
      group: fc.constantFrom(null, "g", "h"),
      port: fc.constantFrom("TCP/1", "TCP/2", "TCP/3"),
      family: fc.constantFrom<Family>(4, 6),
      release: fc.boolean(),
      jump: fc.option(fc.integer({ min: 0, max: 11 }), { freq: 2 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const index = new AddressIndex();
        index.setPools([from]);
        for (const { key, group, port, family, release, jump } of actions) {
          index.release(key);
          if (release) continue;
          const holder: Holder = { key, group, ports: [port] };
          const found = index.first(holder, "p", family);
          expect(found).toEqual(naive(index, holder, from, family));
          const range = from.ranges.find((each) => each.family === family);
          const asked = range && jump !== null ? ip(family, range.first + BigInt(jump)) : null;
          const address = asked && index.poolOf(asked) && !index.conflict(holder, asked) ? asked : found;
          if (address) index.hold({ ...holder, pool: "p", ips: [address] });
        }
      }),
      { numRuns: 400 },
    );
  });

  it("knows the place of what the pool gives out, and of nothing else", () => {
    const index = new AddressIndex();
    index.setPools([pool("p", ["1.0.1.0/31", "1.0.0.0/31"], {}), pool("b", ["2.0.0.0/24"], { avoidBuggyIPs: true })]);
    const place = (name: string, value: bigint) => index.space(name, 4)?.position(value);
    expect([0x1000100n, 0x1000101n, 0x1000000n, 0x1000001n].map((value) => place("p", value))).toEqual([
      0n,
      1n,
      2n,
      3n,
    ]);
    for (const value of [0xffffffn, 0x1000002n, 0x10000ffn, 0x1000102n]) expect(place("p", value)).toBeNull();
    const edge = pool("e", ["3.0.0.255-3.0.1.2"], { avoidBuggyIPs: true });
    index.setPools([pool("b", ["2.0.0.0/24"], { avoidBuggyIPs: true }), edge]);
    expect([place("e", 0x3000101n), place("e", 0x3000102n), index.space("e", 4)?.capacity]).toEqual([0n, 1n, 2n]);
    expect([0x2000000n, 0x2000001n, 0x20000fen, 0x20000ffn].map((value) => place("b", value))).toEqual([
      null,
      0n,
      253n,
      null,
    ]);
  });

  it("counts capacity exactly, in pools of any size", () => {
    const index = new AddressIndex();
    index.setPools([
      pool("eight", ["10.0.0.0/8"], { avoidBuggyIPs: true }),
      pool("v6", ["fd00::/64", "fd01::/64"]),
      pool("one", ["1.0.0.0/32"], { avoidBuggyIPs: true }),
      pool("mixed", ["2.0.0.0/24", "3.0.0.0/25"], { avoidBuggyIPs: true }),
    ]);
    expect(["eight", "one", "mixed"].map((name) => index.space(name, 4)?.capacity)).toEqual([
      65536n * 254n,
      0n,
      254n + 127n,
    ]);
    expect(index.space("v6", 6)?.capacity).toBe(1n << 65n);
  });
});
