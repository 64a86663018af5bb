import { describe, expect, it } from "vitest";
import { address, capabilities, hex, prefix, unhex } from "../testing.ts";
import { encodeKeepalive } from "./keepalive.ts";
import { decodeNotification, encodeNotification, type Notification, notification, shutdown } from "./notification.ts";
import { decodeOpen, encodeOpen, type Open } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh, type RouteRefresh } from "./route-refresh.ts";
import { decodeUpdate, type Update } from "./update.ts";

// Octets and what they mean, read and written. `|` parts what belongs together.

const MARKER = "ffffffffffffffffffffffffffffffff";
const body = (text: string): Uint8Array => unhex(text).subarray(19);

const NO_CAPABILITIES = capabilities({ families: [], routeRefresh: false, fourOctetAs: null });

const OPENS: readonly { name: string; octets: string; open: Open; only?: "read" }[] = [
  {
    name: "no optional parameters",
    octets: `${MARKER} 001d 01 | 04 fc00 005a c0000201 00`,
    open: { as: 64512, holdTime: 90, identifier: address("192.0.2.1"), capabilities: NO_CAPABILITIES },
  },
  {
    name: "what this speaker offers by default",
    octets: `${MARKER} 0037 01 | 04 fbf4 005a c000020a 1a | 02 18 | 01040001 0001 | 01040002 0001 | 0200 | 0600 | 4104 0000fbf4 | 4600`,
    open: {
      as: 64500,
      holdTime: 90,
      identifier: address("192.0.2.10"),
      capabilities: capabilities({ fourOctetAs: 64500, extendedMessage: true, enhancedRouteRefresh: true }),
    },
  },
  {
    name: "an AS of four octets, graceful restart, IPv4 over IPv6",
    octets: `${MARKER} 0041 01 | 04 5ba0 0003 01020304 24 | 02 22 | 01040001 0001 | 01040002 0001 | 0506 0001 0001 0002 | 4006 8078 0001 01 80 | 4104 fffffffe`,
    open: {
      as: 23456,
      holdTime: 3,
      identifier: address("1.2.3.4"),
      capabilities: capabilities({
        routeRefresh: false,
        extendedNextHop: true,
        fourOctetAs: 4294967294,
        gracefulRestart: {
          restarting: true,
          notification: false,
          restartTime: 120,
          families: [{ family: "ipv4-unicast", forwarding: true }],
        },
      }),
    },
  },
  {
    name: "capabilities spread over parameters, repeated and unknown",
    only: "read",
    octets: `${MARKER} 0037 01 | 04 fc00 00b4 c0000201 1a | 02 06 01040001 0001 | 02 06 01040001 0001 | 02 04 80 02 abcd | 02 02 0200`,
    open: {
      as: 64512,
      holdTime: 180,
      identifier: address("192.0.2.1"),
      capabilities: capabilities({ families: ["ipv4-unicast"], fourOctetAs: null }),
    },
  },
  {
    name: "optional parameters of extended length (RFC 9072)",
    only: "read",
    octets: `${MARKER} 0029 01 | 04 fc00 005a c0000201 ff | ff 0009 | 02 0006 4104 0000fc00`,
    open: {
      as: 64512,
      holdTime: 90,
      identifier: address("192.0.2.1"),
      capabilities: capabilities({ families: [], routeRefresh: false }),
    },
  },
];

const NOTIFICATIONS: readonly { name: string; octets: string; value: Notification }[] = [
  { name: "hold timer expired", octets: `${MARKER} 0015 03 | 04 00`, value: notification(4) },
  {
    name: "administrative shutdown with a text (RFC 9003)",
    octets: `${MARKER} 001b 03 | 06 02 | 05 64c3a97961`,
    value: shutdown(2, "déya"),
  },
  {
    name: "bad message length",
    octets: `${MARKER} 0017 03 | 01 02 | 1001`,
    value: notification(1, 2, Uint8Array.of(0x10, 0x01)),
  },
];

const REFRESHES: readonly { octets: string; value: RouteRefresh & { family: "ipv4-unicast" | "ipv6-unicast" } }[] = [
  { octets: `${MARKER} 0017 05 | 0001 00 01`, value: { family: "ipv4-unicast", subtype: "request" } },
  { octets: `${MARKER} 0017 05 | 0002 01 01`, value: { family: "ipv6-unicast", subtype: "begin" } },
  { octets: `${MARKER} 0017 05 | 0001 02 01`, value: { family: "ipv4-unicast", subtype: "end" } },
];

