import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, macFromBytes, macToBytes, parseMac } from "#net";

describe("octets", () => {
  it("are read as they were written, as DataView reads them", () => {
    fc.assert(
      fc.property(
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.uint8Array(),
        (a, b, c, rest) => {
          const bytes = new ByteWriter(1).u8(a).u16(b).u32(c).put(rest).fill(7, 3).bytes();
          const view = new DataView(bytes.buffer);
          expect([view.getUint8(0), view.getUint16(1), view.getUint32(3)]).toEqual([a, b, c]);
          const reader = new ByteReader(bytes);
          expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([a, b, c]);
          expect(reader.view(rest.length)).toEqual(rest);
          expect(reader.remaining).toBe(3);
          expect(reader.failed).toBe(false);
        },
      ),
    );
  });

  it("past the end give zero and one failure", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect(reader.u16()).toBe(0x102);
    expect(reader.u16()).toBe(0);
    expect(reader.failed).toBe(true);
    expect(reader.u8()).toBe(0);
    expect(new ByteReader(Uint8Array.of(1)).view(-1).length).toBe(0);
  });

  it("of a part cannot be read beyond the part", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4));
    const part = reader.sub(2);
    expect([part.u8(), part.u8(), part.u8()]).toEqual([1, 2, 0]);
    expect(part.failed).toBe(true);
    expect(reader.u8()).toBe(3);
    expect(reader.sub(2).failed).toBe(true);
  });

  it("can be patched, cut and written again", () => {
    const writer = new ByteWriter(2).u16(0).u8(9);
    writer.patchU16(0, 0xabcd);
    writer.patchU8(2, 1);
    expect([...writer.view()]).toEqual([0xab, 0xcd, 1]);
    expect([...writer.view(2)]).toEqual([1]);
    writer.truncate(1);
    expect([...writer.u8(5).bytes()]).toEqual([0xab, 5]);
  });

  it("are written by a loop into room that was made for it, of which only what it used counts", () => {
    const writer = new ByteWriter(2).u16(0x0102);
    const bytes = writer.room(300);
    expect([writer.length, bytes.length >= 302]).toEqual([2, true]);
    bytes.set([3, 4], writer.length);
    writer.advance(2);
    expect([...writer.u8(5).bytes()]).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("MAC addresses", () => {
  it("go through text and octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const mac = macFromBytes(bytes);
        if (!mac.ok) throw new Error(mac.error);
        expect(macToBytes(mac.value)).toEqual(bytes);
        expect(parseMac(mac.value.toUpperCase().replaceAll(":", "-"))).toEqual(mac);
      }),
    );
  });

  it.each(["", "00:11:22:33:44", "00:11:22:33:44:55:66", "00-11:22:33:44:55", "0:1:2:3:4:5", "00:11:22:33:44:5g"])(
    "refuses %j",
    (text) => expect(parseMac(text).ok).toBe(false),
  );
});
