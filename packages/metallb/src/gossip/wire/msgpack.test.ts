import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "#net";
import { type Packed, type PackedField, packFields, unpack, unpackFields } from "./msgpack.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A value, and how many octets are left behind it; null: it cannot be read. */
function read(text: string): readonly [Packed, number] | null {
  const reader = new ByteReader(hex(text));
  const value = unpack(reader);
  return reader.failed ? null : [value, reader.remaining];
}

/** Maps as lists of pairs, octets as their hex digits. */
const plain = (value: Packed): unknown => {
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Map) return { map: [...value].map(([name, each]) => [name, plain(each)]) };
  return Array.isArray(value) ? value.map(plain) : value;
};

describe("every form of MessagePack is read to its end", () => {
  it.each([
    ["00", 0],
    ["7f", 127],
    ["ff", -1],
    ["e0", -32],
    ["c0", null],
    ["c2", false],
    ["c3", true],
    ["cc 80", 128],
    ["cd 0102", 258],
    ["ce 80000000", 2_147_483_648],
    ["cf 00000001 00000002", 4_294_967_298],
    ["d0 7f", 127],
    ["d0 80", -128],
    ["d1 7fff", 32_767],
    ["d1 8000", -32_768],
    ["d2 7fffffff", 2_147_483_647],
    ["d2 80000000", -2_147_483_648],
    ["d3 00000001 00000002", 4_294_967_298],
    ["d3 ffffffff ffffffff", -1],
    ["ca 3fc00000", 1.5],
    ["cb 3ff8000000000000", 1.5],
    ["a0", ""],
    ["a2 0102", "0102"],
    [`bf ${"01".repeat(31)}`, "01".repeat(31)],
    ["c4 02 0102", "0102"],
    ["d9 02 0102", "0102"],
    ["c5 0002 0102", "0102"],
    ["da 0002 0102", "0102"],
    ["c6 00000002 0102", "0102"],
    ["db 00000002 0102", "0102"],
    ["90", []],
    ["92 01 02", [1, 2]],
    [`9f ${"05".repeat(15)}`, Array(15).fill(5)],
    ["dc 0002 01 02", [1, 2]],
    ["dd 00000002 01 02", [1, 2]],
    ["80", { map: [] }],
    ["81 a1 61 07", { map: [["a", 7]] }],
    [`8f ${Array.from({ length: 15 }, (_, i) => `a1 6${i.toString(16)} 01`).join("")}`, expect.anything()],
    ["de 0001 a1 61 07", { map: [["a", 7]] }],
    ["df 00000001 a1 61 07", { map: [["a", 7]] }],
    ["81 a1 61 91 81 a1 62 c3", { map: [["a", [{ map: [["b", true]] }]]] }],
  ])("%s", (text, value) => {
    expect([plain(read(text)?.[0] ?? null), read(text)?.[1]]).toEqual([value, 0]);
    // What comes behind it is not touched.
    expect(read(`${text} 2a`)?.[1]).toBe(1);
    // Cut anywhere it is none.
    const octets = hex(text);
    for (let cut = 0; cut < octets.length; cut++) expect(read(toHex(octets.subarray(0, cut)))).toBeNull();
  });

  it.each([
    ["an extension", "c7 01 05 00"],
    ["a code that is never used", "c1"],
    ["a map whose names are no text", "81 01 02"],
    ["a list of more than there is", "93 01 02"],
    ["a map of more than there is", "82 a1 61 07 a0"],
  ])("%s is not", (_, text) => expect(read(text)).toBeNull());

  it("six levels deep and no deeper", () => {
    expect(read(`${"91".repeat(6)} 01`)).not.toBeNull();
    expect(read(`${"91".repeat(7)} 01`)).toBeNull();
    expect(read(`${"81a161".repeat(6)} 01`)).not.toBeNull();
    expect(read(`${"81a161".repeat(7)} 01`)).toBeNull();
  });
});

describe("fields", () => {
  const packed = (value: PackedField): string => {
    const writer = new ByteWriter(16);
    packFields(writer, { a: value, left: undefined });
    return toHex(writer.bytes());
  };

  it.each<[string, PackedField, string]>([
    ["the least number of one octet", 0, "00"],
    ["the most of one octet", 127, "7f"],
    ["the least of two", 128, "cc80"],
    ["the most of two", 255, "ccff"],
    ["the least of three", 256, "cd0100"],
    ["the most of three", 65_535, "cdffff"],
    ["the least of five", 65_536, "ce00010000"],
    ["the most of all", 4_294_967_295, "ceffffffff"],
    ["yes", true, "c3"],
    ["no", false, "c2"],
    ["nothing", null, "c0"],
    ["text", "é", "a2c3a9"],
    ["octets", Uint8Array.of(1, 2), "a20102"],
    ["the longest short text", "x".repeat(31), `bf${"78".repeat(31)}`],
    ["the shortest long text", "x".repeat(32), `da0020${"78".repeat(32)}`],
    ["the longest of two octets of length", "x".repeat(65_535), `daffff${"78".repeat(65_535)}`],
    ["the shortest of four", "x".repeat(65_536), `db00010000${"78".repeat(65_536)}`],
  ])("are written as Go does: %s", (_, value, text) => {
    expect(packed(value)).toBe(`81a161${text}`);
    // A name is encoded once, and the same each time.
    expect(packed(value)).toBe(`81a161${text}`);
  });

  const fields = (text: string) => unpackFields(new ByteReader(hex(`81 a1 61 ${text}`)));

  it("that are missing or of another kind are zero, as in Go", () => {
    for (const other of [fields("c0"), unpackFields(new ByteReader(hex("01"))), fields("91 01")])
      expect([other.uint("a"), other.flag("a"), other.octets("a"), other.text("a")]).toEqual([
        0,
        false,
        new Uint8Array(),
        "",
      ]);
    expect([fields("ff").uint("a"), fields("cb 4004000000000000").uint("a"), fields("01").uint("a")]).toEqual([
      0, 2, 1,
    ]);
    expect([fields("01").flag("a"), fields("c3").flag("a"), fields("c2").flag("a")]).toEqual([false, true, false]);
    expect([fields("05").text("a"), fields("05").octets("a")]).toEqual(["", new Uint8Array()]);
  });

  it("of text are read in any letters and any length", () => {
    for (const text of ["", "plain", "\u007f", "\u0080", "größer", "x".repeat(64), "x".repeat(65), "ü".repeat(40)]) {
      const writer = new ByteWriter(16);
      packFields(writer, { a: text });
      expect(unpackFields(new ByteReader(writer.bytes())).text("a")).toBe(text);
    }
  });

  it("of octets are a copy, so that a datagram's buffer may be used again", () => {
    const bytes = hex("81 a1 61 a2 01 02");
    const read = unpackFields(new ByteReader(bytes)).octets("a");
    bytes.fill(0);
    expect(read).toEqual(Uint8Array.of(1, 2));
  });
});
