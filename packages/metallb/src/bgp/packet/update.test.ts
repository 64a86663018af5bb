import { describe, expect, it } from "vitest";
import { hex, prefix, unhex } from "../testing.ts";
import type { UpdateContext } from "./attributes.ts";
import { checkUpdate, decodeUpdate } from "./update.ts";

// RFC 7606: which fault costs a route, which an attribute, which a session.

const ORIGIN = "40 01 01 00";
const AS_PATH = "40 02 06 02 01 0000fbf4";
const NEXT_HOP = "40 03 04 c000020a";
const GOOD = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
const NLRI = "20 c6336407";

const update = (attributes: string, nlri = NLRI, context: Partial<UpdateContext> = {}) => {
  const list = unhex(attributes);
  const length = list.length.toString(16).padStart(4, "0");
  return decodeUpdate(unhex(`0000 ${length} ${attributes} ${nlri}`), { fourOctetAs: true, internal: true, ...context });
};

const WITHDRAW: readonly [string, string][] = [
  ["ORIGIN of two octets", `40 01 02 0000 ${AS_PATH} ${NEXT_HOP}`],
  ["ORIGIN 3", `40 01 01 03 ${AS_PATH} ${NEXT_HOP}`],
  ["a missing ORIGIN", `${AS_PATH} ${NEXT_HOP}`],
  ["a missing AS_PATH", `${ORIGIN} ${NEXT_HOP}`],
  ["a missing NEXT_HOP", `${ORIGIN} ${AS_PATH}`],
  ["an AS_PATH segment of type 0", `${ORIGIN} 40 02 06 00 01 0000fbf4 ${NEXT_HOP}`],
  ["an AS_PATH segment without members", `${ORIGIN} 40 02 02 02 00 ${NEXT_HOP}`],
  ["an AS_PATH segment that is too long", `${ORIGIN} 40 02 06 02 02 0000fbf4 ${NEXT_HOP}`],
  ["NEXT_HOP of three octets", `${ORIGIN} ${AS_PATH} 40 03 03 c00002`],
  ["MULTI_EXIT_DISC of two octets", `${GOOD} 80 04 02 0000`],
  ["LOCAL_PREF of one octet", `${GOOD} 40 05 01 00`],
  ["COMMUNITIES of five octets", `${GOOD} c0 08 05 0000000000`],
  ["COMMUNITIES of none", `${GOOD} c0 08 00`],
  ["EXTENDED COMMUNITIES of seven octets", `${GOOD} c0 10 07 00000000000000`],
  ["LARGE_COMMUNITIES of eleven octets", `${GOOD} c0 20 0b 0000000000000000000000`],
  ["AS 0 in AS_PATH (RFC 7607)", `${ORIGIN} 40 02 06 02 01 00000000 ${NEXT_HOP}`],
  ["wrong flags", `c0 01 01 00 ${AS_PATH} ${NEXT_HOP}`],
  ["a well-known attribute that nobody knows", `${GOOD} 40 fe 00`],
  ["a list that is cut short", `${GOOD} 80 04 04 00`],
];

const DISCARD: readonly [string, string][] = [
  ["ATOMIC_AGGREGATE with a value", `${GOOD} 40 06 01 00`],
  ["AGGREGATOR of three octets", `${GOOD} c0 07 03 000000`],
  ["a malformed AS4_PATH", `${GOOD} c0 11 01 00`],
  ["AS4_AGGREGATOR of one octet", `${GOOD} c0 12 01 00`],
  ["AGGREGATOR of AS 0 (RFC 7607)", `${GOOD} c0 07 08 00000000 c0000201`],
  ["AS4_AGGREGATOR of AS 0 (RFC 7607)", `${GOOD} c0 12 08 00000000 c0000201`],
  ["MP_UNREACH_NLRI with a prefix of 129 bits", `${GOOD} 80 0f 04 0002 01 81`],
  ["MP_REACH_NLRI with a next hop of five octets", `${GOOD} 80 0e 0a 0002 01 05 0102030405 00`],
  ["MP_REACH_NLRI of IPv6 with a next hop of four octets", `${GOOD} 80 0e 09 0002 01 04 01020304 00`],
  ["MP_REACH_NLRI that is cut short", `${GOOD} 80 0e 01 00`],
  ["the second of two equal attributes", `${GOOD} 40 01 01 09`],
  ["an unknown optional attribute", `${GOOD} c0 fe 02 0102`],
  ["MP_REACH_NLRI of a family that is not ours", `${GOOD} 80 0e 05 0019 46 00 00`],
];

