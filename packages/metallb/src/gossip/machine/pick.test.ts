import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { addressOf, checksSums, type Member, octetsOf, reportOf } from "./member.ts";
import { pick, shuffle } from "./pick.ts";
import { Suspicion } from "./suspicion.ts";

const member = (more: Partial<Member> = {}): Member => ({
  name: "a",
  isSelf: false,
  address: ip(4, 0x0a000001n),
  port: 7_946,
  meta: Uint8Array.of(1),
  versions: new Uint8Array(6),
  incarnation: 1,
  state: "alive",
  since: 5,
  suspicion: null,
  silent: false,
  quiet: 0,
  ...more,
});

describe("chance", () => {
  it("draws by the numbers that it gives, from those that are left", () => {
    const numbers = [0.5, 0.9, 0];
    expect(pick(["a", "b", "c", "d"], 3, () => numbers.shift() ?? 0)).toEqual(["c", "d", "a"]);
    expect(pick(["a", "b"], 2, () => 0.9)).toEqual(["a", "b"]);
    expect(pick(["a", "b"], 5, () => 0.9)).toEqual(["a", "b"]);
    expect(pick(["a", "b"], 0, () => 0.9)).toEqual([]);
  });

  it("shuffles from the end, each place with one before it or itself", () => {
    const items = ["a", "b", "c", "d"];
    const numbers = [0, 0.99, 0.4];
    shuffle(items, () => numbers.shift() ?? 0);
    expect(items).toEqual(["b", "d", "c", "a"]);
    const one = ["a"];
    shuffle(one, () => {
      throw new Error("none is needed");
    });
    expect(one).toEqual(["a"]);
  });
});

describe("a member", () => {
  it("is reported silent only while it would take part", () => {
    const silent = { silent: true, quiet: 300 };
    expect(
      ["alive", "suspect", "dead", "left"].map(
        (state) => reportOf(member({ ...silent, state: state as "alive" })).state,
      ),
    ).toEqual(["silent", "silent", "dead", "left"]);
    expect(reportOf(member())).toEqual({
      name: "a",
      address: ip(4, 0x0a000001n),
      port: 7_946,
      since: 5,
      meta: Uint8Array.of(1),
      quiet: 0,
      state: "alive",
    });
  });

  it("checks sums from protocol 5 on", () => {
    const of = (...versions: number[]) => checksSums({ versions: Uint8Array.from(versions) });
    expect([of(), of(1), of(1, 4), of(1, 5), of(1, 6)]).toEqual([false, false, false, true, true]);
  });

  it("has an address of either family, IPv4 also as IPv6 writes it", () => {
    expect(addressOf(Uint8Array.of(10, 0, 0, 1))).toEqual(ip(4, 0x0a000001n));
    const mapped = new Uint8Array(16).fill(255, 10, 12);
    mapped.set([10, 0, 0, 1], 12);
    expect(addressOf(mapped)).toEqual(ip(4, 0x0a000001n));
    expect([addressOf(new Uint8Array()), addressOf(new Uint8Array(5))]).toEqual([null, null]);
    expect(octetsOf(ip(4, 0x0a000001n))).toEqual(Uint8Array.of(10, 0, 0, 1));
  });
});

it("a suspicion that one other can confirm ends at its least with that one", () => {
  const suspicion = new Suspicion("a", 1, 100, 600, 0);
  expect(suspicion.endsAt).toBe(600);
  expect(suspicion.confirm("b")).toBe(true);
  expect(suspicion.endsAt).toBe(100);
});
