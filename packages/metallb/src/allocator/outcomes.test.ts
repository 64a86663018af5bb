import { describe, expect, it } from "vitest";
import { type Ip, parseIp } from "#net";
import { Allocator } from "./allocator.ts";
import type { Decision } from "./decision.ts";
import { SharedList } from "./shared-list.ts";
import { Cluster, dual, notes, pool, service, six } from "./testing.ts";

const ip = (text: string): Ip => {
  const read = parseIp(text);
  if (!read.ok) throw new Error(text);
  return read.value;
};

const cluster = (...pools: ReturnType<typeof pool>[]) => new Cluster(new Allocator(), pools);
const annotated = (annotations: Record<string, string>) => ({ annotations });
const named = (name: string) => annotated({ "metallb.io/address-pool": name });
const reserving = (ips: readonly string[], quotas: Readonly<Record<string, number>> = {}) => ({
  terms: { reserved: new Map([["default/vip", ips.map(ip)]]), quotas: new Map(Object.entries(quotas)) },
});

/** Why the one Service that was decided about has nothing, in full. */
const refusal = ([decision]: readonly Decision[]) =>
  decision?.outcome.kind === "refused" ? decision.outcome.refusal : null;

describe("a refusal", () => {
  it("is the decision, clears, and names the pool", () => {
    const c = cluster(
      pool("p", ["1.0.0.1/32"], { autoAssign: false }),
      pool("bad", ["2.0.0.1/32"], { frozen: "invalid" }),
    );
    c.put(service("a", named("p")));
    const full = c.put(service("b", named("p")));
    expect(full).toMatchObject([{ key: "default/b", outcome: { kind: "refused" }, desired: { ips: [], pool: null } }]);
    expect(refusal(full)).toMatchObject({ code: "poolExhausted", pools: [{ pool: "p", code: "full" }] });
    expect(refusal(full)?.message).toContain("p");
    expect(refusal(c.put(service("c", { ...dual(), ...named("p") })))).toMatchObject({
      code: "poolExhaustedDual",
      pools: [{ pool: "p", code: "oneFamilyOnly" }],
    });
    expect(refusal(c.put(service("d", { ...six, ...named("p") })))?.pools).toMatchObject([{ code: "noFamily" }]);
    expect(refusal(c.put(service("e", named("bad"))))).toMatchObject({
      code: "poolFrozen",
      pools: [{ code: "frozen" }],
    });
    expect(refusal(c.put(service("f")))?.pools.map(({ code }) => code)).toEqual(["frozen", "notAutoAssign"]);
  });

  it("says that a pool is full, and not that of a quota that others have", () => {
    const c = cluster(pool("p", ["1.0.0.1/32"], reserving([], { other: 1 })));
    c.put(service("a"));
    expect(refusal(c.put(service("b")))?.pools).toMatchObject([{ pool: "p", code: "full" }]);
  });

  it.each([
    ["noClusterIP", { clusterIPs: [""] }, []],
    ["noClusterIP", { clusterIPs: [] }, []],
    ["notEnoughClusterIPs", { ipFamilyPolicy: "RequireDualStack" }, ["default/a not enough clusterips"]],
  ] as const)("with %s tells upstream's events", (code, rest, told) => {
    const decisions = cluster(pool("p", ["1.0.0.0/24"])).put(service("a", rest));
    expect([refusal(decisions)?.code, notes(decisions)]).toEqual([code, told]);
  });
});

describe("a Service that prefers two families", () => {
  it.each([
    ["IPv4", "IPv6", "fd00::1/128", "fd00::1"],
    ["IPv6", "IPv4", "1.0.0.1/32", "1.0.0.1"],
  ])("%s before %s has the other one where there is no better", (first, second, range, address) => {
    const c = cluster(pool("p", [range]));
    const clusterIPs = first === "IPv4" ? ["10.96.0.1", "fd00:96::1"] : ["fd00:96::1", "10.96.0.1"];
    c.put(service("a", { ...dual("PreferDualStack"), clusterIPs, ipFamilies: [first, second] }));
    expect(c.ips("default/a")).toEqual([address]);
  });

  it("gets no second address beyond the quota of its namespace", () => {
    const c = cluster(pool("p", ["1.0.0.0/24", "fd00::/120"], reserving([], { default: 1 })));
    c.put(service("a"));
    c.edit("default/a", dual("PreferDualStack"));
    expect([c.ips("default/a"), c.refusal("default/a")]).toEqual([["1.0.0.0"], "poolExhaustedDual"]);
  });
});

