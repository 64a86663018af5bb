import { describe, expect, it } from "vitest";
import { address, prefix, unhex } from "../testing.ts";
import type { UpdateContext } from "./attributes.ts";
import { decodeUpdate } from "./update.ts";

// Each attribute at the bounds of its length and its values (RFC 4271 section 4.3, RFC 7606 section 7).

const ORIGIN = "40 01 01 00";
const AS_PATH = "40 02 06 02 01 0000fbf4";
const NEXT_HOP = "40 03 04 c000020a";
const GOOD = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

function read(attributes: string, context: Partial<UpdateContext> = {}, nlri = "20 c6336407") {
  const length = unhex(attributes).length.toString(16).padStart(4, "0");
  const update = decodeUpdate(unhex(`0000 ${length} ${attributes} ${nlri}`), {
    fourOctetAs: true,
    internal: true,
    ...context,
  });
  if (!update.ok) throw new Error(`${update.error.code}/${update.error.subcode}`);
  return update.value;
}

/** `withdraw: …`, `discard: …` or `sound`. */
function verdict(attributes: string, context?: Partial<UpdateContext>): string {
  const { treatAsWithdraw, discarded } = read(attributes, context);
  if (treatAsWithdraw !== null) return `withdraw: ${treatAsWithdraw}`;
  return discarded === null ? "sound" : `discard: ${discarded}`;
}

const TWO = { fourOctetAs: false };
/** Announced to who knows two octets of AS alone. */
const GOOD_TWO = `${ORIGIN} 40 02 04 02 01 fbf4 ${NEXT_HOP}`;

describe("an attribute", () => {
  it.each([
    ["AGGREGATOR of a peer of four octets", `${GOOD} c0 07 08 0000fbf4 c0000201`, {}, "sound"],
    ["the same of six octets", `${GOOD} c0 07 06 fbf4 c0000201`, {}, "discard: AGGREGATOR is malformed"],
    ["the same of nine", `${GOOD} c0 07 09 0000fbf4 c0000201 00`, {}, "discard: AGGREGATOR is malformed"],
    ["AGGREGATOR of a peer of two octets", `${GOOD_TWO} c0 07 06 fbf4 c0000201`, TWO, "sound"],
    ["the same of eight octets", `${GOOD_TWO} c0 07 08 0000fbf4 c0000201`, TWO, "discard: AGGREGATOR is malformed"],
    ["the same of AS 0", `${GOOD_TWO} c0 07 06 0000 c0000201`, TWO, "discard: AGGREGATOR is malformed"],
    ["AS4_AGGREGATOR", `${GOOD_TWO} c0 12 08 0000fbf4 c0000201`, TWO, "sound"],
    [
      "AS4_AGGREGATOR of nine octets",
      `${GOOD_TWO} c0 12 09 0000fbf4 c0000201 00`,
      TWO,
      "discard: AS4_AGGREGATOR is malformed",
    ],
    [
      "AS4_AGGREGATOR of seven octets",
      `${GOOD_TWO} c0 12 07 0000fbf4 c00002`,
      TWO,
      "discard: AS4_AGGREGATOR is malformed",
    ],
    ["ATOMIC_AGGREGATE", `${GOOD} 40 06 00`, {}, "sound"],
    ["one community", `${GOOD} c0 08 04 fbf40064`, {}, "sound"],
    ["three octets of communities", `${GOOD} c0 08 03 fbf400`, {}, "withdraw: COMMUNITIES is malformed"],
    ["two extended communities", `${GOOD} c0 10 10 0002fbf400000064 0002fbf400000065`, {}, "sound"],
    ["no extended community", `${GOOD} c0 10 00`, {}, "withdraw: EXTENDED COMMUNITIES is malformed"],
    ["nine octets of them", `${GOOD} c0 10 09 0002fbf40000006400`, {}, "withdraw: EXTENDED COMMUNITIES is malformed"],
    ["two large communities", `${GOOD} c0 20 18 ${"0000fbf4 00000001 00000002".repeat(2)}`, {}, "sound"],
    ["no large community", `${GOOD} c0 20 00`, {}, "withdraw: LARGE_COMMUNITIES is malformed"],
    ["thirteen octets of them", `${GOOD} c0 20 0d ${"00".repeat(13)}`, {}, "withdraw: LARGE_COMMUNITIES is malformed"],
    ["MULTI_EXIT_DISC of five octets", `${GOOD} 80 04 05 0000000000`, {}, "withdraw: MULTI_EXIT_DISC is malformed"],
    ["LOCAL_PREF of five octets", `${GOOD} 40 05 05 0000000000`, {}, "withdraw: LOCAL_PREF is malformed"],
    ["NEXT_HOP of five octets", `${ORIGIN} ${AS_PATH} 40 03 05 c000020a00`, {}, "withdraw: NEXT_HOP is malformed"],
    ["ORIGIN INCOMPLETE", `40 01 01 02 ${AS_PATH} ${NEXT_HOP}`, {}, "sound"],
    ["ORIGIN of no octets", `40 01 00 ${AS_PATH} ${NEXT_HOP}`, {}, "withdraw: ORIGIN is malformed"],
    ["an unknown one twice", `${GOOD} c0 fe 01 00 c0 fe 01 00`, {}, "discard: attribute 254 stands twice"],
    ["ORIGIN twice", `${GOOD} 40 01 01 00`, {}, "discard: ORIGIN stands twice"],
    ["an unknown well-known one", `${GOOD} 40 fe 00`, {}, "withdraw: well-known attribute 254 is not recognized"],
    ["the partial bit", `${GOOD} e0 08 04 fbf40064`, {}, "sound"],
    [
      "an optional one that claims not to be transitive",
      `${GOOD} 80 08 04 fbf40064`,
      {},
      "withdraw: the flags of COMMUNITIES are wrong",
    ],
    ["a length of two octets where one would do", `${GOOD} d0 08 0004 fbf40064`, {}, "sound"],
    ["a header that is cut short", `${GOOD} 40`, {}, "withdraw: the list of attributes is cut short"],
    [
      "a length of two octets that is cut short",
      `${GOOD} d0 08 00`,
      {},
      "withdraw: the list of attributes is cut short",
    ],
    ["neither ORIGIN nor NEXT_HOP", AS_PATH, {}, "withdraw: ORIGIN and NEXT_HOP missing"],
    [
      "the first of two faults that withdraw",
      `${GOOD} 80 04 01 00 c0 08 00`,
      {},
      "withdraw: MULTI_EXIT_DISC is malformed",
    ],
    [
      "the first of two faults that do not",
      `${GOOD} 40 06 01 00 c0 07 01 00`,
      {},
      "discard: ATOMIC_AGGREGATE is malformed",
    ],
  ] as const)("is judged: %s", (_, attributes, context, expected) => {
    expect(verdict(attributes, context)).toBe(expected);
  });

  it("that is unknown has its optional bit, and is passed over however long it is", () => {
    expect(verdict(`${GOOD} 90 fe 0100 ${"00".repeat(256)}`)).toBe("sound");
  });
});

