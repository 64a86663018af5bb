import { describe, expect, it, vi } from "vitest";
import { PoolLookup } from "#config";
import { formatIp } from "#net";
import { holdingOf, ServiceClasses } from "./service-class.ts";
import { advertisement, pool, service } from "./testing.ts";

const ADDRESSES = ["192.0.2.0/24", "2001:db8::/64"];
const lookup = new PoolLookup({ pools: [pool("lab", ADDRESSES, [])] });

const status = (...ingress: readonly (string | null)[]) =>
  service("a", {
    ingress: ingress.map((ip) => ({ ip, hostname: ip === null ? "a.example" : null, ipMode: "VIP" as const })),
  });

describe("the addresses of a Service", () => {
  const read = (...ingress: readonly (string | null)[]) => {
    const holding = holdingOf(status(...ingress), lookup);
    return "reason" in holding ? holding : holding.ips.map(formatIp);
  };

  it("are each once, in order, whatever form they are written in", () => {
    expect(read("192.0.2.2", "192.0.2.1", "192.0.2.2")).toEqual(["192.0.2.2", "192.0.2.1"]);
    expect(read("::ffff:192.0.2.1", "192.0.2.1", "2001:db8:0::1", "2001:db8::1")).toEqual(["192.0.2.1", "2001:db8::1"]);
  });

  it("are those among names of hosts", () => {
    expect(read(null, "192.0.2.1")).toEqual(["192.0.2.1"]);
    expect(read(null)).toEqual({ reason: "noIPAllocated", facts: {} });
  });

  it("are named where no pool holds them, as many as can be read", () => {
    expect(read("10.0.0.1", null, "10.0.0.2")).toEqual({
      reason: "ipNotAllowed",
      facts: { ips: "10.0.0.1, 10.0.0.2" },
    });
    const many = read(...Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`));
    expect(many).toMatchObject({ facts: { ips: expect.stringMatching(/^10\.0\.0\.0, [0-9., ]{190}$/) } });
  });
});

describe("Services are of one class", () => {
  /** The class of a Service with these annotations and one address from a pool with these advertisements. */
  const of = (advertisements: Parameters<typeof pool>[2]) => {
    const classes = new ServiceClasses();
    const held = pool("lab", ADDRESSES, advertisements);
    const weight = vi.fn(() => 3);
    const get = (
      fields: Parameters<typeof service>[1] = {},
      endpoints: Parameters<ServiceClasses["held"]>[2] = "ok",
      count = weight,
    ) => {
      const one = service("a", { ips: ["192.0.2.1"], externalTrafficPolicy: "Local", ...fields });
      const holding = holdingOf(one, new PoolLookup({ pools: [held] }));
      if ("reason" in holding) throw new Error(holding.reason);
      return classes.held(one, holding, endpoints, count, false);
    };
    return { get, weight };
  };
  const asking = (med: string) => ({ annotations: { "metallb.io/bgp-med": med } });
  const fromServices = {
    communities: new Map(),
    localPref: null,
    med: { minimum: 1, maximum: 9 },
    asPathPrepend: null,
  };
  const spoken = (each: ReturnType<ReturnType<typeof of>["get"]>) =>
    each.spec.kind === "held" ? each.spec.advertisements : [];

  it("whatever they would set, where no advertisement that selects them takes it", () => {
    const { get } = of([advertisement("a"), advertisement("b", { fromServices, services: ({ x }) => x === "1" })]);
    expect(get(asking("3"))).toBe(get(asking("4")));
    const one = { labels: { x: "1" } };
    expect(get({ ...one, ...asking("3") })).not.toBe(get({ ...one, ...asking("4") }));
    expect(get({ ...one, ...asking("3") })).toBe(get({ ...one, ...asking("3") }));
    expect(get(one)).not.toBe(get());
  });

  it("that says what it would set and may not", () => {
    const { get } = of([advertisement("a"), advertisement("b", { fromServices })]);
    expect(get(asking("10")).spec).toMatchObject({
      ignored: [
        {
          reason: "attributeRefused",
          facts: { annotation: "metallb.io/bgp-med", advertisement: "b", why: "10 is not between 1 and 9" },
        },
      ],
    });
    expect(get(asking("7")).spec).toMatchObject({ ignored: [], advertisements: [{ med: null }, { med: 7 }] });
  });

  it("however many endpoints they have, where none that selects them weighs those", () => {
    const { get, weight } = of([
      advertisement("a"),
      advertisement("b", { weighsEndpoints: true, services: ({ x }) => x === "1" }),
    ]);
    get();
    get({ labels: { x: "1" }, externalTrafficPolicy: "Cluster" });
    get({ labels: { x: "1" } }, "noLocalEndpoints");
    expect(weight).not.toHaveBeenCalled();
    const weighed = spoken(get({ labels: { x: "1" } }));
    expect(weight).toHaveBeenCalledTimes(1);
    expect(weighed.map(({ name, linkBandwidth }) => [name, linkBandwidth])).toEqual([
      ["a", undefined],
      ["b", 375_000],
    ]);
    const other = get(
      { labels: { x: "1" } },
      "ok",
      vi.fn(() => 4),
    );
    expect(spoken(other)[1]).toMatchObject({ linkBandwidth: 500_000 });
  });

  it("that speaks as the advertisements do, object for object, where it adds nothing", () => {
    const all = [advertisement("a", { weighsEndpoints: true }), advertisement("b", { fromServices })];
    const { get } = of(all);
    expect(spoken(get({ externalTrafficPolicy: "Cluster" })).map((each, i) => each === all[i])).toEqual([true, true]);
  });
});

it("numbers of classes that nobody is of are used again, and only those", () => {
  const classes = new ServiceClasses();
  const of = (text: string) => classes.refused({ reason: "invalidIP", facts: { ip: text } });
  const [a, b, unused] = [of("a"), of("b"), of("unused")];
  expect([a.id, b.id, unused.id]).toEqual([0, 1, 2]);
  for (const each of [a, a, b]) classes.take(each);
  classes.leave(a);
  classes.sweep();
  expect([...classes]).toEqual([a, b]);
  expect(of("c").id).toBe(unused.id);
  classes.leave(b);
  // Somebody is of it again before the sweep.
  classes.take(b);
  classes.leave(a);
  classes.sweep();
  expect([...classes]).toEqual([b]);
  expect([classes.at(b.id), of("b")]).toEqual([b, b]);
});
