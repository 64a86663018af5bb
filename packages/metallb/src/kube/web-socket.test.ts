import { describe, expect, it } from "vitest";
import { encodeFrame, FrameReader, type Message, OPCODE } from "./web-socket.ts";

const MASK = Buffer.from([1, 2, 3, 4]);

/** As a server sends: not masked. */
function served(opcode: number, payload: Buffer, isLast = true): Buffer {
  const head =
    payload.length < 126
      ? Buffer.from([0, payload.length])
      : Buffer.from([0, 126, payload.length >> 8, payload.length & 255]);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  return Buffer.concat([head, payload]);
}

const read = (octets: Buffer, piece: number): Message[] => {
  const reader = new FrameReader();
  const messages: Message[] = [];
  for (let at = 0; at < octets.length; at += piece) messages.push(...reader.push(octets.subarray(at, at + piece)));
  return messages;
};

describe("frames of a WebSocket", () => {
  it.each([0, 1, 125, 126, 65_535, 65_536])(
    "of %i octets are masked, and their length is in the shortest form",
    (length) => {
      const payload = Buffer.alloc(length, 7);
      const frame = encodeFrame(OPCODE.binary, payload, MASK);
      const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
      expect(frame.length).toBe(size + 4 + length);
      expect((frame[1] ?? 0) & 0x80).toBe(0x80);
      const unmasked = frame.subarray(size + 4).map((octet, i) => octet ^ (MASK[i & 3] ?? 0));
      expect(Buffer.compare(Buffer.from(unmasked), payload)).toBe(0);
    },
  );

  it.each([1, 2, 3, 1_000])(
    "are read in pieces of %i octets, with control frames between the parts of a message",
    (piece) => {
      const long = Buffer.alloc(300, 5);
      const octets = Buffer.concat([
        served(OPCODE.binary, Buffer.from("ab"), false),
        served(OPCODE.ping, Buffer.from("?")),
        served(OPCODE.continuation, Buffer.from("cd")),
        served(OPCODE.binary, long),
        served(OPCODE.close, Buffer.alloc(0)),
      ]);
      expect(read(octets, piece).map(({ opcode, payload }) => [opcode, payload.toString("latin1")])).toEqual([
        [OPCODE.ping, "?"],
        [OPCODE.binary, "abcd"],
        [OPCODE.binary, long.toString("latin1")],
        [OPCODE.close, ""],
      ]);
    },
  );

  it("that break the protocol, or are longer than anything that is asked for, are refused", () => {
    expect(() => read(encodeFrame(OPCODE.binary, Buffer.from("x"), MASK), 100)).toThrow("masks");
    const huge = Buffer.alloc(10);
    huge[0] = 0x82;
    huge[1] = 127;
    huge.writeBigUInt64BE(2n ** 40n, 2);
    expect(() => read(huge, 100)).toThrow("too long");
  });
});