const NOTHING: Update = {
  announced: [],
  withdrawn: [],
  attributes: {
    origin: null,
    asPath: [],
    multiExitDisc: null,
    localPref: null,
    communities: [],
    largeCommunities: [],
  },
  endOfRib: null,
  treatAsWithdraw: null,
  discarded: null,
};

/** Read alone: what is written is in `rib/pack.test.ts`. */
const UPDATES: readonly { name: string; octets: string; fourOctetAs?: boolean; value: Update }[] = [
  { name: "End-of-RIB, IPv4", octets: "0000 0000", value: { ...NOTHING, endOfRib: "ipv4-unicast" } },
  {
    name: "End-of-RIB, IPv6",
    octets: "0000 0006 | 80 0f 03 0002 01",
    value: { ...NOTHING, endOfRib: "ipv6-unicast" },
  },
  {
    name: "withdrawn routes",
    octets: "0007 20 c0000201 | 08 0a | 0000",
    value: { ...NOTHING, withdrawn: [prefix("192.0.2.1/32"), prefix("10.0.0.0/8")] },
  },
  {
    name: "an announcement with everything",
    octets:
      "0000 0046 | 40 01 01 00 | 40 02 0a 02 02 0000fbf4 fffffffe | 40 03 04 c000020a | 80 04 04 00000007 | 40 05 04 000000c8 |" +
      "c0 08 08 fbf40064 ffffff01 | c0 20 0c 0000fbf4 00000001 00000002 | d0 80 0002 abcd | 20 c6336407",
    value: {
      ...NOTHING,
      announced: [{ prefix: prefix("198.51.100.7/32"), nextHop: address("192.0.2.10") }],
      attributes: {
        origin: 0,
        asPath: [64500, 4294967294],
        multiExitDisc: 7,
        localPref: 200,
        communities: [0xfbf40064, 0xffffff01],
        largeCommunities: [[64500, 1, 2]],
      },
    },
  },
  {
    name: "AS4_PATH behind AS_TRANS (RFC 6793)",
    fourOctetAs: false,
    octets: "0000 001d | 40 01 01 02 | 40 02 06 02 02 fbf0 5ba0 | 40 03 04 c000020a | c0 11 06 02 01 fffffffe | 00",
    value: {
      ...NOTHING,
      announced: [{ prefix: prefix("0.0.0.0/0"), nextHop: address("192.0.2.10") }],
      attributes: { ...NOTHING.attributes, origin: 2, asPath: [64496, 4294967294] },
    },
  },
  {
    name: "AS4_PATH that is longer than AS_PATH, which says nothing (RFC 6793 section 4.2.3)",
    fourOctetAs: false,
    octets:
      "0000 001f | 40 01 01 00 | 40 02 04 02 01 fbf0 | 40 03 04 c000020a | c0 11 0a 02 02 00000001 fffffffe | 08 0a",
    value: {
      ...NOTHING,
      announced: [{ prefix: prefix("10.0.0.0/8"), nextHop: address("192.0.2.10") }],
      attributes: { ...NOTHING.attributes, origin: 0, asPath: [64496] },
    },
  },
  {
    name: "AS4_PATH from a speaker of four octets, which says nothing either",
    octets: "0000 001d | 40 01 01 00 | 40 02 06 02 01 0000fbf0 | 40 03 04 c000020a | c0 11 06 02 01 fffffffe | 08 0a",
    value: {
      ...NOTHING,
      announced: [{ prefix: prefix("10.0.0.0/8"), nextHop: address("192.0.2.10") }],
      attributes: { ...NOTHING.attributes, origin: 0, asPath: [64496] },
    },
  },
  {
    name: "no End-of-RIB in an empty MP_UNREACH_NLRI beside another attribute",
    octets: "0000 000a | 40 01 01 00 | 80 0f 03 0002 01",
    value: { ...NOTHING, attributes: { ...NOTHING.attributes, origin: 0 } },
  },
  {
    name: "IPv6 with a link-local next hop beside the global one, and a withdrawal",
    octets:
      "0000 005a | 40 01 01 00 | 40 02 00 | 80 0e 36 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000001 00 80 20010db80000000000000000000000ff |" +
      "80 0f 17 0002 01 80 20010db80000000000000000000000fe 10 2001",
    value: {
      ...NOTHING,
      announced: [{ prefix: prefix("2001:db8::ff/128"), nextHop: address("2001:db8::1") }],
      withdrawn: [prefix("2001:db8::fe/128"), prefix("2001::/16")],
      attributes: { ...NOTHING.attributes, origin: 0 },
    },
  },
];

