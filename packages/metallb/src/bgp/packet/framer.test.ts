import { describe, expect, it } from "vitest";
import { unhex } from "../testing.ts";
import { Framer } from "./framer.ts";
import { encodeKeepalive } from "./keepalive.ts";

const MARKER = "ff".repeat(16);
const UPDATE = unhex(`${MARKER} 001a 02 0003 10 0a00 0000`);

/** The bodies of the messages, and how many octets each of them shares with what was pushed. */
const bodies = (framer: Framer, bytes: Uint8Array) =>
  [...framer.push(bytes)].map((frame) => {
    if (!frame.ok) throw new Error(`${frame.error.code}/${frame.error.subcode}`);
    return { length: frame.value.body.length, shared: frame.value.body.buffer === bytes.buffer };
  });

describe("messages that come whole", () => {
  it("are not copied, alone or several in one piece", () => {
    for (const [message, length] of [
      [encodeKeepalive().slice(), 0],
      [UPDATE.slice(), 7],
    ] as const) {
      expect(bodies(new Framer(), message)).toEqual([{ length, shared: true }]);
      const twice = Uint8Array.of(...message, ...message);
      expect(bodies(new Framer(), twice)).toEqual([
        { length, shared: true },
        { length, shared: true },
      ]);
    }
  });

  it("are not copied behind one that was: only that is gathered", () => {
    const framer = new Framer();
    expect(bodies(framer, UPDATE.slice(0, 20))).toEqual([]);
    expect(bodies(framer, Uint8Array.of(...UPDATE.slice(20), ...UPDATE, ...UPDATE.slice(0, 3)))).toEqual([
      { length: 7, shared: false },
      { length: 7, shared: true },
    ]);
    expect(bodies(framer, UPDATE.slice(3))).toEqual([{ length: 7, shared: false }]);
    expect(bodies(framer, UPDATE.slice())).toEqual([{ length: 7, shared: true }]);
  });
});

describe("a framer", () => {
  it("takes 4,096 octets at most until long messages were agreed on", () => {
    const long = new Uint8Array(4_097).fill(255, 0, 16);
    long.set([0x10, 0x01, 2, 0, 0, 0, 0], 16);
    const framer = new Framer();
    expect([...framer.push(long)]).toMatchObject([{ ok: false, error: { code: 1, subcode: 2 } }]);
    const agreed = new Framer();
    agreed.extended = true;
    expect([...agreed.push(long)]).toMatchObject([{ ok: true }]);
  });

  it("names what is wrong in the data of the error (RFC 4271 section 6.1)", () => {
    const error = (octets: string) => {
      const [frame] = new Framer().push(unhex(octets));
      return frame?.ok === false ? frame.error : null;
    };
    expect(error(`${MARKER} 0012 04`)).toEqual({ code: 1, subcode: 2, data: unhex("0012") });
    expect(error(`${MARKER} 0014 04`)).toEqual({ code: 1, subcode: 2, data: unhex("0014") });
    expect(error(`${MARKER} 1001 02`)).toEqual({ code: 1, subcode: 2, data: unhex("1001") });
    expect(error(`${MARKER} 0013 09`)).toEqual({ code: 1, subcode: 3, data: unhex("09") });
    expect(error(`${"ff".repeat(15)} fe 0013 04`)).toEqual({ code: 1, subcode: 1, data: unhex("") });
  });

  it("says nothing more after an error, in this piece and in later ones", () => {
    const framer = new Framer();
    const wrong = Uint8Array.of(...unhex(`${MARKER} 0012 04`), ...encodeKeepalive());
    expect([...framer.push(wrong)]).toHaveLength(1);
    expect([...framer.push(encodeKeepalive())]).toEqual([]);
    expect([...framer.push(encodeKeepalive().subarray(0, 3))]).toEqual([]);
  });

  it("is done with a piece of no octets", () => {
    const framer = new Framer();
    expect([...framer.push(new Uint8Array(0))]).toEqual([]);
    expect(bodies(framer, encodeKeepalive().slice())).toEqual([{ length: 0, shared: true }]);
  });
});
