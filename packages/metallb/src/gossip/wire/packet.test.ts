import { describe, expect, it } from "vitest";
import { crc32 } from "./crc32.ts";
import { decodeWatch, encodeWatch } from "./heartbeat.ts";
import { compress, decompress } from "./lzw.ts";
import { decodeMessage, encodeMessage, type GossipMessage, TYPE } from "./messages.ts";
import { compressed, decodePacket, encodePacket, type GossipCipher, openPayload, sealPayload } from "./packet.ts";
import { decodeStream, encodeStream, MAX_STREAM, type StreamMessage } from "./stream.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const join = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const NOTHING = new Uint8Array();
const CLEAR = { cipher: null, compress: false };

/** Opens what it is given as it is: what is sealed decides the test. */
const open: GossipCipher = {
  seal: (plain) => join(plain, new Uint8Array(16)),
  open: (sealed) => sealed.slice(0, -16),
  nonce: () => new Uint8Array(12).fill(9),
};
const ack = (sequence: number): Uint8Array => encodeMessage({ kind: "ack", sequence });
const user = (length: number): GossipMessage => ({ kind: "user", payload: new Uint8Array(length).fill(7) });

describe("a sealed packet", () => {
  it("is a version, the nonce, and what the cipher makes of the rest", () => {
    const sealed = sealPayload(Uint8Array.of(1, 2), open, NOTHING);
    expect(toHex(sealed)).toBe(`01${"09".repeat(12)}0102${"00".repeat(16)}`);
  });

  it("hands the cipher nonce, additional data and the rest", () => {
    const given: unknown[] = [];
    const cipher: GossipCipher = {
      ...open,
      open: (sealed, nonce, additional) => {
        given.push(toHex(sealed), toHex(nonce), toHex(additional));
        return null;
      },
    };
    expect(openPayload(hex(`01${"0a".repeat(12)}${"0b".repeat(16)}`), cipher, Uint8Array.of(5))).toBeNull();
    expect(given).toEqual(["0b".repeat(16), "0a".repeat(12), "05"]);
  });

  const version = (octet: number, plain: readonly number[]) =>
    openPayload(join([octet], new Uint8Array(12), plain, new Uint8Array(16)), open, NOTHING);

  it("of version 1 is taken as it is, of version 0 without its padding", () => {
    expect(version(1, [5, 6, 1])).toEqual(Uint8Array.of(5, 6, 1));
    expect(version(1, [])).toEqual(NOTHING);
    expect(version(0, [5, 6, 1])).toEqual(Uint8Array.of(5, 6));
    expect(version(0, [5, 3, 3, 3])).toEqual(Uint8Array.of(5));
    expect(version(0, Array(16).fill(16))).toEqual(NOTHING);
    expect(version(0, Array(17).fill(17))).toBeNull();
    expect([version(0, [5, 0]), version(0, [9]), version(0, [])]).toEqual([null, null, null]);
  });

  it("of another version, or too short, is none", () => {
    expect(version(2, [1])).toBeNull();
    for (const length of [0, 1, 28]) expect(openPayload(new Uint8Array(length).fill(1), open, NOTHING)).toBeNull();
    expect(openPayload(new Uint8Array(29).fill(1), open, NOTHING)).toEqual(NOTHING);
  });
});

