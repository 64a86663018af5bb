import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import {
  formatIp,
  formatPrefix,
  formatRange,
  hostPrefix,
  type IpRange,
  ipToBytes,
  parsePrefix,
  parseRange,
  prefixContains,
  prefixOf,
  prefixRange,
  prefixSize,
  rangeContains,
  rangeSize,
  rangesOverlap,
  rangeToPrefixes,
} from "#net";
import { anyIp, anyPrefix, anyRange, smallRange } from "./testing.ts";

describe("prefixes", () => {
  it.each([
    ["10.0.0.5/24", "10.0.0.0/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["2001:db8::1/64", "2001:db8::/64"],
    ["2001:db8::1/128", "2001:db8::1/128"],
  ])("reads %s as %s", (text, expected) => {
    const parsed = parsePrefix(text);
    expect(parsed.ok && formatPrefix(parsed.value)).toBe(expected);
  });

  it.each([
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/+8",
    "10.0.0.0/8/8",
    "::/129",
    "10.0.0/8",
    "/8",
  ])("refuses %j", (text) => expect(parsePrefix(text).ok).toBe(false));

  it("masks and matches as ipaddr.js does", () => {
    fc.assert(
      fc.property(anyPrefix, anyIp, (prefix, address) => {
        expect(parsePrefix(formatPrefix(prefix))).toEqual({ ok: true, value: prefix });
        const masked = prefixOf(address, Math.min(prefix.length, address.family === 4 ? 32 : 128));
        expect(prefixContains(masked, address)).toBe(true);
        if (prefix.ip.family !== address.family) expect(prefixContains(prefix, address)).toBe(false);
        else {
          // Compared octet by octet: ipaddr.js treats mapped addresses in a way of its own.
          const [a, b] = [ipToBytes(prefix.ip), ipToBytes(address)];
          const make = (bytes: Uint8Array) =>
            bytes.length === 4 ? new ipaddr.IPv4([...bytes]) : new ipaddr.IPv6([...bytes]);
          const theirs = make(b).match(make(a) as ipaddr.IPv4, prefix.length);
          expect(prefixContains(prefix, address)).toBe(theirs);
        }
      }),
    );
  });
});

describe("ranges", () => {
  it.each([
    ["192.0.2.0/30", "192.0.2.0/30", 4n],
    ["192.0.2.1-192.0.2.6", "192.0.2.1-192.0.2.6", 6n],
    [" 192.0.2.0 - 192.0.2.255 ", "192.0.2.0/24", 256n],
    ["2001:db8::-2001:db8::ffff", "2001:db8::/112", 65536n],
    ["192.0.2.7-192.0.2.7", "192.0.2.7/32", 1n],
  ])("reads %j as %s with %s addresses", (text, expected, size) => {
    const parsed = parseRange(text);
    expect(parsed.ok && [formatRange(parsed.value), rangeSize(parsed.value)]).toEqual([expected, size]);
  });

  it.each([
    "192.0.2.6-192.0.2.1",
    "192.0.2.1-2001:db8::1",
    "192.0.2.1-",
    "-192.0.2.1",
    "192.0.2.1-192.0.2.3-192.0.2.5",
    "192.0.2.1",
    "x".repeat(10_000),
  ])("refuses %j", (text) => expect(parseRange(text).ok).toBe(false));

  it("is covered exactly by its CIDRs, ascending and as few as can be", () => {
    fc.assert(
      fc.property(anyRange, (range) => {
        const prefixes = [...rangeToPrefixes(range)];
        let next = range.first;
        for (const prefix of prefixes) {
          expect(prefix.ip.value).toBe(next);
          next += prefixSize(prefix);
        }
        expect(next).toBe(range.last + 1n);
        // No two neighbours are the halves of one larger block.
        for (let i = 1; i < prefixes.length; i++) {
          const [a, b] = [prefixes[i - 1], prefixes[i]];
          if (a && b && a.length === b.length && a.length > 0)
            expect(formatIp(prefixOf(a.ip, a.length - 1).ip)).not.toBe(formatIp(prefixOf(b.ip, b.length - 1).ip));
        }
      }),
    );
  });

  it("overlaps when an address is in both", () => {
    const values = (range: IpRange) =>
      Array.from({ length: Number(rangeSize(range)) }, (_, i) => range.first + BigInt(i));
    fc.assert(
      fc.property(smallRange, smallRange, (a, b) => {
        const shared = a.family === b.family && values(a).some((value) => values(b).includes(value));
        expect(rangesOverlap(a, b)).toBe(shared);
      }),
    );
  });

  it("of a prefix holds the same addresses", () => {
    fc.assert(
      fc.property(anyPrefix, anyIp, (prefix, address) => {
        expect(rangeContains(prefixRange(prefix), address)).toBe(prefixContains(prefix, address));
        expect(prefixContains(hostPrefix(address), address)).toBe(true);
      }),
    );
  });
});
