import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPrefix, hostPrefix, ip, type Prefix, prefixOf } from "#net";
import { anyPrefix } from "#net/testing";
import type { PathAttributes, TableChange } from "../settings.ts";
import { address, announce, hex, hostRoutes, PLAIN, Reader, unhex, withdraw } from "../testing.ts";
import { type PackParameters, packUpdates } from "./pack.ts";
import { type Entry, RouteTable } from "./route-table.ts";

const EXTERNAL: PackParameters = {
  localAs: 64500,
  internal: false,
  fourOctetAs: true,
  nextHop: { "ipv4-unicast": address("192.0.2.10"), "ipv6-unicast": address("2001:db8::10") },
  limit: 4096,
  leaving: false,
};
const INTERNAL = { ...EXTERNAL, internal: true };
const LONG = { ...EXTERNAL, limit: 65535 };
const ONE_COMMUNITY = { ...PLAIN, communities: [0xfbf40064] };

const MARKER = "ffffffffffffffffffffffffffffffff";

function tableOf(change: TableChange): RouteTable {
  const table = new RouteTable();
  table.apply(change);
  return table;
}

const pack = (change: TableChange, parameters: PackParameters): Uint8Array[] =>
  packUpdates(tableOf(change).standing(), parameters);

/** Withdrawal of all that the change announces. */
function packWithdrawal(change: TableChange, parameters: PackParameters): Uint8Array[] {
  const table = tableOf(change);
  const { position } = table;
  table.apply({ table: "all", announce: [], withdraw: change.announce.map(({ prefix }) => prefix) });
  return packUpdates(table.since(position), parameters);
}

const FOUR = [...tableOf(hostRoutes(100_000)).standing()];
const SIX = [
  ...tableOf({
    table: "all",
    announce: Array.from({ length: 50_000 }, (_, i) => ({
      prefix: hostPrefix(ip(6, (0x20010db8n << 96n) + BigInt(i))),
      attributes: PLAIN,
    })),
    withdraw: [],
  }).standing(),
];
const packFirst =
  (entries: readonly Entry[], parameters: PackParameters, attributes: PathAttributes | null = PLAIN) =>
  (count: number): Uint8Array[] =>
    packUpdates(
      entries.slice(0, count).map((entry) => ({ ...entry, attributes })),
      parameters,
    );

/** By the headers alone. */
function measure(chunks: readonly Uint8Array[]) {
  let messages = 0;
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; messages++) at += ((chunk[at + 16] ?? 0) << 8) | (chunk[at + 17] ?? 0);
  return { messages, bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0) };
}

function firstMessage([chunk = new Uint8Array()]: readonly Uint8Array[]): string {
  const reader = new Reader();
  reader.read([chunk.subarray(0, ((chunk[16] ?? 0) << 8) | (chunk[17] ?? 0))]);
  return reader.heard[0] ?? "";
}

/** Messages and octets for so many prefixes: the exact floor of BGP. */
const FLOOR: readonly [string, (count: number) => Uint8Array[], string, readonly [number, number, number][]][] = [
  [
    "IPv4 to an external peer",
    packFirst(FOUR, EXTERNAL),
    "update +810 -0",
    [
      [1, 1, 48],
      [1_000, 2, 5_086],
      [10_000, 13, 50_559],
      [50_000, 62, 252_666],
      [100_000, 124, 505_332],
    ],
  ],
  [
    "IPv4 to an internal peer",
    packFirst(FOUR, INTERNAL),
    "update +810 -0",
    [
      [1, 1, 49],
      [1_000, 2, 5_088],
      [10_000, 13, 50_572],
      [50_000, 62, 252_728],
      [100_000, 124, 505_456],
    ],
  ],
  [
    "IPv4 with one community",
    packFirst(FOUR, EXTERNAL, ONE_COMMUNITY),
    "update +809 -0",
    [
      [1, 1, 55],
      [1_000, 2, 5_100],
      [10_000, 13, 50_650],
      [100_000, 124, 506_200],
    ],
  ],
  [
    "IPv4 in messages of 65,535 octets",
    packFirst(FOUR, LONG),
    "update +13098 -0",
    [
      [1, 1, 48],
      [1_000, 1, 5_043],
      [10_000, 1, 50_043],
      [50_000, 4, 250_172],
      [100_000, 8, 500_344],
    ],
  ],
  [
    "IPv6",
    packFirst(SIX, EXTERNAL),
    "update +237 -0",
    [
      [1, 1, 78],
      [1_000, 5, 17_305],
      [10_000, 43, 172_623],
      [50_000, 211, 862_871],
    ],
  ],
  [
    "IPv4 withdrawals",
    packFirst(FOUR, EXTERNAL, null),
    "update +0 -814",
    [
      [1, 1, 28],
      [1_000, 2, 5_046],
      [10_000, 13, 50_299],
      [50_000, 62, 251_426],
      [100_000, 123, 502_829],
    ],
  ],
];

