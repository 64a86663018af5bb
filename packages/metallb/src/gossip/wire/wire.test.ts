import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, parseMac, parsePrefix, type Result } from "#net";
import { LAN, readGossipConfig } from "../config.ts";
import { encodeMeta, macsOf, readMeta } from "../meta.ts";
import { crc32 } from "./crc32.ts";
import { decodeWatch, encodeWatch } from "./heartbeat.ts";
import { gossipKey } from "./key.ts";
import { compress, decompress } from "./lzw.ts";
import { decodeMessage, encodeMessage, type GossipMessage } from "./messages.ts";
import { unpack } from "./msgpack.ts";
import { decodePacket, encodePacket, type GossipCipher } from "./packet.ts";
import { decodeStream, encodeStream, type StreamMessage } from "./stream.ts";

const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const octets = fc.uint8Array({ maxLength: 40 });
const source = { sourceAddress: octets, sourcePort: fc.nat(65_535), sourceNode: fc.string({ maxLength: 20 }) };
const count = fc.nat(0xffffffff);
const name = fc.string({ maxLength: 40 });
const message: fc.Arbitrary<GossipMessage> = fc.oneof(
  fc.record({ kind: fc.constant("ping" as const), sequence: count, node: name, ...source }),
  fc.record({
    kind: fc.constant("indirect-ping" as const),
    sequence: count,
    target: octets,
    port: fc.nat(65_535),
    node: name,
    nack: fc.boolean(),
    ...source,
  }),
  fc.record({ kind: fc.constantFrom("ack" as const, "nack" as const), sequence: count }),
  fc.record({ kind: fc.constantFrom("suspect" as const, "dead" as const), incarnation: count, node: name, from: name }),
  fc.record({
    kind: fc.constant("alive" as const),
    incarnation: count,
    node: name,
    address: octets,
    port: fc.nat(65_535),
    meta: octets,
    versions: octets,
  }),
  fc.record({ kind: fc.constant("user" as const), payload: octets }),
);

/** Not a cipher, but as strict as one. */
const cipher: GossipCipher = {
  seal: (plain, nonce, additional) =>
    new Uint8Array([...plain.map((octet) => octet ^ 0x5a), ...nonce, ...tag(additional)]),
  open: (sealed, nonce, additional) => {
    const end = sealed.length - 16;
    const expected = [...nonce, ...tag(additional)];
    if (end < 0 || expected.some((octet, i) => sealed[end + i] !== octet)) return null;
    return sealed.slice(0, end).map((octet) => octet ^ 0x5a);
  },
  nonce: () => Uint8Array.from({ length: 12 }, (_, i) => i),
};
const tag = (additional: Uint8Array): number[] =>
  [additional.length, ...additional.subarray(0, 3), 0, 0, 0].slice(0, 4);

