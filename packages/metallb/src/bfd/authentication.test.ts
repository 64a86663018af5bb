import { describe, expect, it } from "vitest";
import { Guard } from "./authentication.ts";
import { decodeControl, encodeControl } from "./packet.ts";
import type { BfdAuthentication } from "./settings.ts";
import { Bench, control, digest, PEER } from "./testing.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const PACKET = encodeControl(control());

/** Made with another implementation of MD5 and SHA1, by the letter of RFC 5880 sections 4.2 to 4.4. */
const GOLDEN: Readonly<Record<BfdAuthentication["type"], string>> = {
  simple: "20c4032100000001000000020000c3500000c35000000000010907736563726574",
  "keyed-md5": "20c4033000000001000000020000c3500000c3500000000002180700800000019cf8f5166ddf02e66f3c754f7e973466",
  "meticulous-keyed-md5":
    "20c4033000000001000000020000c3500000c350000000000318070080000001cfb6779f571a5251f1b58e307fa8b69c",
  "keyed-sha1":
    "20c4033400000001000000020000c3500000c35000000000041c0700800000010d5c548affc090a208571e8c028b7c5be4736790",
  "meticulous-keyed-sha1":
    "20c4033400000001000000020000c3500000c35000000000051c070080000001c1ca732b91bb5a0da0f18b4a0236aa7a3e2f8e15",
};
const TYPES = Object.keys(GOLDEN) as BfdAuthentication["type"][];

const guard = (type: BfdAuthentication["type"], more: Partial<BfdAuthentication> = {}, random = 0.5): Guard =>
  new Guard({ type, keyId: 7, key: "secret", ...more }, { digest, random: () => random });

const check = (of: Guard, bytes: Uint8Array, now = 0): string | null => {
  const packet = decodeControl(bytes);
  if (!packet.ok) throw new Error(packet.error);
  const refusal = of.refusal(packet.value, bytes, now);
  if (refusal === null) of.heardAt(now, 150);
  return refusal;
};

describe.each(TYPES)("%s", (type) => {
  it("is written as RFC 5880 has it", () => {
    expect(hex(guard(type).sign(PACKET))).toBe(GOLDEN[type]);
  });

  it("takes what has the same key, and nothing with another one, key ID or type, or with an octet that differs", () => {
    const signed = guard(type).sign(PACKET);
    expect(check(guard(type), signed)).toBeNull();
    // As a socket gives it.
    expect(check(guard(type), Buffer.from(signed))).toBeNull();
    expect(check(guard(type, { key: "secreT" }), signed)).toContain("does not fit");
    expect(check(guard(type, { keyId: 8 }), signed)).toContain("does not fit");
    for (const other of TYPES.filter((each) => each !== type))
      expect(check(guard(other), signed), other).toContain("does not fit");
    const from = type === "simple" ? 24 : 4;
    for (let at = from; at < signed.length; at++) {
      const altered = signed.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x40;
      // The reserved octet and the packet are under the digest as well.
      expect(check(guard(type), altered), `octet ${at}`).not.toBeNull();
    }
    expect(check(guard(type), PACKET)).toContain("have no authentication");
  });

  it("does not count what stands behind the packet, and takes no section that is cut off", () => {
    const signed = guard(type).sign(PACKET);
    expect(check(guard(type), Uint8Array.from([...signed, 1, 2, 3]))).toBeNull();
    for (let length = 26; length < signed.length; length++) {
      const cut = signed.slice(0, length);
      cut[3] = length;
      expect(check(guard(type), cut), `${length} octets`).not.toBeNull();
    }
  });
});

describe("the window of sequence numbers (RFC 5880 section 6.7.3)", () => {
  it.each([
    ["keyed-sha1", [0, 9], [-1, 10]],
    ["keyed-md5", [0, 9], [-1, 10]],
    ["meticulous-keyed-sha1", [1, 9], [-1, 0, 10]],
    ["meticulous-keyed-md5", [1, 9], [-1, 0, 10]],
  ] as const)("%s takes %j and not %j after the last, also where the numbers begin anew", (type, good, bad) => {
    for (const last of [1_000, 0xffff_fffe])
      for (const step of [...good, ...bad]) {
        const of = guard(type);
        const numbered = (number: number) => {
          const before = (number - 1 + 0x1_0000_0000) % 0x1_0000_0000;
          return guard(type, {}, before / 0x1_0000_0000).sign(PACKET);
        };
        expect(check(of, numbered(last))).toBeNull();
        const refusal = check(of, numbered((last + step + 0x1_0000_0000) % 0x1_0000_0000));
        expect(refusal === null, `${last} ${step}`).toBe((good as readonly number[]).includes(step));
      }
  });

  it("is forgotten after twice the detection time, and not before", () => {
    const of = guard("meticulous-keyed-sha1");
    const early = guard("meticulous-keyed-sha1", {}, 0.25).sign(PACKET);
    expect(check(of, guard("meticulous-keyed-sha1").sign(PACKET), 1_000)).toBeNull();
    expect(check(of, early, 1_299)).not.toBeNull();
    expect(check(of, early, 1_300)).toBeNull();
  });

  it("is not moved by a packet that is refused", () => {
    const of = guard("meticulous-keyed-md5");
    const peer = guard("meticulous-keyed-md5");
    const [first, second] = [peer.sign(PACKET), peer.sign(PACKET)];
    expect(check(of, first)).toBeNull();
    const forged = guard("meticulous-keyed-md5", { key: "guess" }, 0.5 + 8 / 0x1_0000_0000).sign(PACKET);
    expect(check(of, forged)).not.toBeNull();
    expect(check(of, second)).toBeNull();
  });
});

it("comes up between two ends with one key, and says once why not with two", () => {
  const authentication: BfdAuthentication = { type: "meticulous-keyed-sha1", keyId: 1, key: "secret" };
  for (const key of ["secret", "other"]) {
    const [a, b] = [new Bench(() => 0.3), new Bench(() => 0.6)];
    a.set({ authentication });
    b.set({ authentication: { ...authentication, key } });
    for (let turn = 0; turn < 200; turn++)
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        from.advance(50);
        for (const effect of from.effects.splice(0))
          if (effect.kind === "send")
            to.step({ kind: "received", bytes: effect.bytes, from: PEER, interface: null, multihop: false });
          else if (effect.kind === "log") to.logs.push(effect.message);
      }
    expect(a.report.state).toBe(key === "secret" ? "Up" : "Down");
    const refusals = b.logs.filter((line) => line.includes("does not fit"));
    expect(refusals).toHaveLength(key === "secret" ? 0 : 1);
    expect([...a.logs, ...b.logs, a.report.reason].join()).not.toContain("secret");
  }
});

it("a session without authentication says once that the peer has it, and goes on with others", () => {
  const bench = new Bench();
  bench.set();
  bench.advance(1);
  for (let i = 0; i < 3; i++)
    bench.step({
      kind: "received",
      bytes: guard("simple").sign(PACKET.slice().fill(0, 8, 12).with(1, 0x40)),
      from: PEER,
      interface: null,
      multihop: false,
    });
  const told = bench.effects.flatMap((effect) => (effect.kind === "log" ? [effect.message] : []));
  expect(told).toEqual(["BFD packets of the peer are discarded: the peer uses authentication and none is configured"]);
  bench.hear("Down", { yourDiscriminator: 0 });
  expect(bench.report.state).toBe("Init");
});
