import { expect, it } from "vitest";
import { bfdProfile, bgpPeer, compiled, secret } from "./testing.ts";

const TYPE = "metallb.io/bfd-authentication";
const SECRET = "metallb.io/bfd-authentication-secret";
const KEY_ID = "metallb.io/bfd-authentication-key-id";
const SAID = { [TYPE]: "keyed-sha1", [SECRET]: "bfd" };

function told(annotations: Readonly<Record<string, string>>, password = "key", type = "kubernetes.io/basic-auth") {
  const kept = secret("bfd", password, { type });
  const { config, problems } = compiled({
    peers: [{ ...bgpPeer("p", { bfdProfile: "fast" }), annotations }],
    bfdProfiles: [bfdProfile("fast")],
    secrets: new Map([[kept.key, kept]]),
  });
  return { peer: config.peers[0], problems: problems.map(({ path, message }) => `${path}: ${message}`) };
}

it("says by annotation how BFD authenticates, with a key from a Secret", () => {
  expect(told({}).peer).toMatchObject({ bfdProfile: "fast", bfdAuthentication: null });
  expect(told(SAID)).toMatchObject({
    peer: { frozen: false, bfdProfile: "fast", bfdAuthentication: { type: "keyed-sha1", keyId: 1, key: "key" } },
    problems: [],
  });
  expect(told({ ...SAID, [KEY_ID]: "0" }).peer?.bfdAuthentication?.keyId).toBe(0);
  expect(told({ ...SAID, [KEY_ID]: "255" }).peer?.bfdAuthentication?.keyId).toBe(255);
  expect(told(SAID, "x".repeat(20)).problems).toEqual([]);
});

it("watches nothing without what is asked for, names what is wrong, and never the key", () => {
  for (const [annotations, complaint, ...of] of [
    [{ ...SAID, [TYPE]: "md4" }, '"md4" is none of simple'],
    [{ [SECRET]: "bfd" }, '"" is none of simple'],
    [{ [KEY_ID]: "1" }, '"" is none of simple'],
    [{ ...SAID, [KEY_ID]: "256" }, "is not a number from 0 to 255"],
    [{ ...SAID, [KEY_ID]: "-1" }, "is not a number from 0 to 255"],
    [{ [TYPE]: "simple" }, "is not named"],
    [{ ...SAID, [SECRET]: "lost" }, "is not there"],
    [SAID, "basic-auth", "key", "Opaque"],
    [SAID, "must be 1 to 20 octets", ""],
    [SAID, "must be 1 to 20 octets", "k".repeat(21)],
    [{ ...SAID, [TYPE]: "meticulous-keyed-md5" }, "must be 1 to 16 octets", "k".repeat(17)],
  ] as const) {
    const { peer, problems } = told(annotations, ...of);
    expect(problems).toEqual([expect.stringContaining(complaint)]);
    expect(problems.join()).not.toContain("kkkk");
    expect(peer).toMatchObject({ frozen: true, bfdProfile: null, bfdAuthentication: null });
  }
});