describe("messages", () => {
  it("are as Go's codec writes them", () => {
    // ack{SeqNo: 300, Payload: nil} and suspect{Incarnation: 1, Node: "a", From: "b"}, as memberlist 0.5.1 sends them.
    expect(encodeMessage({ kind: "ack", sequence: 300 })).toEqual(
      hex("02 82 a5 5365714e6f cd 012c a7 5061796c6f6164 c0"),
    );
    expect(encodeMessage({ kind: "suspect", incarnation: 1, node: "a", from: "b" })).toEqual(
      hex("03 83 ab 496e6361726e6174696f6e 01 a4 4e6f6465 a1 61 a4 46726f6d a1 62"),
    );
  });

  it("are read as they were written", () => {
    fc.assert(
      fc.property(message, (each) => {
        expect(decodeMessage(encodeMessage(each))).toEqual(each);
      }),
    );
  });

  it("go through datagrams: alone and together, compressed, checked and sealed", () => {
    const options = { compress: fc.boolean(), check: fc.boolean(), sealed: fc.boolean() };
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 12 }), fc.record(options), (all, how) => {
        const key = how.sealed ? cipher : null;
        const bytes = encodePacket(all.map(encodeMessage), { cipher: key, compress: how.compress }, how.check);
        expect(decodePacket(bytes, key)).toEqual(all);
        if (how.sealed) {
          expect(decodePacket(bytes, null)).not.toEqual(all);
          expect(decodePacket(bytes.with(bytes.length - 1, 0xee), cipher)).toBeNull();
        }
      }),
    );
  });

  it("that fail their checksum are dropped", () => {
    const bytes = encodePacket([encodeMessage({ kind: "ack", sequence: 1 })], { cipher: null, compress: false }, true);
    expect(decodePacket(bytes, null)).toHaveLength(1);
    expect(decodePacket(bytes.with(9, 0), null)).toBeNull();
  });

  it("of any octets are read without an exception", () => {
    const packets = fc.tuple(fc.array(message, { minLength: 1, maxLength: 4 }), fc.boolean(), fc.boolean());
    const change = fc.record({ at: fc.nat(), to: fc.nat(255) });
    fc.assert(
      fc.property(packets, fc.array(change, { maxLength: 4 }), ([all, squeeze, check], changes) => {
        const bytes = encodePacket(all.map(encodeMessage), { cipher: null, compress: squeeze }, check);
        for (const { at, to } of changes) bytes[at % bytes.length] = to;
        decodePacket(bytes, null);
        decodeStream(bytes, { cipher: null, compress: false });
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        decodePacket(bytes, null);
        decodeStream(bytes, { cipher, compress: false });
        unpack(new ByteReader(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it("do not cost more than they are long", () => {
    // An array, and a map, of four thousand million elements.
    for (const lie of ["dd ffffffff", "df ffffffff"]) {
      const reader = new ByteReader(hex(lie));
      unpack(reader);
      expect(reader.failed).toBe(true);
    }
    const bomb = compress(new Uint8Array(1_000_000));
    expect(bomb.length).toBeLessThan(4_000);
    expect(decompress(bomb, 65_536)).toBeNull();
  });
});

describe("tables over TCP", () => {
  const node = fc.record({
    name,
    address: octets,
    port: fc.nat(65_535),
    meta: octets,
    incarnation: count,
    state: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
    versions: octets,
  });
  const table: fc.Arbitrary<StreamMessage> = fc.oneof(
    fc.record({
      kind: fc.constant("push-pull" as const),
      join: fc.boolean(),
      nodes: fc.array(node, { maxLength: 20 }),
      userState: octets,
    }),
    fc.record({ kind: fc.constant("error" as const), text: name }),
  );

  it("are read as they were written, and not before the last octet has come", () => {
    fc.assert(
      fc.property(table, fc.boolean(), fc.boolean(), (each, squeeze, sealed) => {
        const options = { cipher: sealed ? cipher : null, compress: squeeze };
        const bytes = encodeStream(each, options);
        expect(decodeStream(bytes, options)).toEqual({ kind: "message", message: each });
        for (const part of [1, bytes.length >> 1, bytes.length - 1])
          expect(decodeStream(bytes.subarray(0, part), options).kind).toBe("more");
      }),
      { numRuns: 200 },
    );
  });

  it("are refused in clear text where a secret is set, and sealed where none is", () => {
    const hello: StreamMessage = { kind: "error", text: "x" };
    const [clear, sealed] = [null, cipher].map((each) => encodeStream(hello, { cipher: each, compress: false }));
    expect(decodeStream(clear as Uint8Array, { cipher, compress: false })).toMatchObject({ reason: "not encrypted" });
    expect(decodeStream(sealed as Uint8Array, { cipher: null, compress: false })).toMatchObject({
      reason: "encrypted, and no secret is set here",
    });
  });
});

it("compresses and opens again anything, over every width of a code", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (plain) => {
      expect(decompress(compress(plain), 2_000)).toEqual(plain);
    }),
  );
  const long = Uint8Array.from({ length: 60_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff);
  expect(Buffer.compare(decompress(compress(long), 60_000) ?? Buffer.of(), long)).toBe(0);
  // What Go's compress/lzw makes of "tobeornottobe".
  expect(compress(ascii("tobeornottobe"))).toEqual(hex("00e9bc1153e68d1c376fe808241810"));
});

it("sums as IEEE 802.3 does", () => expect(crc32(ascii("123456789"))).toBe(0xcbf43926));

it("derives MetalLB's key: the secret, and as much of SHA-256 of nothing as is missing", () => {
  const short = gossipKey("0123456789012345678901");
  expect(Buffer.from(short ?? []).toString("hex")).toBe(
    `${Buffer.from("0123456789012345678901").toString("hex")}e3b0c44298fc1c149afb`,
  );
  expect(gossipKey("x".repeat(40))).toEqual(ascii("x".repeat(32)));
  expect(gossipKey("")).toBeNull();
});

describe("what our speakers say of themselves", () => {
  const mac = must(parseMac("02:00:00:00:00:01"));
  const subnets = ["192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/64", "2001:db8::/33"].map((text) =>
    must(parsePrefix(text)),
  );
  const eth0 = { name: "eth0", mac, arp: true, ndp: false, subnets };

  it("is a mark and the interfaces that they answer on", () => {
    expect(readMeta(encodeMeta([eth0]))).toEqual({ links: [eth0], isWhole: true });
    expect(macsOf(encodeMeta([eth0]))).toEqual([mac]);
    expect(readMeta(encodeMeta(null))).toEqual({ links: null, isWhole: true });
    expect(readMeta(encodeMeta([]))).toEqual({ links: [], isWhole: true });
    expect(readMeta(new Uint8Array())).toBeNull();
    expect(readMeta(Uint8Array.of(0x6d, 0x74, 0x73, 0x31, 2, 0, 0, 0, 0, 1))).toBeNull();
  });

  it("leaves out addresses without a subnet, and says when not all fits", () => {
    const lone = {
      ...eth0,
      subnets: ["192.0.2.1/32", "fe80::/64", "2001:db8::1/128"].map((t) => must(parsePrefix(t))),
    };
    expect(readMeta(encodeMeta([lone]))).toEqual({ links: [{ ...eth0, subnets: [] }], isWhole: true });
    const many = encodeMeta(Array.from({ length: 100 }, (_, i) => ({ ...eth0, name: `eth${i}` })));
    expect(many.length).toBeLessThanOrEqual(512);
    const read = readMeta(many);
    expect(read).toMatchObject({ isWhole: false });
    expect(read?.links?.length).toBeGreaterThan(8);
  });

  it("is refused or read whatever octets it is, and never throws", () => {
    const good = encodeMeta([eth0, eth0]);
    for (let cut = 4; cut < good.length; cut += 1) expect(readMeta(good.subarray(0, cut))).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        readMeta(Uint8Array.of(0x6d, 0x74, 0x73, 0x32, ...octets));
      }),
    );
  });
});