describe("OPEN", () => {
  for (const { name, octets, open, only } of OPENS) {
    it(`reads ${name}`, () => expect(decodeOpen(body(octets))).toEqual({ ok: true, value: open }));
    if (only !== "read") it(`writes ${name}`, () => expect(hex(encodeOpen(open))).toBe(hex(unhex(octets))));
  }

  const errors: readonly [string, string, number, number, string][] = [
    ["version 3", "03 fc00 005a c0000201 00", 2, 1, "0004"],
    ["an authentication parameter", "04 fc00 005a c0000201 02 | 01 00", 2, 4, ""],
    ["parameters longer than the message", "04 fc00 005a c0000201 05 | 02 00", 2, 0, ""],
    ["octets after the parameters", "04 fc00 005a c0000201 00 | 00", 2, 0, ""],
    ["a parameter beyond the others", "04 fc00 005a c0000201 02 | 02 08", 2, 0, ""],
    ["a parameter without its length", "04 fc00 005a c0000201 01 | 02", 2, 0, ""],
    ["no parameters, and octets that would begin extended ones", "04 fc00 005a c0000201 00 | ff 0000", 2, 0, ""],
    ["extended parameters without their length", "04 fc00 005a c0000201 ff | ff 00", 2, 0, ""],
    ["extended parameters beyond the message", "04 fc00 005a c0000201 ff | ff 0005 | 02 0002 0200 00", 2, 0, ""],
    ["an extended parameter beyond the others", "04 fc00 005a c0000201 ff | ff 0003 | 02 0001", 2, 0, ""],
    ["a capability beyond its parameter", "04 fc00 005a c0000201 04 | 02 02 41 04", 2, 0, ""],
  ];
  for (const [name, octets, code, subcode, data] of errors)
    it(`refuses ${name} with ${code}/${subcode}`, () => {
      const open = decodeOpen(unhex(octets));
      expect(open.ok ? open : { ...open.error, data: hex(open.error.data) }).toEqual({ code, subcode, data });
    });
});

describe("NOTIFICATION", () => {
  for (const { name, octets, value } of NOTIFICATIONS) {
    it(`reads ${name}`, () => expect(decodeNotification(body(octets))).toEqual(value));
    it(`writes ${name}`, () => expect(hex(encodeNotification(value))).toBe(hex(unhex(octets))));
  }
});

describe("KEEPALIVE", () => {
  it("is a header", () => expect(hex(encodeKeepalive())).toBe(hex(unhex(`${MARKER} 0013 04`))));
});

describe("ROUTE-REFRESH", () => {
  for (const { octets, value } of REFRESHES) {
    it(`reads ${value.subtype}`, () => expect(decodeRouteRefresh(body(octets), true)).toEqual({ ok: true, value }));
    it(`writes ${value.subtype}`, () =>
      expect(hex(encodeRouteRefresh(value.family, value.subtype as "request"))).toBe(hex(unhex(octets))));
  }

  it("sends a wrong length back with the whole message (RFC 7313 section 5)", () => {
    const long = `${MARKER} 0018 05 | 0001 01 01 00`;
    const refresh = decodeRouteRefresh(body(long), true);
    expect(refresh.ok ? null : refresh.error).toEqual(notification(7, 1, unhex(long)));
  });

  it("passes over what it does not know", () => {
    expect(decodeRouteRefresh(unhex("0001 09 01"), true)).toMatchObject({ value: { subtype: "unknown" } });
    expect(decodeRouteRefresh(unhex("0019 00 46"), true)).toMatchObject({ value: { family: null } });
    expect(decodeRouteRefresh(unhex("0001 09 01"), false)).toMatchObject({ value: { subtype: "request" } });
    expect(decodeRouteRefresh(unhex("0001 00 01 0203"), true)).toMatchObject({ value: { subtype: "request" } });
  });
});

describe("UPDATE", () => {
  for (const { name, octets, fourOctetAs = true, value } of UPDATES)
    it(`reads ${name}`, () =>
      expect(decodeUpdate(unhex(octets), { fourOctetAs, internal: true })).toEqual({ ok: true, value }));
});