/** `40.0.0.0/length` and on. */
const ofLength = (count: number, length: number) =>
  Array.from({ length: count }, (_, i) => prefixOf(ip(4, BigInt(0x28000000 + i * 2 ** (32 - length))), length));
/** IPv6 prefixes of 32 bits: five octets each. */
const shortSix = (count: number) =>
  Array.from({ length: count }, (_, i) => prefixOf(ip(6, BigInt(0x20010000 + i) << 96n), 32));

describe("a message", () => {
  const change = (prefixes: readonly Prefix[], attributes = PLAIN): TableChange => ({
    table: "all",
    announce: prefixes.map((prefix) => ({ prefix, attributes })),
    withdraw: [],
  });
  const lengths = (chunks: readonly Uint8Array[]) =>
    chunks.flatMap((chunk) => {
      const all: number[] = [];
      for (let at = 0; at < chunk.length; at += all.at(-1) ?? 1)
        all.push(((chunk[at + 16] ?? 0) << 8) | (chunk[at + 17] ?? 0));
      return all;
    });

  it("is filled to the last octet where the prefixes come out even", () => {
    // 43 octets of header, lengths and attributes, and 1,351 prefixes of three.
    expect(lengths(pack(change(ofLength(1_351, 16)), EXTERNAL))).toEqual([4_096]);
    expect(lengths(pack(change(ofLength(1_352, 16)), EXTERNAL))).toEqual([4_096, 46]);
  });

  it("is never longer than the limit, and has no room for another prefix unless it is the last", () => {
    for (const prefixes of [ofLength(2_000, 32), shortSix(2_000)])
      for (const attributes of [PLAIN, ONE_COMMUNITY])
        for (const packed of [pack, packWithdrawal]) {
          const all = lengths(packed(change(prefixes, attributes), EXTERNAL));
          expect(all.length).toBeGreaterThan(2);
          for (const length of all) expect(length).toBeLessThanOrEqual(4_096);
          for (const length of all.slice(0, -1)) expect(length).toBeGreaterThan(4_096 - 5);
        }
  });

  it("is none where there is nothing to tell", () => {
    expect(packUpdates([], EXTERNAL)).toEqual([]);
  });

  it("carries as many communities as fit it beside all else, and a route with more is withdrawn", () => {
    const said = (communities: number, large: number) => {
      const attributes: PathAttributes = {
        ...PLAIN,
        communities: Array.from({ length: communities }, (_, i) => i),
        largeCommunities: Array.from({ length: large }, (_, i) => [64500, 0, i] as const),
      };
      return firstMessage(pack(announce(["10.0.0.0/8"], attributes), EXTERNAL));
    };
    const [announced, withdrawn] = ["update +1 -0", "update +0 -1"];
    expect([said(944, 0), said(945, 0)]).toEqual([announced, withdrawn]);
    expect([said(0, 314), said(0, 315)]).toEqual([announced, withdrawn]);
    expect([said(500, 148), said(500, 149)]).toEqual([announced, withdrawn]);
  });
});

describe("the floor", () => {
  for (const [name, send, first, rows] of FLOOR) {
    for (const [count, messages, bytes] of rows)
      it(`${name}: ${count} prefixes in ${messages} messages of ${bytes} octets`, () => {
        expect(measure(send(count))).toMatchObject({ messages, bytes });
      });
    it(`${name}: a full message is ${first}`, () => expect(firstMessage(send(14_000))).toBe(first));
  }

  it("is what any mixture of prefix lengths needs, too", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(32), { minLength: 1500, maxLength: 1500 }), (lengths) => {
        const change = {
          table: "all",
          announce: lengths.map((length, i) => ({
            prefix: prefixOf(ip(4, BigInt(i) << 21n), length),
            attributes: PLAIN,
          })),
          withdraw: [],
        };
        const kept = new Map(change.announce.map(({ prefix }) => [formatPrefix(prefix), prefix.length]));
        const octets = [...kept.values()].reduce((sum, length) => sum + 1 + ((length + 7) >> 3), 0);
        // A message is only closed when the next prefix, at most five octets, does not fit.
        expect(measure(pack(change, EXTERNAL)).messages).toBeLessThanOrEqual(Math.ceil(octets / (4096 - 43 - 4)));
      }),
      { numRuns: 5 },
    );
  });
});