describe("an address that is reserved", () => {
  it("is not given alone to a Service that must have two", () => {
    const c = cluster(pool("p", ["1.0.0.0/30"], reserving(["1.0.0.2"])), pool("q", ["2.0.0.0/30", "fd00::/126"]));
    c.put(service("vip", dual()));
    expect(c.ips("default/vip")).toEqual(["2.0.0.0", "fd00::"]);
  });

  it("is not given to a Service that asks for another pool", () => {
    const c = cluster(pool("p", ["1.0.0.0/30"], reserving(["1.0.0.2"])), pool("q", ["2.0.0.0/30"]));
    c.put(service("vip", named("q")));
    expect(c.ips("default/vip")).toEqual(["2.0.0.0"]);
  });

  it("is not given beyond the quota of the namespace", () => {
    const c = cluster(pool("p", ["1.0.0.0/30"], reserving(["1.0.0.2"], { default: 1 })));
    c.put(service("a"), service("vip"));
    expect([c.ips("default/a"), c.ips("default/vip")]).toEqual([["1.0.0.0"], []]);
  });

  it("is not confused with one of the other family that has the same number", () => {
    const c = cluster(pool("p", ["1.0.0.0/30", "::100:0/126"], reserving(["1.0.0.0"])));
    c.put(service("a", dual()));
    expect(c.ips("default/a")).toEqual(["1.0.0.1", "::100:0"]);
  });
});

it("addresses that were given back are given out again from the lowest, in whatever order they came", () => {
  const c = cluster(pool("p", ["1.0.0.0/28"]));
  const all = Array.from({ length: 16 }, (_, i) => `s${i}`);
  for (const name of all) c.put(service(name));
  for (const i of [9, 4, 12, 2, 15, 7, 3]) c.remove(`default/s${i}`);
  const again = ["a", "b", "c", "d", "e", "f", "g"];
  for (const name of again) c.put(service(name));
  expect(again.map((name) => c.ips(`default/${name}`)[0])).toEqual([2, 3, 4, 7, 9, 12, 15].map((i) => `1.0.0.${i}`));
});

describe("those that wait", () => {
  it("are all served when as many addresses become free at once", () => {
    const c = cluster(pool("p", ["1.0.0.0/30"]));
    const [holders, waiters] = [
      ["a", "b", "c", "d"],
      ["w", "x", "y", "z"],
    ];
    c.put(...[...(holders ?? []), ...(waiters ?? [])].map((name) => service(name)));
    c.remove(...(holders ?? []).map((name) => `default/${name}`));
    expect(waiters?.map((name) => c.ips(`default/${name}`)[0])).toEqual(["1.0.0.0", "1.0.0.1", "1.0.0.2", "1.0.0.3"]);
  });

  it("for a named pool are served when a Service that shares with them makes room", () => {
    const sharing = (port: number) => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k", "metallb.io/address-pool": "p" },
    });
    const c = cluster(pool("p", ["1.0.0.1/32"]));
    c.put(service("a", sharing(80)), service("b", sharing(80)));
    expect(c.refusal("default/b")).toBe("poolExhausted");
    c.edit("default/a", sharing(443));
    expect([c.ips("default/a"), c.ips("default/b")]).toEqual([["1.0.0.1"], ["1.0.0.1"]]);
  });

  it("and are gone get nothing, and keep nothing from the others", () => {
    const c = cluster(pool("p", ["1.0.0.1/32"]));
    c.put(service("a"), service("b"), service("c"));
    const gone = { outcome: { kind: "released" }, desired: null, notes: [] };
    expect(c.remove("default/b")).toEqual([{ key: "default/b", ...gone }]);
    expect(c.remove("default/a")[0]).toEqual({ key: "default/a", ...gone });
    expect(c.remove("default/a")).toEqual([]);
    expect(c.ips("default/c")).toEqual(["1.0.0.1"]);
    expect([...c.allocator.outcomes.keys()]).toEqual(["default/c"]);
  });
});

describe("the addresses of a sharing group", () => {
  const found = (list: SharedList, fits: readonly bigint[], ports = "80") =>
    list.first(ports, (position) => fits.includes(position));

  it("are each there once, and go without taking another along", () => {
    const list = new SharedList();
    for (const position of [5n, 3n, 5n, 9n]) list.add(position);
    expect(list.size).toBe(3);
    list.remove(4n);
    list.remove(20n);
    expect(list.size).toBe(3);
    list.remove(5n);
    list.remove(5n);
    expect([list.size, found(list, [5n]), found(list, [9n], "other")]).toEqual([2, null, 9n]);
  });

  it("are not asked again below where all were known to conflict, until one improves", () => {
    const list = new SharedList();
    for (const position of [1n, 2n, 3n]) list.add(position);
    expect(found(list, [3n])).toBe(3n);
    const asked: bigint[] = [];
    const ask = () => list.first("80", (position) => asked.push(position) > 99);
    expect([ask(), asked.splice(0)]).toEqual([null, [3n]]);
    expect([ask(), asked.splice(0)]).toEqual([null, []]);
    list.improved(2n);
    expect([ask(), asked.splice(0)]).toEqual([null, [2n, 3n]]);
    list.add(0n);
    expect([ask(), asked.splice(0)]).toEqual([null, [0n, 1n, 2n, 3n]]);
  });

  it("remember the questions asked last, and answer older ones anew", () => {
    const list = new SharedList();
    list.add(1n);
    const asked: string[] = [];
    const ask = (ports: string) => list.first(ports, () => asked.push(ports) > 999);
    for (let i = 0; i < 65; i++) ask(`${i}`);
    asked.splice(0);
    for (const ports of ["64", "1", "0"]) ask(ports);
    expect(asked).toEqual(["0"]);
  });
});
