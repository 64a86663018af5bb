import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ControlPacket, decodeControl, encodeControl } from "./packet.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

const PACKET: ControlPacket = {
  diagnostic: 0,
  state: "Up",
  poll: true,
  final: false,
  controlPlaneIndependent: false,
  authenticated: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 0x01020304,
  yourDiscriminator: 0x0a0b0c0d,
  desiredMinTx: 300_000,
  requiredMinRx: 50_000,
  requiredMinEchoRx: 0,
};

/** RFC 5880 section 4.1, octet by octet. */
const GOLDEN: readonly [string, ControlPacket][] = [
  ["20 e0 03 18 01020304 0a0b0c0d 000493e0 0000c350 00000000", PACKET],
  [
    "21 50 05 18 00000001 00000000 000f4240 000f4240 0000c350",
    {
      ...PACKET,
      diagnostic: 1,
      state: "Down",
      poll: false,
      final: true,
      detectMultiplier: 5,
      myDiscriminator: 1,
      yourDiscriminator: 0,
      desiredMinTx: 1_000_000,
      requiredMinRx: 1_000_000,
      requiredMinEchoRx: 50_000,
    },
  ],
  [
    "27 0a 03 18 ffffffff 00000000 000f4240 000f4240 00000000",
    {
      ...PACKET,
      diagnostic: 7,
      state: "AdminDown",
      poll: false,
      controlPlaneIndependent: true,
      demand: true,
      myDiscriminator: 0xffffffff,
      yourDiscriminator: 0,
      desiredMinTx: 1_000_000,
      requiredMinRx: 1_000_000,
    },
  ],
];

describe("a control packet", () => {
  for (const [octets, packet] of GOLDEN)
    it(`is ${octets}`, () => {
      expect(decodeControl(unhex(octets))).toEqual({ ok: true, value: packet });
      expect(hex(encodeControl(packet))).toBe(octets.replaceAll(" ", ""));
    });

  const GOOD = GOLDEN[0]?.[0] ?? "";
  const put = (at: number, octet: string): Uint8Array => {
    const bytes = unhex(GOOD);
    bytes.set(unhex(octet), at);
    return bytes;
  };
  const DISCARDED: readonly [string, Uint8Array][] = [
    ["version 0", put(0, "00")],
    ["version 2", put(0, "40")],
    ["a length below 24", put(3, "17")],
    ["a length beyond the datagram", put(3, "19")],
    ["a length without room for the authentication that it announces", put(1, "e4")],
    ["multiplier 0", put(2, "00")],
    ["the multipoint bit", put(1, "e1")],
    ["discriminator 0", put(4, "00000000")],
    ["no session named in state Up", put(8, "00000000")],
    ["no session named in state Init", put(1, "80 03 18 01020304 00000000".replaceAll(" ", ""))],
    ["23 octets", unhex(GOOD).subarray(0, 23)],
    ["nothing", new Uint8Array()],
  ];
  for (const [name, bytes] of DISCARDED) it(`is discarded: ${name}`, () => expect(decodeControl(bytes).ok).toBe(false));

  it("is read from any octets without an exception, and what is read is written again", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const like = Uint8Array.from(bytes);
        if (like.length > 3) like.set([0x20 | ((like[0] ?? 0) & 0x1f), like[1] ?? 0, like[2] ?? 0, 24]);
        for (const each of [bytes, like]) {
          const read = decodeControl(each);
          if (!read.ok || read.value.authenticated) continue;
          expect(decodeControl(encodeControl(read.value))).toEqual(read);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