describe("an AS number at the end of two octets", () => {
  const octets = (localAs: number, linkBandwidth: number | null) =>
    hex(
      pack(announce(["10.0.0.0/8"], { ...PLAIN, linkBandwidth }), { ...EXTERNAL, fourOctetAs: false, localAs })[0] ??
        new Uint8Array(),
    );

  it("is written as it is up to 65,535, and as AS_TRANS beyond (RFC 6793)", () => {
    expect(octets(65_535, null)).toContain("4002040201ffff");
    expect(octets(65_536, null)).toContain("40020402015ba0");
    // The link bandwidth has two octets for it in any case.
    expect(octets(65_535, 1)).toContain("c010084004ffff3f800000");
    expect(octets(65_536, 1)).toContain("c0100840045ba03f800000");
  });
});

describe("the octets of", () => {
  const one = (change: TableChange, parameters: PackParameters) => hex(pack(change, parameters)[0] ?? new Uint8Array());
  const all: PathAttributes = { localPref: 200, communities: [0xfbf40064], largeCommunities: [[64500, 1, 2]] };
  const four = announce(["198.51.100.7/32"], all);

  it("a route to an external peer", () => {
    expect(one(four, EXTERNAL)).toBe(
      hex(
        unhex(
          `${MARKER} 0046 02 0000 002a | 40 01 01 00 | 40 02 06 02 01 0000fbf4 | 40 03 04 c000020a | c0 08 04 fbf40064 | c0 20 0c 0000fbf4 00000001 00000002 | 20 c6336407`,
        ),
      ),
    );
  });

  it("a route to an internal peer", () => {
    expect(one(four, INTERNAL)).toBe(
      hex(
        unhex(
          `${MARKER} 0047 02 0000 002b | 40 01 01 00 | 40 02 00 | 40 03 04 c000020a | 40 05 04 000000c8 | c0 08 04 fbf40064 | c0 20 0c 0000fbf4 00000001 00000002 | 20 c6336407`,
        ),
      ),
    );
  });

  it("a route to a peer of two octets, from an AS that does not fit them", () => {
    const old = { ...EXTERNAL, fourOctetAs: false, localAs: 4_200_000_000 };
    expect(one(announce(["10.0.0.0/8"]), old)).toBe(
      hex(
        unhex(
          `${MARKER} 0034 02 0000 001b | 40 01 01 00 | 40 02 04 02 01 5ba0 | 40 03 04 c000020a | c0 11 06 02 01 fa56ea00 | 08 0a`,
        ),
      ),
    );
  });

  it("a route to a peer of two octets, from an AS that fits them", () => {
    const reader = new Reader(false);
    reader.read(pack(announce(["10.0.0.0/8"]), { ...EXTERNAL, fourOctetAs: false }));
    expect(reader.routes.get("10.0.0.0/8")?.asPath).toEqual([64500]);
  });

  it("an IPv6 route", () => {
    expect(one(announce(["2001:db8::ff/128"]), EXTERNAL)).toBe(
      hex(
        unhex(
          `${MARKER} 004e 02 0000 0037 | 90 0e 0026 0002 01 10 20010db8000000000000000000000010 00 80 20010db80000000000000000000000ff | 40 01 01 00 | 40 02 06 02 01 0000fbf4`,
        ),
      ),
    );
  });

  it("an IPv4 route over an IPv6 next hop (RFC 8950)", () => {
    const over = { ...EXTERNAL, nextHop: { ...EXTERNAL.nextHop, "ipv4-unicast": address("2001:db8::10") } };
    const reader = new Reader();
    reader.read(pack(four, over));
    expect(reader.routes.get("198.51.100.7/32")?.nextHop).toEqual(address("2001:db8::10"));
  });

  it("LOCAL_PREF 100 where none is set", () => {
    const reader = new Reader();
    reader.read(pack(announce(["10.0.0.0/8"]), INTERNAL));
    expect(reader.routes.get("10.0.0.0/8")?.localPref).toBe(100);
  });

  it("more communities than one octet of length counts", () => {
    const communities = Array.from({ length: 900 }, (_, i) => i);
    const reader = new Reader();
    reader.read(pack(announce(["10.0.0.0/8", "2001:db8::/32"], { ...PLAIN, communities }), EXTERNAL));
    expect(reader.routes.get("10.0.0.0/8")?.communities).toEqual(communities);
    expect(reader.routes.get("2001:db8::/32")?.communities).toEqual(communities);
  });

  it("what comes before what goes: a peer has the new way first", () => {
    for (const [parts, whole] of [
      [["10.0.0.0/25", "10.0.0.128/25"], "10.0.0.0/24"],
      [["2001:db8::/65", "2001:db8:0:0:8000::/65"], "2001:db8::/64"],
    ] as const) {
      const table = new RouteTable();
      table.apply(announce(parts));
      const position = table.position;
      table.apply({ ...announce([whole]), withdraw: withdraw(parts).withdraw });
      const reader = new Reader();
      reader.read(packUpdates(table.since(position), EXTERNAL));
      expect(reader.heard).toEqual(["update +1 -0", "update +0 -2"]);
      expect([...reader.routes.keys()]).toEqual([whole]);
      // Also where they do not go in one turn.
      expect([...table.since(position)].map(({ attributes }) => attributes !== null)).toEqual([true, false, false]);
    }
  });

  it("nothing but a withdrawal for attributes that fit no message", () => {
    const communities = Array.from({ length: 2000 }, (_, i) => i);
    const change = announce(["10.0.0.0/8"], { ...PLAIN, communities });
    expect(firstMessage(pack(change, EXTERNAL))).toBe("update +0 -1");
    expect(firstMessage(pack(change, LONG))).toBe("update +1 -0");
  });
});