/** Not known, not ours or without meaning here, which is no fault. */
const PASSED_OVER = new Set([
  "a malformed AS4_PATH",
  "an unknown optional attribute",
  "MP_REACH_NLRI of a family that is not ours",
]);

const RESET: readonly [string, string, number, number, string][] = [
  ["withdrawn routes beyond the message", "ffff 0000", 3, 1, ""],
  ["attributes beyond the message", "0000 ffff", 3, 1, ""],
  ["a message without lengths", "00", 3, 1, ""],
  ["a prefix of 33 bits", "0000 0000 21 0102030405", 3, 10, ""],
  ["a prefix that is cut short", "0000 0000 20 0102", 3, 10, ""],
  ["a withdrawn prefix of 33 bits", "0006 21 0102030405 0000", 3, 10, ""],
  ["two MP_UNREACH_NLRI", "0000 000c 80 0f 03 0002 01 80 0f 03 0002 01", 3, 1, ""],
];

describe("a fault in an UPDATE", () => {
  for (const [name, attributes] of WITHDRAW)
    it(`withdraws the route: ${name}`, () => {
      const read = update(attributes);
      expect(read).toMatchObject({ ok: true, value: { announced: [], withdrawn: [prefix("198.51.100.7/32")] } });
      expect(read.ok && read.value.treatAsWithdraw).toBeTruthy();
    });

  for (const [name, attributes] of DISCARD)
    it(`costs the attribute alone: ${name}`, () => {
      const read = update(attributes);
      expect(read).toMatchObject({
        ok: true,
        value: { treatAsWithdraw: null, attributes: { asPath: [64500], origin: 0 } },
      });
      expect(read.ok && read.value.announced).toHaveLength(1);
      expect(read.ok && read.value.discarded === null).toBe(PASSED_OVER.has(name));
    });

  for (const [name, octets, code, subcode, data] of RESET)
    it(`ends the session with ${code}/${subcode}: ${name}`, () => {
      const read = decodeUpdate(unhex(octets), { fourOctetAs: true, internal: true });
      expect(read.ok ? read : { ...read.error, data: hex(read.error.data) }).toEqual({ code, subcode, data });
    });

  it("withdraws IPv6 routes too", () => {
    const reach = "80 0e 26 0002 01 10 20010db8000000000000000000000001 00 80 20010db80000000000000000000000ff";
    expect(update(`40 01 01 07 ${AS_PATH} ${reach}`, "")).toMatchObject({
      value: { announced: [], withdrawn: [prefix("2001:db8::ff/128")] },
    });
  });

  it("lets LOCAL_PREF count from an internal peer alone (RFC 7606 section 7.5)", () => {
    const told = (internal: boolean, octets = "40 05 04 000000fa") => update(`${GOOD} ${octets}`, NLRI, { internal });
    expect(told(true)).toMatchObject({ value: { attributes: { localPref: 250 } } });
    expect(told(false)).toMatchObject({ value: { attributes: { localPref: null }, treatAsWithdraw: null } });
    expect(told(false, "40 05 01 00")).toMatchObject({
      value: { attributes: { localPref: null }, treatAsWithdraw: null },
    });
  });

  it("costs no more than a walk over the lengths: 65,000 prefixes ::/0 in less than 10 ms", () => {
    const prefixes = 65_000;
    const length = 7 + 2 + 1 + 1 + 16 + 1 + prefixes - 7;
    const head = unhex(
      `0000 ${(length + 4).toString(16)} 90 0e ${length.toString(16)} 0002 01 10 ${"20".repeat(16)} 00`,
    );
    const body = new Uint8Array(head.length + prefixes);
    body.set(head);
    const times = Array.from({ length: 5 }, () => {
      const before = performance.now();
      expect(checkUpdate(body, { fourOctetAs: true, internal: true })).toMatchObject({ ok: true });
      return performance.now() - before;
    });
    expect(Math.min(...times)).toBeLessThan(10);
    const read = decodeUpdate(body, { fourOctetAs: true, internal: true });
    expect(read.ok && read.value.withdrawn).toHaveLength(prefixes);
  });
});
