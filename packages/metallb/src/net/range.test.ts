import { describe, expect, it } from "vitest";
import {
  formatPrefix,
  formatRange,
  type IpRange,
  ip,
  parsePoolEntry,
  parseRange,
  rangeContains,
  rangesOverlap,
  rangeToPrefixes,
} from "#net";

const entry = (text: string) => {
  const parsed = parsePoolEntry(text);
  return parsed.ok ? parsed.value && formatRange(parsed.value) : parsed.error;
};

const four = (first: number, last: number): IpRange => ({ family: 4, first: BigInt(first), last: BigInt(last) });

describe("an entry of a pool", () => {
  it.each([
    [" 192.0.2.0/30 ", "192.0.2.0/30"],
    ["\t192.0.2.7/30", "192.0.2.4/30"],
    ["192.0.2.1-192.0.2.1", "192.0.2.1/32"],
    [" 192.0.2.1  -\t192.0.2.2 ", "192.0.2.1-192.0.2.2"],
    ["::ffff:192.0.2.0/120", "192.0.2.0/24"],
    ["::ffff:0:0/96", "0.0.0.0/0"],
    ["::ffff:0:0/95", "::fffe:0:0/95"],
    ["::ffff:192.0.2.1-::ffff:192.0.2.2", "192.0.2.1-192.0.2.2"],
    ["192.0.2.1-::ffff:192.0.2.2", "192.0.2.1-192.0.2.2"],
    ["192.0.2.1-2001:db8::1", null],
    ["2001:db8::1-192.0.2.1", null],
    [`192.0.2.0/24${" ".repeat(108)}`, "192.0.2.0/24"],
  ])("%j is %s", (text, expected) => expect(entry(text)).toBe(expected));

  it.each([
    ["192.0.2.1", '"192.0.2.1" is not a CIDR: it has no "/"'],
    ["-192.0.2.1", '"-192.0.2.1" is not a range: the start: "" is not an IP address'],
    ["192.0.2.1-", '"192.0.2.1-" is not a range: the end: "" is not an IP address'],
    ["192.0.2.2-192.0.2.1", '"192.0.2.2-192.0.2.1" is not a range: the start is after the end'],
    [`192.0.2.0/24${" ".repeat(109)}`, `"192.0.2.0/24${" ".repeat(48)}…" is too long for a CIDR or a range`],
  ])("%j is refused", (text, message) => expect(entry(text)).toBe(message));

  it("that mixes families holds nothing, so that it is no range", () => {
    const parsed = parseRange("192.0.2.1-2001:db8::1");
    expect(parsed.ok ? null : parsed.error).toBe('"192.0.2.1-2001:db8::1" is not a range: it mixes IPv4 and IPv6');
  });
});

describe("two ranges", () => {
  it.each([
    [four(1, 4), four(4, 9), true],
    [four(4, 9), four(1, 4), true],
    [four(1, 9), four(4, 5), true],
    [four(4, 5), four(1, 9), true],
    [four(1, 4), four(5, 9), false],
    [four(5, 9), four(1, 4), false],
    [four(7, 7), four(7, 7), true],
    [four(1, 9), { family: 6, first: 1n, last: 9n } as const, false],
  ])("%o and %o overlap: %s", (a, b, expected) => expect(rangesOverlap(a, b)).toBe(expected));
});

it("a range holds its first and its last address, and none beside them", () => {
  expect([3, 4, 6, 7].map((value) => rangeContains(four(4, 6), ip(4, BigInt(value))))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(rangeContains(four(4, 6), ip(6, 5n))).toBe(false);
});

it("a whole family is one CIDR, and all but its ends are many", () => {
  const prefixes = (range: IpRange) => [...rangeToPrefixes(range)].map(formatPrefix);
  expect(prefixes(four(0, 0xffffffff))).toEqual(["0.0.0.0/0"]);
  expect(prefixes({ family: 6, first: 0n, last: (1n << 128n) - 1n })).toEqual(["::/0"]);
  expect(prefixes(four(1, 0xfffffffe))).toHaveLength(62);
  expect(prefixes(four(1, 6))).toEqual(["0.0.0.1/32", "0.0.0.2/31", "0.0.0.4/31", "0.0.0.6/32"]);
});