describe("a datagram", () => {
  const packet = (...parts: readonly Uint8Array[]) => encodePacket(parts, CLEAR, false);

  it("of one message is that message, of several one that names their lengths", () => {
    expect(packet(ack(1))).toEqual(ack(1));
    expect(toHex(packet(Uint8Array.of(1, 2), Uint8Array.of(3)))).toBe("0702 0002 0001 0102 03".replaceAll(" ", ""));
    expect(toHex(encodePacket([ack(1)], CLEAR, true))).toBe(
      `0c${crc32(ack(1)).toString(16).padStart(8, "0")}${toHex(ack(1))}`,
    );
  });

  it("is read as far as its parts are there", () => {
    expect(decodePacket(hex("07 02 0003 0003 02 80"), null)).toBeNull();
    const two = packet(ack(1), ack(2));
    expect(decodePacket(two, null)).toHaveLength(2);
    expect(decodePacket(two.subarray(0, -1), null)).toEqual([{ kind: "ack", sequence: 1 }]);
    expect(decodePacket(hex("07 05 0001"), null)).toBeNull();
    // A part that cannot be read takes none of the others away.
    expect(decodePacket(packet(Uint8Array.of(0xee), ack(2)), null)).toEqual([{ kind: "ack", sequence: 2 }]);
    expect(decodePacket(packet(NOTHING, ack(2)), null)).toEqual([{ kind: "ack", sequence: 2 }]);
    expect(decodePacket(NOTHING, null)).toBeNull();
    expect(decodePacket(hex("07 00"), null)).toEqual([]);
  });

  it("is wrapped four times at most", () => {
    const wrapped = (times: number) => {
      let bytes = ack(1);
      for (let i = 0; i < times; i++) bytes = encodePacket([bytes], CLEAR, true);
      return decodePacket(bytes, null);
    };
    expect([wrapped(4), wrapped(5)]).toEqual([[{ kind: "ack", sequence: 1 }], null]);
    const inParts = (times: number) => {
      let bytes = ack(1);
      for (let i = 0; i < times; i++) bytes = packet(bytes, ack(9));
      return decodePacket(bytes, null)?.length;
    };
    expect([inParts(4), inParts(5)]).toEqual([5, 4]);
  });

  it("that says a sum and is cut, or has another, is dropped", () => {
    const good = encodePacket([ack(1)], CLEAR, true);
    for (let cut = 0; cut < good.length; cut++) expect(decodePacket(good.subarray(0, cut), null)).toBeNull();
    for (let at = 0; at < good.length; at++)
      expect(decodePacket(good.with(at, (good[at] as number) ^ 1), null)).not.toEqual([{ kind: "ack", sequence: 1 }]);
  });
});

describe("what is compressed", () => {
  it("is shorter than it was, or left as it is", () => {
    const short = new Uint8Array(95);
    expect(compressed(short)).toBe(short);
    expect(compressed(new Uint8Array(96))[0]).toBe(TYPE.compress);
    const noise = Uint8Array.from({ length: 200 }, (_, i) => (i * 167 + ((i * i * 13) % 251)) & 255);
    expect(compressed(noise)).toBe(noise);
  });

  it("names its algorithm, and opens to 64 KiB at most", () => {
    const plain = encodeMessage(user(300));
    const bytes = compressed(plain);
    expect(decodePacket(bytes, null)).toEqual([user(300)]);
    // {Algo: 1, …}
    const other = bytes.with(bytes.indexOf(0x6f) + 1, 1);
    expect(decodePacket(other, null)).toBeNull();
    const most = (1 << 16) - 1;
    expect(decodePacket(compressed(encodeMessage(user(most))), null)).toHaveLength(1);
    expect(decodePacket(compressed(encodeMessage(user(most + 1))), null)).toBeNull();
  });

  it("of more strings than codes begins anew, as often as it must", () => {
    const random = (length: number) => {
      let state = 1;
      return Uint8Array.from({ length }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return state >>> 24;
      });
    };
    for (const length of [0, 1, 2, 255, 256, 257, 511, 512, 3_836, 3_837, 3_838, 3_839, 3_840, 3_841, 9_000]) {
      const plain = random(length);
      expect(Buffer.compare(decompress(compress(plain), length) ?? Buffer.of(1), plain)).toBe(0);
      if (length > 0) expect(decompress(compress(plain), length - 1)).toBeNull();
    }
    // No string is longer than the table's codes allow.
    const zeros = new Uint8Array(20_000);
    expect(Buffer.compare(decompress(compress(zeros), 20_000) ?? Buffer.of(1), zeros)).toBe(0);
    expect(compress(zeros).length).toBeLessThan(400);
  });

  it("is none when it is cut or names a code that is not there yet", () => {
    const good = compress(hex("0001000100010001"));
    for (let cut = 0; cut < good.length; cut++) expect(decompress(good.subarray(0, cut), 99)).toBeNull();
    // Codes of nine bits: clear, a literal 'a', then the next that is possible, which is "aa", and the end.
    const codes = (...all: readonly number[]) => {
      let bits = 0n;
      for (const [i, code] of all.entries()) bits |= BigInt(code) << BigInt(9 * i);
      return Uint8Array.from({ length: Math.ceil((9 * all.length) / 8) }, (_, i) =>
        Number((bits >> BigInt(8 * i)) & 255n),
      );
    };
    expect(decompress(codes(256, 97, 258, 257), 9)).toEqual(Uint8Array.of(97, 97, 97));
    expect(decompress(codes(256, 97, 259, 257), 9)).toBeNull();
    expect(decompress(codes(256, 258, 257), 9)).toBeNull();
    // Cleared, what was there is forgotten.
    expect(decompress(codes(256, 97, 98, 256, 258, 257), 9)).toBeNull();
    expect(decompress(codes(97, 98, 258, 257), 9)).toEqual(Uint8Array.of(97, 98, 97, 98));
  });
});

