import fc from "fast-check";
import { expect, it } from "vitest";
import { dumpRequest, readNetlink } from "./netlink-messages.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

/** RTM_NEWLINK of eth0, index 2, up and running, with broadcast, enslaved to index 5. */
const LINK = hex(`
  40000000 1000 0000 00000000 00000000
  00 00 0100 02000000 43100100 00000000
  0900 0300 6574683000 000000
  0a00 0100 020000000001 0000
  0800 0a00 05000000`);
/** RTM_NEWADDR of fe80::1/64 on index 2, tentative. */
const ADDRESS = hex(`
  2c000000 1400 0000 00000000 00000000
  0a 40 c0 fd 02000000
  1400 0100 fe800000000000000000000000000001`);

it("reads an interface and an address", () => {
  expect(readNetlink(LINK)).toMatchObject([
    {
      kind: "link",
      index: 2,
      name: "eth0",
      mac: "02:00:00:00:00:01",
      up: true,
      running: true,
      broadcast: true,
      noArp: false,
      enslaved: true,
    },
  ]);
  expect(readNetlink(ADDRESS)).toMatchObject([{ kind: "address", index: 2, prefixLength: 64, tentative: true }]);
});

it("takes what a bridge tells of its ports for no news of links", () => {
  const port = LINK.with(4, 17).with(16, 7);
  expect(readNetlink(port)).toEqual([]);
  expect(readNetlink(LINK.with(4, 17))).toEqual([{ kind: "link-gone", index: 2 }]);
});

it("reads any octets without an exception", () => {
  const both = new Uint8Array([...LINK, ...ADDRESS, ...dumpRequest("links", 1)]);
  const change = fc.record({ at: fc.nat(both.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat(both.length), (changes, length) => {
      const octets = both.slice(0, length);
      for (const { at, to } of changes) if (at < length) octets[at] = to;
      expect(readNetlink(octets).length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 2_000 },
  );
});
