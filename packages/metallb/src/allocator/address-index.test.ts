import { describe, expect, it } from "vitest";
import { formatIp, type Ip, parseIp } from "#net";
import { AddressIndex } from "./address-index.ts";
import type { Conflict, Holder, Holding } from "./holder.ts";
import { pool } from "./testing.ts";

const ip = (text: string): Ip => {
  const read = parseIp(text);
  if (!read.ok) throw new Error(text);
  return read.value;
};

const holder = (key: string, group: string | null = null, ...ports: readonly string[]): Holder => ({
  key,
  group,
  ports,
});
const holding = (who: Holder, ...ips: readonly string[]): Holding => ({ ...who, pool: "p", ips: ips.map(ip) });

function indexOf(...ranges: readonly string[]): AddressIndex {
  const index = new AddressIndex();
  index.setPools([pool("p", ranges)]);
  return index;
}

const told = (conflict: Conflict | null) =>
  conflict && (conflict.kind === "port" ? conflict.port : conflict.users.join());

describe("who may have an address (contract 4.2)", () => {
  const [a, b, c] = [holder("n/a", "k", "TCP/1"), holder("n/b", "k", "TCP/2"), holder("n/c", "k", "TCP/3")];

  it("a Service alone on it may change its key and ports in place", () => {
    const index = indexOf("1.0.0.0/30");
    index.hold(holding(a, "1.0.0.0"));
    for (const changed of [holder("n/a"), holder("n/a", "j", "TCP/1"), holder("n/a", "k", "TCP/9")])
      expect(index.conflict(changed, ip("1.0.0.0"))).toBeNull();
  });

  it("one that is not alone must go on sharing, and is told the others in order of name", () => {
    const index = indexOf("1.0.0.0/30");
    for (const each of [c, a, b]) index.hold(holding(each, "1.0.0.0"));
    const asks = (who: Holder) => told(index.conflict(who, ip("1.0.0.0")));
    expect(asks(holder("n/a", "j", "TCP/1"))).toBe("n/b,n/c");
    expect(asks(holder("n/a"))).toBe("n/b,n/c");
    expect(asks(holder("n/d"))).toBe("n/a,n/b,n/c");
    expect(asks(holder("n/a", "k", "TCP/1", "TCP/3"))).toBe("TCP/3");
    expect(asks(holder("n/a", "k", "TCP/1", "TCP/4"))).toBeNull();
  });

  it("nobody may go on an address whose user shares with nobody", () => {
    const index = indexOf("1.0.0.0/30");
    index.hold(holding(holder("n/z"), "1.0.0.0"));
    for (const each of [a, holder("n/y")]) expect(told(index.conflict(each, ip("1.0.0.0")))).toBe("n/z");
  });

  it("a port is free again when its Service has gone, and not when another has", () => {
    const index = indexOf("1.0.0.0/30");
    for (const each of [a, b]) index.hold(holding(each, "1.0.0.0"));
    index.release("n/a");
    const asks = (port: string) => told(index.conflict(holder("n/x", "k", port), ip("1.0.0.0")));
    expect([asks("TCP/1"), asks("TCP/2")]).toEqual([null, "TCP/2"]);
  });
});

describe("what became possible", () => {
  const gains = (index: AddressIndex) => [...index.takeGains()].map(([need, space]) => [need, space?.family ?? null]);

  it("is nothing when a Service holds the same again, or one more", () => {
    for (const group of [null, "k"]) {
      const index = indexOf("1.0.0.0/30", "fd00::/126");
      const who = holder("n/a", group, "TCP/1");
      index.hold(holding(who, "1.0.0.0"));
      index.takeGains();
      const before = index.gained;
      index.hold(holding(who, "1.0.0.0"));
      expect([index.gained - before, gains(index)]).toEqual([0, []]);
      index.hold(holding(who, "1.0.0.0", "fd00::"));
      index.takeGains();
      const both = index.gained;
      index.hold(holding(who, "fd00::", "1.0.0.0"));
      expect([index.gained - both, gains(index)]).toEqual([0, []]);
    }
  });

  it("is the address of which a Service lets go, in its pool and family", () => {
    const index = indexOf("1.0.0.0/30", "fd00::/126");
    index.hold(holding(holder("n/a"), "1.0.0.0", "fd00::"));
    const before = index.gained;
    index.hold(holding(holder("n/a"), "1.0.0.0"));
    expect(index.gained).toBeGreaterThan(before);
    expect(gains(index).flatMap(([, family]) => family ?? [])).toEqual([6]);
    expect(gains(index)).toEqual([]);
    expect(index.space("p", 6)?.used).toBe(0);
  });

  it("is no free address while others share it, and nothing of a pool where the address is in none", () => {
    const index = indexOf("1.0.0.0/30");
    for (const port of ["TCP/1", "TCP/2"]) index.hold(holding(holder(`n/${port}`, "k", port), "1.0.0.0", "9.0.0.9"));
    index.takeGains();
    index.release("n/TCP/1");
    const shared = gains(index);
    expect([shared.length, shared.every(([, family]) => family === null)]).toEqual([3, true]);
    index.release("n/TCP/2");
    expect(gains(index).flatMap(([, family]) => family ?? [])).toEqual([4]);
  });
});

it("an index that knows no pool has nothing, and keeps what is held all the same", () => {
  const index = new AddressIndex();
  index.hold(holding(holder("n/a"), "1.0.0.0"));
  expect([
    index.first(holder("n/b"), "p", 4),
    index.reserved(holder("n/b"), "p", 4),
    index.reservedFor(ip("1.0.0.0")),
    index.poolOf(ip("1.0.0.0")),
    index.space("p", 4),
  ]).toEqual([null, null, null, null, null]);
  expect(index.held("n/a")?.ips.map(formatIp)).toEqual(["1.0.0.0"]);
  expect(
    index.allows("n", pool("p", ["1.0.0.0/30"], { terms: { reserved: new Map(), quotas: new Map([["n", 1]]) } }), []),
  ).toBe(true);
});
