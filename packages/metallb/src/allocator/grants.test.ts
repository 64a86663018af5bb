import { describe, expect, it } from "vitest";
import { formatIp, type Ip, parseIp } from "#net";
import { Allocator } from "./allocator.ts";
import type { Grant } from "./grants.ts";
import { Cluster, dual, holds, notes, pool, service } from "./testing.ts";

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.value;
};
const terms = { reserved: new Map(), quotas: new Map(), ipam: "r" };
const outside = pool("a", ["10.0.0.0/24", "fd00::/64"], { terms });
const own = pool("b", ["10.1.0.0/30"]);

/** What the IPAM says of each Service and family, `asked` unless told. */
function scene() {
  const answers = new Map<string, Grant>();
  const denials = new Map<string, string>();
  const allocator = new Allocator("", {
    find: ({ name }, { family, wanted }) =>
      answers.get(`${name} ${wanted ? formatIp(wanted) : family}`) ?? { kind: "asked" },
    denial: (_, ip) => denials.get(formatIp(ip)) ?? null,
  });
  return { answers, denials, allocator, cluster: new Cluster(allocator, [outside, own]) };
}
const granted = (text: string): Grant => ({ kind: "granted", ip: address(text) });

describe("a pool of which an IPAM chooses the addresses", () => {
  it("keeps a Service waiting for the answer, and does not try later pools meanwhile", () => {
    const { answers, allocator, cluster } = scene();
    expect(notes(cluster.put(service("s")))).toEqual([]);
    expect(allocator.outcomes.get("default/s")).toMatchObject({
      kind: "pending",
      refusal: { code: "ipamAsked", asks: [{ pool: "a", range: "r", family: 4, wanted: null }] },
    });
    answers.set("s 4", { kind: "away", message: "no answer" });
    expect(notes(cluster.decide(["default/s"]))).toEqual(["default/s AllocationFailed"]);
    expect(cluster.refusal("default/s")).toBe("ipamAway");
    answers.set("s 4", granted("10.0.0.77"));
    cluster.decide(["default/s"]);
    expect(cluster.ips("default/s")).toEqual(["10.0.0.77"]);
  });

  it("takes a no for an answer: later pools follow, and it is asked again where there is none", () => {
    const { answers, allocator, cluster } = scene();
    answers.set("s 4", { kind: "refused", message: "full" }).set("t 4", { kind: "refused", message: "full" });
    cluster.put(service("s"));
    expect(cluster.ips("default/s")).toEqual(["10.1.0.0"]);
    cluster.setPools([outside]);
    cluster.put(service("t"));
    const outcome = allocator.outcomes.get("default/t");
    expect(outcome).toMatchObject({
      kind: "refused",
      refusal: { code: "exhausted", asks: [{ pool: "a" }], pools: [{ pool: "a", code: "ipam", message: /: full$/ }] },
    });
  });

  it("takes nothing away for an answer that is to come", () => {
    const { answers, cluster } = scene();
    answers.set("s 4", granted("10.0.0.7"));
    cluster.put(service("s"));
    cluster.edit("default/s", { loadBalancerIP: "10.0.0.9" });
    expect(cluster.ips("default/s")).toEqual(["10.0.0.7"]);
    answers.set("s 10.0.0.9", granted("10.0.0.9"));
    cluster.decide(["default/s"]);
    expect(cluster.ips("default/s")).toEqual(["10.0.0.9"]);
    // A fresh process knows only what stands in the status.
    const later = scene();
    later.cluster.put(service("s", { loadBalancerIP: "10.0.0.9", ...holds("10.0.0.7") }));
    expect(later.cluster.ips("default/s")).toEqual(["10.0.0.7"]);
    expect(later.cluster.refusal("default/s")).toBe("ipamAsked");
  });

  it("keeps one address of two while the other is asked for, also of a Service that must have both", () => {
    const { answers, cluster } = scene();
    answers.set("s 4", granted("10.0.0.7"));
    cluster.put(service("s"));
    cluster.edit("default/s", dual());
    expect(cluster.ips("default/s")).toEqual(["10.0.0.7"]);
    answers.set("s 6", granted("fd00::7"));
    cluster.decide(["default/s"]);
    expect(cluster.ips("default/s")).toEqual(["10.0.0.7", "fd00::7"]);
  });

  it("asks nothing for an address that may be shared, nor for a namespace at its quota", () => {
    const { answers, allocator, cluster } = scene();
    const sharing = (port: number) => ({
      annotations: { "metallb.io/allow-shared-ip": "k" },
      ports: [{ protocol: "TCP", port }],
    });
    answers.set("s 4", granted("10.0.0.7"));
    cluster.put(service("s", sharing(80)));
    cluster.put(service("t", sharing(81)));
    cluster.put(service("u", { ...sharing(82), loadBalancerIP: "10.0.0.7" }));
    expect([cluster.ips("default/t"), cluster.ips("default/u")]).toEqual([["10.0.0.7"], ["10.0.0.7"]]);
    cluster.setPools([pool("a", ["10.0.0.0/24"], { terms: { ...terms, quotas: new Map([["default", 1]]) } })]);
    cluster.put(service("v"));
    expect(allocator.outcomes.get("default/v")).toMatchObject({ refusal: { pools: [{ code: "quota" }] } });
    expect(allocator.outcomes.get("default/v")).not.toHaveProperty("refusal.asks");
  });

  it("keeps what the IPAM has for somebody else, and says so", () => {
    const { denials, cluster } = scene();
    denials.set("10.0.0.7", "a router has it");
    expect(notes(cluster.put(service("s", holds("10.0.0.7"))))).toEqual(["default/s ipamTrouble"]);
    expect([cluster.ips("default/s"), cluster.refusal("default/s")]).toEqual([["10.0.0.7"], "ipamDenied"]);
  });

  it("gives nothing while its object is wrong", () => {
    const { answers, cluster } = scene();
    answers.set("s 4", granted("10.0.0.7"));
    cluster.setPools([{ ...outside, frozen: "invalid" }]);
    cluster.put(service("s"));
    expect(cluster.refusal("default/s")).toBe("exhausted");
  });
});
