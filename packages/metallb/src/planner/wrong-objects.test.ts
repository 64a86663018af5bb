import { describe, expect, it } from "vitest";
import type { BgpAdvertisement } from "#config";
import { Planner, plan } from "#planner";
import { advertisement, config, OPTIONS, peer, pool, routesOf, service, TestWorld } from "./testing.ts";

const announced = { ips: ["192.0.2.5"] };
const world = (advertisements: readonly BgpAdvertisement[] = [advertisement("a")]): TestWorld =>
  new TestWorld([pool("lab", "192.0.2.0/24", advertisements)], [peer("router")]);

describe("objects that are wrong", () => {
  const update = (planner: Planner, given: TestWorld) =>
    planner.update(given, { services: new Set(), nodes: new Set(), config: true });

  it("two local preferences for one prefix: the older one's counts, and the route stands", () => {
    const given = (created: string) =>
      world([
        advertisement("a", { created, localPref: 1, communities: [1] }),
        advertisement("b", { created: "2026-02-01T00:00:00Z", localPref: 2, communities: [2] }),
      ]).serve(service("a", announced));
    const preferred = (created: string) => routesOf(plan(given(created), OPTIONS)).all?.["192.0.2.5/32"];
    expect(preferred("2026-01-01T00:00:00Z")).toMatchObject({ localPref: 1, communities: [1, 2] });
    expect(preferred("2026-03-01T00:00:00Z")).toMatchObject({ localPref: 2, communities: [1, 2] });
  });

  it("a pool that lost an address, or is gone, is announced until the Service was moved", () => {
    const annotations = { "metallb.io/ip-allocated-from-pool": "lab" };
    const given = world().serve(service("a", { ...announced, annotations }));
    const planner = new Planner(OPTIONS);
    update(planner, given);
    const peers = given.config?.peers ?? [];
    given.config = config([pool("lab", "198.51.100.0/24", [advertisement("a")])], peers);
    expect(update(planner, given).routes).toEqual([]);
    given.config = { ...config([], peers), departed: (name) => pool(name, "203.0.113.0/24", [advertisement("a")]) };
    expect(update(planner, given).routes).toEqual([]);
    expect(plan(given, OPTIONS).verdict("default/a", given.services.get("default/a")).bgp).toMatchObject({
      announced: true,
    });
  });

  it("of a pool that is gone one object speaks for all its Services", () => {
    const annotations = { "metallb.io/ip-allocated-from-pool": "lab" };
    const given = world();
    for (const [name, ip] of [
      ["a", "192.0.2.5"],
      ["b", "192.0.2.6"],
    ] as const)
      given.serve(service(name, { ips: [ip], annotations }));
    let asked = 0;
    const departed = (name: string) => {
      asked += 1;
      return pool(name, "203.0.113.0/24", [gone]);
    };
    const gone = advertisement("a");
    const planner = new Planner(OPTIONS);
    given.config = { ...config([], given.config?.peers ?? []), departed };
    expect(update(planner, given).verdicts).toHaveLength(2);
    expect(asked).toBe(1);
    given.config = { ...given.config };
    expect([update(planner, given).verdicts, asked]).toEqual([[], 2]);
  });

  it.each([
    ["its end", "192.0.2.4-192.0.2.9", "192.0.2.4-192.0.2.20", "192.0.2.15"],
    ["its beginning", "192.0.2.4-192.0.2.9", "192.0.2.0-192.0.2.9", "192.0.2.2"],
    ["another family", "0.0.0.1-0.0.0.9", "::1-::9", "::5"],
  ])("a range that differs in %s alone is another one", (_, before, after, ip) => {
    const given = new TestWorld(
      [pool("lab", before, [advertisement("a")])],
      [peer("router", { dualStackAddressFamily: true })],
    );
    given.serve(service("a", { ips: [ip] }));
    const planner = new Planner(OPTIONS);
    update(planner, given);
    const [{ bgpAdvertisements } = { bgpAdvertisements: [] }] = given.config?.pools ?? [];
    given.config = config([pool("lab", after, bgpAdvertisements)], given.config?.peers ?? []);
    expect(update(planner, given).routes).toMatchObject([{ announce: [expect.anything()] }]);
  });

  it("a peer whose object turned wrong keeps its session as it is; one that was never right gets what can be read", () => {
    const before = new TestWorld([], [peer("p", { holdTime: 30 })]);
    const planner = new Planner(OPTIONS);
    update(planner, before);
    before.config = config([], [peer("p", { frozen: true, nodes: () => false })]);
    expect(update(planner, before)).toMatchObject({ peersSet: [], peersRemoved: [] });
    before.config = { ...config([], []), unreadablePeers: new Set(["p", "q"]) };
    expect(update(planner, before)).toMatchObject({ peersSet: [], peersRemoved: [] });
    expect([...planner.plan.peers.values()]).toMatchObject([{ name: "p", holdTime: 30 }]);
    before.config = config([], []);
    expect(update(planner, before)).toMatchObject({ peersRemoved: ["p"] });
    expect(plan(new TestWorld([], [peer("p", { frozen: true })]), OPTIONS).peers.size).toBe(1);
  });
});