describe("more octets than one system call takes", () => {
  it("come in chunks of some 256 KiB, in which no message is cut", () => {
    // Each route has attributes of its own, so that each is a message of 300 octets and more.
    const first = hostRoutes(1_800).announce.map(({ prefix }, i) => ({
      prefix,
      attributes: { ...PLAIN, communities: Array.from({ length: 70 }, (_, k) => 100 * i + k) },
    }));
    const chunks = pack({ table: "all", announce: first, withdraw: [] }, EXTERNAL);
    const lengths = chunks.map((chunk) => chunk.length);
    expect(lengths).toHaveLength(3);
    for (const length of lengths.slice(0, -1)) {
      expect(length).toBeGreaterThanOrEqual(256 * 1024);
      expect(length).toBeLessThan(256 * 1024 + 4096);
    }
    const reader = new Reader();
    for (const chunk of chunks) reader.read([chunk]);
    expect(reader.routes.size).toBe(1_800);
    expect(reader.heard).toHaveLength(1_800);
  });
});

describe("what is packed", () => {
  const attributes = fc.record({
    localPref: fc.option(fc.nat(0xffffffff)),
    communities: fc.uniqueArray(fc.nat(0xffffffff), { maxLength: 70 }),
    largeCommunities: fc.array(fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff)), { maxLength: 5 }),
  });
  const routes = fc
    .tuple(fc.array(attributes, { minLength: 1, maxLength: 4 }), fc.uniqueArray(anyPrefix, { selector: formatPrefix }))
    .chain(([sets, prefixes]) =>
      fc
        .array(fc.nat(sets.length - 1), { minLength: prefixes.length, maxLength: prefixes.length })
        .map((chosen) => prefixes.map((prefix: Prefix, i) => ({ prefix, attributes: sets[chosen[i] ?? 0] ?? PLAIN }))),
    );

  it("is read again as it was", () => {
    fc.assert(
      fc.property(
        routes,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 0xffffffff }),
        (given, internal, fourOctetAs, localAs) => {
          const parameters = { ...EXTERNAL, internal, fourOctetAs, localAs };
          const reader = new Reader(fourOctetAs);
          reader.read(pack({ table: "all", announce: given, withdraw: [] }, parameters));
          expect(reader.routes.size).toBe(given.length);
          for (const { prefix, attributes: sent } of given)
            expect(reader.routes.get(formatPrefix(prefix))).toEqual({
              origin: 0,
              asPath: internal ? [] : [localAs],
              multiExitDisc: null,
              localPref: internal ? (sent.localPref ?? 100) : null,
              communities: sent.communities,
              largeCommunities: sent.largeCommunities,
              nextHop: parameters.nextHop[prefix.ip.family === 4 ? "ipv4-unicast" : "ipv6-unicast"],
            });
        },
      ),
    );
  });

  it("is withdrawn again wholly", () => {
    fc.assert(
      fc.property(routes, (given) => {
        const reader = new Reader();
        const change = { table: "all", announce: given, withdraw: [] };
        reader.read(pack(change, EXTERNAL));
        reader.read(packWithdrawal(change, EXTERNAL));
        expect(reader.routes.size).toBe(0);
      }),
    );
  });

  it("notes nothing for a change that changes nothing", () => {
    const table = new RouteTable();
    table.apply(announce(["10.0.0.0/8"]));
    const { position } = table;
    table.apply(announce(["10.0.0.0/8"], { ...PLAIN }));
    table.apply(withdraw(["10.0.0.1/32"]));
    expect(table.position).toBe(position);
  });
});