describe("AS_PATH", () => {
  const path = (segments: string, context: Partial<UpdateContext> = {}) => {
    const length = unhex(segments).length.toString(16).padStart(2, "0");
    const { attributes, treatAsWithdraw } = read(`${ORIGIN} 40 02 ${length} ${segments} ${NEXT_HOP}`, context);
    return treatAsWithdraw ?? attributes.asPath;
  };

  it("has segments of four types (RFC 4271, RFC 5065), whose members count in order", () => {
    expect(path("01 01 00000001 02 02 00000002 00000003 03 01 00000004 04 01 00000005")).toEqual([1, 2, 3, 4, 5]);
    expect(path("02 01 0001 01 01 0002", TWO)).toEqual([1, 2]);
    for (const type of ["00", "05", "ff"]) expect(path(`${type} 01 00000001`)).toBe("AS_PATH is malformed");
  });

  it("is malformed where a segment is longer than the attribute, or stops within its header", () => {
    expect(path("02 02 00000001")).toBe("AS_PATH is malformed");
    expect(path("02 01 00000001 02")).toBe("AS_PATH is malformed");
    expect(path("02 02 0001 00", TWO)).toBe("AS_PATH is malformed");
    expect(path("02 01 00000001 02 01 0000")).toBe("AS_PATH is malformed");
  });

  it("that is malformed says nothing", () => {
    expect(read(`${ORIGIN} 40 02 06 02 02 0000fbf4 ${NEXT_HOP}`).attributes.asPath).toEqual([]);
  });

  it("ends with what AS4_PATH says, as far as that goes (RFC 6793 section 4.2.3)", () => {
    const merged = (as4Path: string, context: Partial<UpdateContext> = TWO) => {
      const length = unhex(as4Path).length.toString(16).padStart(2, "0");
      return read(`${ORIGIN} 40 02 06 02 02 0001 5ba0 ${NEXT_HOP} c0 11 ${length} ${as4Path}`, context);
    };
    expect(merged("02 01 00010000").attributes.asPath).toEqual([1, 65_536]);
    expect(merged("02 02 00020000 00010000").attributes.asPath).toEqual([131_072, 65_536]);
    // Of no octets at all it says nothing; malformed, or of AS 0, it is not looked at.
    expect(merged("").attributes.asPath).toEqual([1, 23_456]);
    for (const wrong of ["02 02 00010000", "02 01 00000000"])
      expect(merged(wrong)).toMatchObject({
        attributes: { asPath: [1, 23_456] },
        treatAsWithdraw: null,
        discarded: "AS4_PATH is malformed",
      });
    // Between speakers of four octets it must not be there, and is not looked at.
    expect(verdict(`${GOOD} c0 11 01 00`)).toBe("sound");
  });
});

