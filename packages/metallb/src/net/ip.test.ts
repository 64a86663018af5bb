import fc from "fast-check";
import { Address6 } from "ip-address";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import {
  compareIp,
  type Family,
  formatIp,
  type Ip,
  ip,
  ipFromBytes,
  ipToBytes,
  isLinkLocal6,
  parseIp,
  unmap,
} from "#net";
import { anyIp } from "./testing.ts";

const read = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

describe("the grammar of Go's net/netip", () => {
  it.each([
    "0.0.0.0",
    "255.255.255.255",
    "192.0.2.1",
    "::",
    "::1",
    "1::",
    "2001:db8::1",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "fe80::1",
    "::ffff:192.0.2.6",
    "1:2:3:4:5:6:192.0.2.6",
  ])("takes %s", (text) => expect(formatIp(read(text))).toBe(canonical(text)));

  it.each([
    "",
    " ",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.256",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4/32",
    "0x1.2.3.4",
    "+1.2.3.4",
    "1.2.3.-4",
    "１.2.3.4",
    ":",
    ":::",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2:3:4:5:6:7:8",
    "12345::",
    "g::",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "fe80::1%eth0",
    "[::1]",
    "::192.0.2",
    "::192.0.2.1:1",
    "192.0.2.1::",
    "::01.2.3.4",
    "1:2:3:4:5:6:7:192.0.2.6",
    "1".repeat(10_000),
  ])("refuses %j", (text) => expect(parseIp(text).ok).toBe(false));

  it("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.%/]*$/)), (text) => {
        const parsed = parseIp(text);
        if (parsed.ok) expect(formatIp(read(formatIp(parsed.value)))).toBe(formatIp(parsed.value));
      }),
    );
  });
});

describe("beside two other libraries", () => {
  it("reads what it writes, and they read the same", () => {
    fc.assert(
      fc.property(anyIp, (address) => {
        const text = formatIp(address);
        expect(read(text)).toEqual(address);
        expect(ipaddr.parse(text).toByteArray()).toEqual([...ipToBytes(address)]);
        if (address.family === 6) {
          expect(new Address6(text).bigInt()).toBe(address.value);
          // RFC 5952, as both write it; they do not write the mapped form, so it is left out.
          if (unmap(address) === address) expect(text).toBe(ipaddr.IPv6.parse(text).toRFC5952String());
        }
      }),
    );
  });

  it("reads every notation they write", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
        const other = Address6.fromBigInt(value);
        expect(read(other.canonicalForm()).value).toBe(value);
        expect(read(other.correctForm()).value).toBe(value);
      }),
    );
  });

  it("takes and refuses dotted quads as they do", () => {
    const almost = fc.array(fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "01", "x", "-1")), { maxLength: 6 });
    fc.assert(
      fc.property(almost, (parts) => {
        const text = parts.join(".");
        const theirs = ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text);
        expect(parseIp(text).ok).toBe(theirs);
      }),
    );
  });
});

it("orders IPv4 before IPv6, then by value", () => {
  expect(compareIp(read("255.255.255.255"), read("::"))).toBeLessThan(0);
  fc.assert(
    fc.property(anyIp, anyIp, (a, b) => {
      const byBytes = a.family - b.family || Buffer.compare(Buffer.from(ipToBytes(a)), Buffer.from(ipToBytes(b)));
      expect(Math.sign(compareIp(a, b))).toBe(Math.sign(byBytes));
    }),
  );
});

it("goes through octets and back", () => {
  fc.assert(
    fc.property(anyIp, (address) => {
      expect(ipFromBytes(ipToBytes(address))).toEqual({ ok: true, value: address });
    }),
  );
  expect(ipFromBytes(new Uint8Array(5)).ok).toBe(false);
});

it("knows link-local and mapped addresses", () => {
  expect(isLinkLocal6(read("fe80::1"))).toBe(true);
  expect(isLinkLocal6(read("febf::1"))).toBe(true);
  expect(isLinkLocal6(read("fec0::1"))).toBe(false);
  expect(isLinkLocal6(read("169.254.0.1"))).toBe(false);
  expect(unmap(read("::ffff:192.0.2.6"))).toEqual(read("192.0.2.6"));
  expect(unmap(ip(6 as Family, 1n))).toEqual(ip(6, 1n));
});

function canonical(text: string): string {
  if (!text.includes(":")) return text;
  const known: Record<string, string> = {
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:192.0.2.6": "1:2:3:4:5:6:c000:206",
  };
  return known[text] ?? text;
}
