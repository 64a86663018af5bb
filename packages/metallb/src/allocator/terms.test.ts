import { describe, expect, it } from "vitest";
import { formatIp, type Ip, parseIp } from "#net";
import { Allocator } from "./allocator.ts";
import { Cluster, dual, holds, notes, pool, service, six } from "./testing.ts";

const ip = (text: string): Ip => {
  const read = parseIp(text);
  if (!read.ok) throw new Error(text);
  return read.value;
};

const terms = (
  reserved: Readonly<Record<string, readonly string[]>>,
  quotas: Readonly<Record<string, number>> = {},
) => ({
  terms: {
    reserved: new Map(Object.entries(reserved).map(([name, ips]) => [name, ips.map(ip)])),
    quotas: new Map(Object.entries(quotas)),
  },
});

describe("an address reserved for a Service", () => {
  const reserving = pool("p", ["1.0.0.0/30", "fd00::/126"], terms({ "default/vip": ["1.0.0.0", "fd00::2"] }));
  const start = (...more: readonly ReturnType<typeof pool>[]) => new Cluster(new Allocator(), [reserving, ...more]);

  it("waits for it, and is nobody else's", () => {
    const c = start();
    c.put(service("a"), service("b"), service("c"), service("d"), service("asks", { loadBalancerIP: "1.0.0.0" }));
    expect(["a", "b", "c", "d"].map((name) => c.ips(`default/${name}`))).toEqual([
      ["1.0.0.1"],
      ["1.0.0.2"],
      ["1.0.0.3"],
      [],
    ]);
    expect(c.refusal("default/asks")).toBe("reserved");
    c.put(service("vip"));
    expect(c.ips("default/vip")).toEqual(["1.0.0.0"]);
    c.remove("default/vip");
    expect([c.ips("default/d"), c.refusal("default/asks")]).toEqual([[], "reserved"]);
    c.put(service("vip", { loadBalancerIP: "1.0.0.0" }));
    expect(c.ips("default/vip")).toEqual(["1.0.0.0"]);
    c.setPools([pool("p", ["1.0.0.0/29"])]);
    expect([c.ips("default/vip"), c.ips("default/d")]).toEqual([["1.0.0.0"], ["1.0.0.4"]]);
  });

  it("is shared with nobody but those for whom it is reserved too", () => {
    const shared = (port: number) => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k" },
    });
    const c = start();
    c.put(service("vip", shared(1)), service("a", shared(2)));
    expect([c.ips("default/vip"), c.ips("default/a")]).toEqual([["1.0.0.0"], ["1.0.0.1"]]);
  });

  it("is given in both families, and with a free one beside it", () => {
    const c = start();
    c.put(service("vip", dual()));
    expect(c.ips("default/vip")).toEqual(["1.0.0.0", "fd00::2"]);
    const d = new Cluster(new Allocator(), [
      pool("p", ["1.0.0.0/30", "fd00::/126"], terms({ "default/vip": ["fd00::2"] })),
    ]);
    d.put(service("vip", dual("PreferDualStack")));
    expect(d.ips("default/vip")).toEqual(["1.0.0.0", "fd00::2"]);
  });

  it("is added where a Service gets a second family", () => {
    const c = start();
    c.put(service("vip"));
    c.edit("default/vip", dual());
    expect(c.ips("default/vip")).toEqual(["1.0.0.0", "fd00::2"]);
  });

  it("comes before pools by name, and from pools that give nothing by themselves", () => {
    const manual = pool("z", ["9.0.0.0/30"], { autoAssign: false, ...terms({ "default/x": ["9.0.0.2"] }) });
    const c = start(manual);
    c.put(service("x"));
    expect(c.ips("default/x")).toEqual(["9.0.0.2"]);
  });

  it("is not taken from who holds it, and the Service gets another one meanwhile", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/30"])]);
    c.put(service("a"));
    c.setPools([reserving]);
    c.put(service("vip"));
    expect([c.ips("default/a"), c.ips("default/vip")]).toEqual([["1.0.0.0"], ["1.0.0.1"]]);
  });
});