describe("over TCP", () => {
  const hello: StreamMessage = { kind: "error", text: "x" };
  const ping: StreamMessage = {
    kind: "ping",
    sequence: 5,
    node: "n",
    sourceAddress: NOTHING,
    sourcePort: 0,
    sourceNode: "",
  };
  const all: readonly StreamMessage[] = [
    hello,
    ping,
    { kind: "ack", sequence: 7 },
    { kind: "user", payload: Uint8Array.of(1, 2, 3) },
    {
      kind: "push-pull",
      join: true,
      userState: Uint8Array.of(9),
      nodes: [
        {
          name: "n",
          address: Uint8Array.of(10, 0, 0, 1),
          port: 7_946,
          meta: NOTHING,
          incarnation: 3,
          state: 3,
          versions: Uint8Array.of(1, 5, 2, 0, 0, 0),
        },
      ],
    },
  ];

  it.each(all)("$kind is read as it was written, and not before its last octet has come", (message) => {
    for (const options of [CLEAR, { cipher: open, compress: false }, { cipher: null, compress: true }]) {
      const bytes = encodeStream(message, options);
      expect(decodeStream(bytes, options)).toEqual({ kind: "message", message });
      for (let cut = 0; cut < bytes.length; cut++)
        expect(decodeStream(bytes.subarray(0, cut), options)).toEqual({ kind: "more" });
    }
  });

  it("is written as memberlist does", () => {
    expect(toHex(encodeStream(hello, CLEAR))).toBe("0d81a54572726f72a178");
    expect(toHex(encodeStream({ kind: "user", payload: Uint8Array.of(4) }, CLEAR))).toBe(
      "0881aa557365724d73674c656e0104",
    );
    const sealed = encodeStream(hello, { cipher: open, compress: false });
    expect(toHex(sealed.subarray(0, 5))).toBe("0a00000027");
    expect(sealed).toHaveLength(5 + 0x27);
  });

  it("seals the header with the rest", () => {
    const seen: string[] = [];
    const cipher: GossipCipher = {
      seal: (plain, nonce, additional) => {
        seen.push(toHex(additional));
        return open.seal(plain, nonce, additional);
      },
      open: (sealed, nonce, additional) => {
        seen.push(toHex(additional));
        return open.open(sealed, nonce, additional);
      },
      nonce: () => new Uint8Array(12),
    };
    decodeStream(encodeStream(hello, { cipher, compress: false }), { cipher, compress: false });
    expect(seen).toEqual(["0a00000027", "0a00000027"]);
  });

  const refused = (bytes: Uint8Array, cipher: GossipCipher | null = null) => {
    const read = decodeStream(bytes, { cipher, compress: false });
    return read.kind === "broken" ? read.reason : read.kind;
  };
  const sealed = (plain: Uint8Array) =>
    join([TYPE.encrypt], [0, 0, 0, plain.length + 29], sealPayload(plain, open, NOTHING));

  it("is refused with the reason when it is wrong", () => {
    expect(refused(hex("ee"))).toBe("unknown");
    expect(refused(hex("02 81 a1 61 01"))).toBe("message");
    expect(refused(new Uint8Array(MAX_STREAM + 1))).toBe("too long");
    expect(refused(hex("0a 7fffffff"), open)).toBe("too long");
    expect(refused(join([TYPE.encrypt], [0, 0x80, 0, 1]), open)).toBe("too long");
    expect(refused(join([TYPE.encrypt], [0, 0x80, 0, 0]), open)).toBe("more");
    expect(refused(sealed(encodeStream(hello, CLEAR)), { ...open, open: () => null })).toBe(
      "sealed with another secret",
    );
    expect(refused(sealed(encodeStream(hello, CLEAR).subarray(0, -1)), open)).toBe("cut");
    expect(refused(sealed(encodeStream(hello, CLEAR)), open)).toBe("message");
    expect(refused(sealed(NOTHING).subarray(0, 4), open)).toBe("more");
  });

  it("is refused where it is compressed and cut inside, or twice, or by another algorithm", () => {
    const squeezed = (plain: Uint8Array) => compressed(join(plain, new Uint8Array(plain.length < 96 ? 120 : 0)));
    expect(refused(squeezed(encodeStream(hello, CLEAR)))).toBe("message");
    const table = encodeStream({ kind: "user", payload: new Uint8Array(400) }, CLEAR);
    expect(refused(compressed(table))).toBe("message");
    expect(refused(compressed(table.subarray(0, -1)))).toBe("cut");
    expect(refused(compressed(table).subarray(0, -1))).toBe("more");
    const twice = join([TYPE.compress], new Uint8Array(200));
    expect(refused(compressed(twice))).toBe("cut");
    const other = compressed(table);
    expect(refused(other.with(other.indexOf(0x6f) + 1, 1))).toBe("not to be decompressed");
  });

  it("is refused where a table says more members than any cluster has, and reads a state that it does not know as doubt", () => {
    // {Nodes: n, UserStateLen: 0, Join: false}
    const table = (nodes: string, rest = "") =>
      hex(`06 83 a5 4e6f646573 ${nodes} ac 557365725374617465 4c656e 00 a4 4a6f696e c2 ${rest}`);
    expect(refused(table("ce 00010001"))).toBe("too many members");
    expect(refused(table("ce 00010000"))).toBe("more");
    const one = "82 a4 4e616d65 a1 61 a5 5374617465";
    const stateOf = (state: string) => {
      const read = decodeStream(table("01", `${one} ${state}`), CLEAR);
      return read.kind === "message" && read.message.kind === "push-pull" ? read.message.nodes[0]?.state : read;
    };
    expect(["00", "01", "02", "03", "04"].map(stateOf)).toEqual([0, 1, 2, 3, 1]);
  });
});