describe("MP_REACH_NLRI", () => {
  const reach = (value: string) => {
    const length = unhex(value).length.toString(16).padStart(2, "0");
    return read(`80 0e ${length} ${value} ${ORIGIN} ${AS_PATH}`, {}, "");
  };
  const V6 = "20010db8000000000000000000000001";
  const LINK_LOCAL = "fe800000000000000000000000000001";

  it("has a next hop of 4, 16 or 32 octets (RFC 2545, RFC 8950)", () => {
    const six = { prefix: prefix("2001:db8::/32"), nextHop: address("2001:db8::1") };
    expect(reach(`0002 01 10 ${V6} 00 20 20010db8`).announced).toEqual([six]);
    expect(reach(`0002 01 20 ${V6} ${LINK_LOCAL} 00 20 20010db8`).announced).toEqual([six]);
    const four = { prefix: prefix("10.0.0.0/8"), nextHop: address("192.0.2.1") };
    expect(reach("0001 01 04 c0000201 00 08 0a").announced).toEqual([four]);
    expect(reach(`0001 01 10 ${V6} 00 08 0a`).announced).toEqual([{ ...four, nextHop: address("2001:db8::1") }]);
    for (const wrong of [
      `0002 01 11 ${V6}00 00`,
      "0002 01 00 00",
      "0002 01 04 c0000201 00",
      "0001 01 05 c000020100 00",
    ])
      expect(reach(wrong)).toMatchObject({ announced: [], discarded: "MP_REACH_NLRI is malformed" });
  });

  it("is malformed where it stops early, or a prefix is too long", () => {
    for (const wrong of [
      "00",
      "0002 01",
      `0002 01 10 ${V6.slice(0, 30)}`,
      `0002 01 10 ${V6}`,
      `0002 01 10 ${V6} 00 81 ${"00".repeat(17)}`,
      `0002 01 10 ${V6} 00 20 20010d`,
      "0001 01 04 c0000201 00 21 0a000000 00",
    ])
      expect(reach(wrong)).toMatchObject({ announced: [], discarded: "MP_REACH_NLRI is malformed" });
  });

  it("of a family that is not ours is passed over", () => {
    for (const other of ["0019 46 00 00", "0001 02 04 c0000201 00 08 0a", `0002 02 10 ${V6} 00`])
      expect(reach(other)).toMatchObject({ announced: [], discarded: null, treatAsWithdraw: null });
  });

  it("needs ORIGIN and AS_PATH beside it, but no NEXT_HOP (RFC 7606 section 3.d)", () => {
    const value = `0002 01 10 ${V6} 00 20 20010db8`;
    expect(reach(value).treatAsWithdraw).toBeNull();
    expect(read(`80 0e 1a ${value}`, {}, "")).toMatchObject({
      treatAsWithdraw: "ORIGIN and AS_PATH missing",
      withdrawn: [prefix("2001:db8::/32")],
    });
  });
});

describe("MP_UNREACH_NLRI", () => {
  const unreach = (value: string) => {
    const length = unhex(value).length.toString(16).padStart(2, "0");
    return read(`80 0f ${length} ${value}`, {}, "");
  };

  it("withdraws of either family", () => {
    expect(unreach("0002 01 20 20010db8").withdrawn).toEqual([prefix("2001:db8::/32")]);
    expect(unreach("0001 01 08 0a").withdrawn).toEqual([prefix("10.0.0.0/8")]);
  });

  it("is malformed where it stops early, or a prefix is too long", () => {
    for (const wrong of ["", "0002", "0002 01 81", "0001 01 21 0a00000000", "0002 01 20 2001"])
      expect(unreach(wrong)).toMatchObject({
        withdrawn: [],
        endOfRib: null,
        treatAsWithdraw: null,
        discarded: "MP_UNREACH_NLRI is malformed",
      });
  });

  it("of a family that is not ours is passed over, and is no End-of-RIB of ours", () => {
    expect(unreach("0019 46")).toMatchObject({ withdrawn: [], endOfRib: null, discarded: null });
    expect(unreach("0001 02 08 0a")).toMatchObject({ withdrawn: [], endOfRib: null, discarded: null });
  });

  it("without prefixes is the End-of-RIB of its family, where nothing else is said (RFC 4724 section 2)", () => {
    expect(unreach("0002 01").endOfRib).toBe("ipv6-unicast");
    expect(unreach("0001 01").endOfRib).toBe("ipv4-unicast");
    expect(unreach("0002 01 20 20010db8").endOfRib).toBeNull();
    expect(read("80 0f 03 0002 01", {}, "08 0a").endOfRib).toBeNull();
    expect(read("", {}, "08 0a").endOfRib).toBeNull();
  });
});