describe("a quota of a namespace", () => {
  const limited = (quotas: Readonly<Record<string, number>>) =>
    pool("p", ["1.0.0.0/24", "fd00::/120"], terms({}, quotas));
  const put = (c: Cluster, namespace: string, name: string, rest: Parameters<typeof service>[1] = {}) =>
    c.put(service(name, { namespace, ...rest }));

  it("is how many addresses its Services may hold, and those that wait get what is given up", () => {
    const c = new Cluster(new Allocator(), [limited({ a: 2, "*": 1 })]);
    for (const name of ["s1", "s2", "s3", "s4"]) put(c, "a", name);
    for (const name of ["s1", "s2"]) put(c, "b", name);
    expect(["a/s1", "a/s2", "a/s3", "b/s1", "b/s2"].map((key) => c.ips(key).length)).toEqual([1, 1, 0, 1, 0]);
    const outcome = c.allocator.outcomes.get("a/s3");
    expect(outcome?.kind === "refused" && outcome.refusal.pools).toMatchObject([{ pool: "p", code: "quota" }]);
    c.remove("b/s1");
    expect(["a/s3", "b/s2"].map((key) => c.ips(key).length)).toEqual([0, 1]);
    c.remove("a/s1");
    expect(["a/s3", "a/s4"].map((key) => c.ips(key).length)).toEqual([1, 0]);
    c.setPools([limited({ a: 3 })]);
    expect(c.ips("a/s4")).toHaveLength(1);
  });

  it("counts each address once, of both families, and also what is asked for", () => {
    const c = new Cluster(new Allocator(), [limited({ a: 2 })]);
    const shared = (port: number) => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k" },
    });
    put(c, "a", "s1", shared(1));
    put(c, "a", "s2", shared(2));
    put(c, "a", "both", dual());
    expect(["a/s1", "a/s2", "a/both"].map((key) => c.ips(key).length)).toEqual([1, 1, 0]);
    put(c, "a", "asks", { loadBalancerIP: "1.0.0.9" });
    put(c, "a", "more", { loadBalancerIP: "1.0.0.10" });
    put(c, "a", "named", { annotations: { "metallb.io/address-pool": "p" } });
    expect(c.ips("a/asks")).toEqual(["1.0.0.9"]);
    expect([c.refusal("a/more"), c.refusal("a/named")]).toEqual(["quota", "quota"]);
    c.remove("a/s1");
    expect(c.refusal("a/more")).toBe("quota");
    c.remove("a/s2");
    expect(["a/more", "a/named"].map((key) => c.ips(key).length)).toContain(1);
  });

  it("counts an address for each namespace that uses it, once, and forgets those that use none", () => {
    const c = new Cluster(new Allocator(), [limited({ a: 1, b: 1 })]);
    const shared = (port: number) => ({
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": "k" },
    });
    put(c, "a", "s1", shared(1));
    put(c, "a", "s2", shared(2));
    put(c, "b", "s1", shared(3));
    put(c, "a", "more");
    put(c, "b", "more");
    expect(["a/s1", "a/s2", "b/s1", "a/more", "b/more"].map((key) => c.ips(key).length)).toEqual([1, 1, 1, 0, 0]);
    c.remove("a/s1");
    expect(c.refusal("a/more")).toBe("exhausted");
    c.remove("a/s2");
    expect([c.ips("a/more"), c.ips("b/more")]).toEqual([["1.0.0.1"], []]);
    c.remove("a/more", "b/more", "b/s1");
    expect(c.allocator.index.space("p", 4)?.byNamespace?.size).toBe(0);
  });

  it("counts IPv6 as IPv4, also of what was there when the quota came", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/24", "fd00::/120"])]);
    for (const name of ["s1", "s2"]) put(c, "a", name, six);
    c.setPools([limited({ a: 3 })]);
    put(c, "a", "both", dual());
    put(c, "a", "s3", six);
    put(c, "a", "s4");
    expect(["a/both", "a/s3", "a/s4"].map((key) => c.ips(key).length)).toEqual([0, 1, 0]);
  });

  it("takes nothing from who holds more, also after a restart", () => {
    const c = new Cluster(new Allocator(), [limited({})]);
    for (const name of ["s1", "s2"]) put(c, "a", name);
    c.setPools([limited({ a: 1 })]);
    const next = new Cluster(new Allocator(), [limited({ a: 1 })]);
    for (const each of c.services.values()) next.services.set(each.key, each);
    next.decide([]);
    for (const each of [c, next]) {
      expect(["a/s1", "a/s2"].map((key) => each.ips(key).length)).toEqual([1, 1]);
      each.remove("a/s1");
      each.put(service("s3", { namespace: "a" }));
      expect(each.ips("a/s3")).toEqual([]);
    }
  });

  it("leaves a second address out where it would be too many", () => {
    const c = new Cluster(new Allocator(), [limited({ a: 1 })]);
    put(c, "a", "s", dual("PreferDualStack"));
    expect(c.ips("a/s").map((text) => formatIp(ip(text)))).toEqual(["1.0.0.0"]);
    put(c, "b", "s", { ...dual(), ...holds("1.0.0.1", "fd00::1") });
    expect(c.ips("b/s")).toHaveLength(2);
  });

  it("tells a Service that asks for what is in use nothing new when its namespace reaches the quota too", () => {
    const c = new Cluster(new Allocator(), [pool("p", ["1.0.0.0/29"], terms({}, { default: 2 }))]);
    c.put(service("a"), service("asks", { loadBalancerIP: "1.0.0.0" }));
    expect(c.refusal("default/asks")).toBe("sharingKey");
    c.put({ ...service("b"), ...holds("1.0.0.1") }, { ...service("c"), ...holds("1.0.0.2") });
    expect(notes(c.decide(["default/asks"]))).toEqual([]);
    expect(c.refusal("default/asks")).toBe("quota");
    c.remove("default/b", "default/c");
    expect(notes(c.remove("default/a"))).toEqual(["default/asks IPAllocated"]);
  });
});