describe("heartbeats", () => {
  it("are written as our speakers read them", () => {
    expect(toHex(encodeWatch({ kind: "subscribe" }))).toBe("6d74733101");
    expect(toHex(encodeWatch({ kind: "beat", sequence: 258 }))).toBe("6d7473310200000102");
    expect(toHex(encodeWatch({ kind: "ask", node: "a" }))).toBe("6d7473310361");
    expect(toHex(encodeWatch({ kind: "heard", node: "a", ago: 258.4 }))).toBe("6d74733104010261");
    expect(toHex(encodeWatch({ kind: "welcome" }))).toBe("6d74733105");
    for (const [ago, said] of [
      [-5, 0],
      [1e9, 0xffff],
      [1.5, 2],
    ] as const)
      expect(decodeWatch(encodeWatch({ kind: "heard", node: "a", ago }))).toMatchObject({ ago: said });
  });

  it("that are cut or of no kind are none", () => {
    for (const text of ["6d747331", "6d74733100", "6d74733106", "6d747331020000", "6d7473310400"])
      expect(decodeWatch(hex(text))).toBeNull();
  });
});

describe("messages", () => {
  it("leave out of a ping what its sender left out, and say nothing for an empty meta", () => {
    const source = { sourceAddress: NOTHING, sourcePort: 0, sourceNode: "" };
    expect(toHex(encodeMessage({ kind: "ping", sequence: 1, node: "n", ...source }))).toBe(
      "0082a55365714e6f01a44e6f6465a16e",
    );
    const full = { sourceAddress: Uint8Array.of(1), sourcePort: 2, sourceNode: "s" };
    expect(toHex(encodeMessage({ kind: "ping", sequence: 1, node: "n", ...full }))).toBe(
      "0085a55365714e6f01a44e6f6465a16eaa536f7572636541646472a101aa536f75726365506f727402aa536f757263654e6f6465a173",
    );
    const alive = {
      kind: "alive",
      incarnation: 1,
      node: "n",
      address: Uint8Array.of(1),
      port: 1,
      versions: NOTHING,
    } as const;
    expect(toHex(encodeMessage({ ...alive, meta: NOTHING }))).toContain(`${toHex(new TextEncoder().encode("Meta"))}c0`);
    expect(toHex(encodeMessage({ ...alive, meta: Uint8Array.of(3) }))).toContain(
      `${toHex(new TextEncoder().encode("Meta"))}a103`,
    );
    expect(toHex(encodeMessage({ kind: "nack", sequence: 1 }))).toMatch(/^0b/);
  });

  it("of other types, or cut, are none", () => {
    for (const text of ["06 80", "07 80", "09 80", "0d 80", "63 80", "00", "02 81 a5"])
      expect(decodeMessage(hex(text))).toBeNull();
    expect(decodeMessage(hex("08"))).toEqual({ kind: "user", payload: NOTHING });
  });
});
