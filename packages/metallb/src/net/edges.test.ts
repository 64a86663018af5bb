import { describe, expect, it } from "vitest";
import {
  ByteReader,
  ByteWriter,
  comparePrefix,
  formatPrefix,
  ip,
  ipEquals,
  isLinkLocal6,
  macFromBytes,
  maxValue,
  parseIp,
  parseMac,
  parsePrefix,
  prefixEquals,
  prefixOf,
  unmap,
} from "#net";

// What properties meet too rarely: the ends, the other family, and the sentences.

const complaint = (read: { readonly ok: boolean; readonly error?: string }) => read.error ?? "none";

describe("addresses", () => {
  it("are equal in family and value alone", () => {
    expect([ipEquals(ip(4, 5n), ip(4, 5n)), ipEquals(ip(4, 5n), ip(6, 5n)), ipEquals(ip(4, 5n), ip(4, 6n))]).toEqual([
      true,
      false,
      false,
    ]);
    expect([maxValue(4), maxValue(6)]).toEqual([2n ** 32n - 1n, 2n ** 128n - 1n]);
  });

  it("of IPv4 are neither mapped nor link-local, whatever their value", () => {
    const mapped = ip(4, 0xffff_00000001n);
    expect(unmap(mapped)).toBe(mapped);
    expect([isLinkLocal6(ip(4, 0x3fan << 118n)), isLinkLocal6(ip(6, 0x3fan << 118n))]).toEqual([false, true]);
  });

  it.each([
    ["", '"" is not an IP address'],
    [`${"1".repeat(50)}:`, `"${"1".repeat(50)}:" is not an IP address`],
    ["x".repeat(90), `"${"x".repeat(60)}" is not an IP address`],
    ["1.2.3.4.5", '"1.2.3.4.5" is not an IP address: it has more than four octets'],
    ["1.2.3", '"1.2.3" is not an IP address: it has fewer than four octets'],
    ["1.2.3.a", '"1.2.3.a" is not an IP address: unexpected character "a"'],
    ["1.2.3.~", '"1.2.3.~" is not an IP address: unexpected character "~"'],
    ["1.2..4", '"1.2..4" is not an IP address: an octet is empty'],
    ["1.2.3.04", '"1.2.3.04" is not an IP address: an octet has a leading zero'],
    ["1.2.3.256", '"1.2.3.256" is not an IP address: an octet is above 255'],
    ["fe80::1%eth0", '"fe80::1%eth0" is not an IP address: zones are not allowed here'],
    ["::1::", '"::1::" is not an IP address: it has more than one ::'],
    ["1::2::3", '"1::2::3" is not an IP address: it has more than one ::'],
    ["1:2:3", '"1:2:3" is not an IP address: it does not have eight groups'],
    ["1:2:3:4:5:6:7:", '"1:2:3:4:5:6:7:" is not an IP address: a group is empty'],
    ["g::", '"g::" is not an IP address: "g" is not a group of up to four hexadecimal digits'],
    ["::g", '"::g" is not an IP address: "g" is not a group of up to four hexadecimal digits'],
    ["1.2.3.4::", '"1.2.3.4::" is not an IP address: a dotted quad may only stand at the end'],
    ["0000:0000:0000:0000:0000:ffff:192.168.100.200", "none"],
  ])("%j: %s", (text, expected) => expect(complaint(parseIp(text))).toBe(expected));
});

describe("prefixes", () => {
  const prefix = (text: string) => {
    const read = parsePrefix(text);
    if (!read.ok) throw new Error(text);
    return read.value;
  };

  it("are ordered by address, then the shorter first", () => {
    const sorted = ["10.0.0.0/8", "10.0.0.0/24", "10.0.1.0/24", "::/0"].map(prefix);
    expect(sorted.toReversed().sort(comparePrefix).map(formatPrefix)).toEqual(sorted.map(formatPrefix));
    expect(prefixEquals(prefix("10.0.0.0/8"), prefixOf(ip(4, 0x0a010203n), 8))).toBe(true);
    expect(prefixEquals(prefix("10.0.0.0/8"), prefix("10.0.0.0/9"))).toBe(false);
    expect(prefixEquals(prefix("10.0.0.0/8"), prefix("11.0.0.0/8"))).toBe(false);
  });

  it.each([
    ["x".repeat(90), `"${"x".repeat(60)}" is not a CIDR: it has no "/"`],
    ["/8", '"/8" is not a CIDR: "" is not an IP address'],
    [`${"x".repeat(90)}/8`, `"${"x".repeat(60)}" is not a CIDR: "${"x".repeat(60)}" is not an IP address`],
    ["10.0.0.0/33", '"10.0.0.0/33" is not a CIDR: the length must be 0 to 32'],
    ["::/129", '"::/129" is not a CIDR: the length must be 0 to 128'],
    ["10.0.0.0/08", '"10.0.0.0/08" is not a CIDR: the length must be 0 to 32'],
  ])("%j: %s", (text, expected) => expect(complaint(parsePrefix(text))).toBe(expected));
});

describe("octets", () => {
  it("at the end of what is there: none are read beyond it", () => {
    const three = Uint8Array.of(1, 2, 3);
    const reader = new ByteReader(three);
    expect([reader.view(0).length, reader.failed]).toEqual([0, false]);
    expect([...reader.view(3)]).toEqual([1, 2, 3]);
    expect([reader.view(1).length, reader.failed]).toEqual([0, true]);
    const first = new ByteReader(three).sub(3);
    expect([first.failed, first.remaining, first.u8()]).toEqual([false, 3, 1]);
    const none = new ByteReader(three).sub(4);
    expect([none.failed, none.remaining, none.u8()]).toEqual([true, 0, 0]);
    expect(new ByteReader(Uint8Array.of(1, 2, 3, 4)).u32()).toBe(0x1020304);
    expect(new ByteReader(Uint8Array.of(0xff, 2)).u16()).toBe(0xff02);
  });

  it("are written where they belong, whatever was there", () => {
    const writer = new ByteWriter(4).u32(0xffffffff);
    writer.truncate();
    expect([...writer.fill(0, 2).u16(0x102).bytes()]).toEqual([0, 0, 1, 2]);
    expect([
      ...new ByteWriter(1)
        .u8(1)
        .u8(2)
        .u8(3)
        .put(Uint8Array.of(4, 5, 6, 7, 8, 9))
        .bytes(),
    ]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe("MAC addresses", () => {
  it("have six octets, and long texts are cut", () => {
    expect(complaint(macFromBytes(new Uint8Array(5)))).toBe("a MAC address has 6 octets, not 5");
    expect(complaint(parseMac("x".repeat(90)))).toBe(`"${"x".repeat(40)}" is not a MAC address`);
  });
});