it("reads its own beats, and nothing else", () => {
  for (const each of [
    { kind: "subscribe" },
    { kind: "welcome" },
    { kind: "beat", sequence: 7 },
    { kind: "ask", node: "n" },
    { kind: "heard", node: "n", ago: 12 },
  ] as const)
    expect(decodeWatch(encodeWatch(each))).toEqual(each);
  expect(decodeWatch(ascii("something else"))).toBeNull();
  expect(decodeWatch(new Uint8Array())).toBeNull();
});

describe("config.json", () => {
  const file = {
    TCPTimeout: "10s",
    IndirectChecks: 3,
    RetransmitMult: 4,
    SuspicionMult: 4,
    SuspicionMaxTimeoutMult: 6,
    PushPullInterval: "30s",
    ProbeTimeout: "500ms",
    ProbeInterval: "1s",
    DisableTcpPings: false,
    AwarenessMaxMultiplier: 8,
    GossipNodes: 3,
    GossipInterval: "200ms",
    GossipToTheDeadTime: "0m30s",
    GossipVerifyIncoming: true,
    GossipVerifyOutgoing: true,
    EnableCompression: true,
    HandoffQueueDepth: 1024,
    UDPBufferSize: 1400,
    QueueCheckInterval: "30s",
  };

  it("is read as the library's profile says it", () =>
    expect(readGossipConfig(file)).toEqual({ ok: true, value: LAN }));

  it.each([
    [{ ...file, ProbeTimeout: 500 }, 'ProbeTimeout must be a duration such as "500ms"'],
    [{ ...file, GossipNodes: undefined }, "GossipNodes must be a whole number"],
    [{ ...file, EnableCompression: "yes" }, "EnableCompression must be true or false"],
    [{ ...file, Extra: 1 }, '"Extra" is not known'],
    [[], "the file holds no JSON object"],
  ])("is refused when wrong", (json, error) => expect(readGossipConfig(json)).toEqual({ ok: false, error }));
});
