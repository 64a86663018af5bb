import { describe, expect, it } from "vitest";
import { decodeIPAddressPool } from "#api";
import { formatIp } from "#net";
import { compiled, pool } from "./testing.ts";

const terms = (annotations: Readonly<Record<string, string>>) => {
  const decoded = decodeIPAddressPool({
    metadata: { name: "p", annotations: { ...annotations, "other.io/x": "y" } },
    spec: { addresses: ["192.0.2.0/24", "2001:db8::/64"] },
  });
  if (!decoded.ok) throw new Error("not read");
  const { config, problems } = compiled({ pools: [decoded.value] });
  const { terms: found, frozen } = config.pools[0] ?? {};
  return {
    frozen,
    reserved: [...(found?.reserved ?? [])].map(([service, ips]) => [service, ...ips.map(formatIp)].join(" ")),
    quotas: [...(found?.quotas ?? [])],
    ...(found?.keepFor === undefined ? {} : { keepFor: found.keepFor }),
    ...(found?.ipam === undefined ? {} : { ipam: found.ipam }),
    problems: problems.map(({ code, message }) => `${code} ${message}`),
  };
};

describe("the annotations of a pool", () => {
  it("reserve addresses for Services", () => {
    const text = "192.0.2.7=team-a/web, ::ffff:192.0.2.8 = team-b/api-of-many-words,, 2001:db8::7=team-a/web";
    expect(terms({ "metallb.io/reserved-addresses": text })).toEqual({
      frozen: null,
      reserved: ["team-a/web 192.0.2.7 2001:db8::7", "team-b/api-of-many-words 192.0.2.8"],
      quotas: [],
      problems: [],
    });
  });

  it("keep the addresses of deleted Services for a while", () => {
    const keep = (text: string) => terms({ "metallb.io/keep-after-deletion": text });
    expect(keep("1m30s")).toMatchObject({ frozen: null, keepFor: 90_000, problems: [] });
    expect(keep("0s")).toEqual({ frozen: null, reserved: [], quotas: [], problems: [] });
    expect(keep("soon").problems).toEqual(['invalidKeepTime "soon" is not a duration such as 90s or 1m30s']);
    expect(keep("169h").problems).toEqual(['invalidKeepTime "169h" is more than a week']);
  });

  it("limit what the Services of a namespace may hold", () => {
    expect(terms({ "metallb.io/namespace-quotas": "team-a=512,*=0" })).toEqual({
      frozen: null,
      reserved: [],
      quotas: [
        ["team-a", 512],
        ["*", 0],
      ],
      problems: [],
    });
  });

  it.each([
    ["192.0.2.7", 'invalidReservation "192.0.2.7" has no "="'],
    ["192.0.2=a/b", 'invalidReservation "192.0.2" is not an IP address: it has fewer than four octets'],
    ["198.51.100.1=a/b", 'invalidReservation "198.51.100.1" is not in the pool'],
    ["192.0.2.7=a/b/c", 'invalidReservation "a/b/c" is not namespace/name of a Service'],
    ["192.0.2.7=a//b", 'invalidReservation "a//b" is not namespace/name of a Service'],
    ["192.0.2.7=-a/b", 'invalidReservation "-a/b" is not namespace/name of a Service'],
    ["192.0.2.7=a/b-", 'invalidReservation "a/b-" is not namespace/name of a Service'],
    ["192.0.2.7=web", 'invalidReservation "web" is not namespace/name of a Service'],
    ["192.0.2.7=a/b,192.0.2.7=a/c", 'invalidReservation "192.0.2.7" is reserved twice'],
  ])("reserving %j freeze the pool and say why", (text, message) => {
    const found = terms({ "metallb.io/reserved-addresses": text });
    expect([found.frozen, found.problems]).toEqual(["invalid", [message]]);
    expect(found.reserved).toEqual(text.includes(",") ? ["a/b 192.0.2.7"] : []);
  });

  it.each([
    ["team-a", 'invalidQuota "team-a" has no "="'],
    ["team-a=-1", 'invalidQuota "-1" is not a number of addresses'],
    ["team-a=1.5", 'invalidQuota "1.5" is not a number of addresses'],
    ["team-a=x1", 'invalidQuota "x1" is not a number of addresses'],
    ["team-a=1234567890", 'invalidQuota "1234567890" is not a number of addresses'],
    ["a-=1", 'invalidQuota "a-" is not the name of a namespace'],
    ["-a=1", 'invalidQuota "-a" is not the name of a namespace'],
    [`${"a".repeat(64)}=1`, `invalidQuota "${"a".repeat(64)}" is not the name of a namespace`],
    ["Team=1", 'invalidQuota "Team" is not the name of a namespace'],
    ["a=1,a=2", 'invalidQuota "a" has two quotas'],
  ])("with quotas %j freeze the pool and say why", (text, message) => {
    const found = terms({ "metallb.io/namespace-quotas": text });
    expect([found.frozen, found.problems]).toEqual(["invalid", [message]]);
  });

  it.each([
    ["42", {}, []],
    ["a range, with a name", {}, []],
    ["", {}, ['invalidIpam "" is not the name of a range: 1 to 200 printable characters']],
    ["a\nb", {}, ['invalidIpam "a\nb" is not the name of a range: 1 to 200 printable characters']],
    [
      "42",
      { "metallb.io/reserved-addresses": "192.0.2.7=a/b" },
      ["invalidIpam the IPAM chooses the addresses, so metallb.io/reserved-addresses has no place beside it"],
    ],
  ])("with the range %j of an IPAM and %j say %j", (text, more, problems) => {
    const found = terms({ "metallb.io/ipam": text, ...more });
    expect([found.ipam, found.problems, found.frozen]).toEqual([
      text,
      problems,
      problems.length > 0 ? "invalid" : null,
    ]);
  });

  it("are kept together, and say nothing where there are none", () => {
    const both = terms({ "metallb.io/reserved-addresses": "192.0.2.7=a/b", "metallb.io/namespace-quotas": "a=1" });
    expect([both.reserved, both.quotas]).toEqual([["a/b 192.0.2.7"], [["a", 1]]]);
    expect(compiled({ pools: [pool("p", ["192.0.2.0/24"])] }).config.pools[0]).not.toHaveProperty("terms");
    expect(terms({ "metallb.io/namespace-quotas": `${"a".repeat(63)}=1` }).problems).toEqual([]);
  });

  it("count up to a thousand entries", () => {
    const of = (count: number) =>
      terms({ "metallb.io/namespace-quotas": Array.from({ length: count }, (_, i) => `n${i}=1`).join() });
    expect([of(1_000).quotas.length, of(1_000).problems]).toEqual([1_000, []]);
    expect([of(1_002).quotas.length, of(1_002).problems]).toEqual([1_000, ["invalidQuota more than 1000 entries"]]);
  });

  it("of any length are bounded", () => {
    const found = terms({
      "metallb.io/namespace-quotas": "a=1,".repeat(60_000),
      "metallb.io/reserved-addresses": "x".repeat(250_000),
    });
    expect(JSON.stringify(found.problems).length).toBeLessThan(20_000);
  });
});
