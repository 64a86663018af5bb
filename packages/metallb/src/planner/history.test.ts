import fc from "fast-check";
import { expect, it } from "vitest";
import type { Service } from "#api";
import type { BgpAdvertisement, Config, L2Advertisement, Peer, Pool } from "#config";
import { formatIp, formatPrefix, type Ip, parseIp, prefixOf, type Result } from "#net";
import { Planner, plan } from "#planner";
import type { Changes, DrainPhase, PlanDifference } from "./plan.ts";
import {
  advertisement,
  changes,
  config,
  l2Advertisement,
  node,
  OPTIONS,
  peer,
  pool,
  routesOf,
  service,
  slice,
  TestWorld,
} from "./testing.ts";

/** Applies differences as the engines do: what a peer has been told in the end. */
class Told {
  readonly tables = new Map<string, Map<string, unknown>>();
  readonly peers = new Map<string, string>();

  apply({ routes, peersSet, peersRemoved, routesAfter }: PlanDifference): void {
    for (const change of routes) this.change(change);
    for (const { name, table } of peersSet) this.peers.set(name, table);
    for (const name of peersRemoved) this.peers.delete(name);
    for (const change of routesAfter) this.change(change);
  }

  private change({ table, announce, withdraw }: PlanDifference["routes"][number]): void {
    const routes = this.tables.get(table) ?? new Map<string, unknown>();
    this.tables.set(table, routes);
    for (const prefix of withdraw) expect(routes.delete(formatPrefix(prefix))).toBe(true);
    for (const { prefix, attributes } of announce) routes.set(formatPrefix(prefix), attributes);
  }

  /** What a peer is told of the families that it carries. */
  of(peer: Peer): unknown {
    const routes = this.tables.get(this.peers.get(peer.name) ?? "") ?? new Map<string, unknown>();
    return Object.fromEntries([...routes].filter(([prefix]) => peer.dualStackAddressFamily || !prefix.includes(":")));
  }
}

/** Which node answers for which addresses, from differences alone. */
class Answered {
  readonly claims = new Map<string, string>();

  apply({ layer2 }: PlanDifference): void {
    const key = ({ holder, address }: { holder: string; address: Ip }) => `${holder} ${formatIp(address)}`;
    for (const claim of layer2.withdraw) expect(this.claims.delete(key(claim))).toBe(true);
    for (const claim of layer2.announce) this.claims.set(key(claim), String(claim.interfaces));
  }
}

/** The Services that a speaker serves at all, their addresses and their pool. Slow, and with nothing of the planner in it. */
function* served(
  world: TestWorld,
): Generator<{ service: Service; ips: readonly Ip[]; pool: Pool; at: Set<string | null> }> {
  for (const service of world.services.values()) {
    const ips = service.ingress.flatMap(({ ip }) => (ip === null ? [] : [must(parseIp(ip))]));
    const { pools = [], departed } = world.config ?? {};
    const named = service.annotations["metallb.io/ip-allocated-from-pool"];
    const holder = pools.find(({ addresses }) => ips.every((ip) => addresses.has(ip)));
    const gone = named === undefined ? undefined : (pools.find(({ name }) => name === named) ?? departed?.(named));
    const pool = ips.length > 0 ? (holder ?? gone) : undefined;
    const endpoints = [...world.endpointSlices(service.key)].flatMap(({ endpoints }) => endpoints);
    if (service.type === "LoadBalancer" && pool)
      yield { service, ips, pool, at: new Set(endpoints.map(({ nodeName }) => nodeName)) };
  }
}

/** What one peer must be told. */
function routesFor(peer: Peer, world: TestWorld, drain: DrainPhase): unknown {
  const own = must2(world.nodes.get("node-1"));
  const told: Record<string, (BgpAdvertisement & { readonly bandwidth: number })[]> = {};
  for (const { service, ips, pool, at } of served(world)) {
    const ready = service.externalTrafficPolicy === "Local" ? at.has("node-1") : at.size > 0;
    if (!ready || own.networkUnavailable) continue;
    if (drain === "withdrawn" && !isLast(world, service, ips, pool, at)) continue;
    for (const ad of pool.bgpAdvertisements) {
      if (!ad.nodes(own.labels) || !ad.services(service.labels) || (ad.peers && !ad.peers.has(peer.name))) continue;
      for (const ip of ips)
        if (ip.family === 4 || peer.dualStackAddressFamily) {
          const prefix = formatPrefix(prefixOf(ip, ip.family === 4 ? ad.aggregationLength : ad.aggregationLengthV6));
          told[prefix] = [...(told[prefix] ?? []), spoken(ad, service, world)];
        }
    }
  }
  return Object.fromEntries(
    Object.entries(told).map(([prefix, ads]) => [
      prefix,
      {
        localPref: null,
        communities: [...new Set(ads.flatMap(({ communities }) => communities))].sort((a, b) => a - b),
        largeCommunities: [],
        ...singles(ads),
      },
    ]),
  );
}

const carries = (peer: Peer, family: number): boolean => family === 4 || peer.dualStackAddressFamily;

/** Whether of a family that this node announces no other node would announce it. */
function isLast(world: TestWorld, service: Service, ips: readonly Ip[], pool: Pool, at: Set<string | null>): boolean {
  const tells = (family: number) =>
    [...world.nodes.values()]
      .filter(({ name, drain, networkUnavailable, labels }) => {
        const isAlive = world.members === null || world.members.has(name);
        if (name !== "node-1" && (drain !== null || !isAlive)) return false;
        if (networkUnavailable || (service.externalTrafficPolicy === "Local" && !at.has(name))) return false;
        return pool.bgpAdvertisements.some(
          (ad) =>
            ad.services(service.labels) &&
            ad.nodes(labels) &&
            (world.config?.peers ?? []).some(
              (peer) => peer.nodes(labels) && carries(peer, family) && (!ad.peers || ad.peers.has(peer.name)),
            ),
        );
      })
      .map(({ name }) => name);
  return ips.some(({ family }) => String(tells(family)) === "node-1");
}

/** An advertisement as it speaks of one Service: with the MED that the Service may set, and the weight of this node. */
function spoken(ad: BgpAdvertisement, { key, annotations, externalTrafficPolicy }: Service, world: TestWorld) {
  const own = Number(annotations["metallb.io/bgp-med"] ?? "NaN");
  const allowed = ad.fromServices?.med;
  const endpoints = [...world.endpointSlices(key)].flatMap(({ endpoints }) => endpoints);
  const here = endpoints.filter(({ nodeName }) => nodeName === "node-1").length;
  return {
    ...ad,
    med: allowed && own >= allowed.minimum && own <= allowed.maximum ? own : ad.med,
    bandwidth: ad.weighsEndpoints && externalTrafficPolicy === "Local" ? here * 125_000 : 0,
  };
}

/** Names are ages here. Of Services that share a route the lower MED counts. */
function singles(ads: readonly (BgpAdvertisement & { readonly bandwidth: number })[]): object {
  const [first] = ads
    .filter(({ med }) => med !== null)
    .sort((a, b) => (a.name === b.name ? must2(a.med ?? 0) - must2(b.med ?? 0) : a.name < b.name ? -1 : 1));
  const bandwidth = Math.max(...ads.map((ad) => ad.bandwidth));
  return { ...(first ? { med: first.med } : {}), ...(bandwidth > 0 ? { linkBandwidth: bandwidth } : {}) };
}

/** What this node must answer for by layer 2 (contract 6.5). */
function answersFor(world: TestWorld): unknown {
  const answers: Record<string, string> = {};
  for (const { service, ips, pool, at } of served(world)) {
    const ads = pool.l2Advertisements.filter(({ services }) => services(service.labels));
    const score = (name: string) =>
      ads.reduce((sum, { preferences, nodes }) => {
        const { labels } = must2(world.nodes.get(name));
        return sum + (nodes(labels) ? preferences.reduce((s, p) => s + (p.nodes(labels) ? p.weight : 0), 0) : 0);
      }, 0);
    const hash = (name: string) => Buffer.from(OPTIONS.sha256(`${name}#${formatIp(must2(ips[0]))}`)).toString("hex");
    const [owner] = [...world.nodes.values()]
      .filter(({ name, labels, networkUnavailable }) => {
        const isAlive = world.members === null || world.members.has(name);
        const serves = service.externalTrafficPolicy === "Local" ? at.has(name) : at.size > 0;
        return isAlive && serves && !networkUnavailable && ads.some(({ nodes }) => nodes(labels));
      })
      .map(({ name }) => name)
      .filter((name, _, all) => {
        const isDrained = (each: string) => must2(world.nodes.get(each)).drain !== null;
        return !isDrained(name) || all.every(isDrained);
      })
      .sort((a, b) => score(b) - score(a) || (hash(a) < hash(b) ? -1 : 1));
    if (owner === "node-1") for (const ip of ips) answers[`${service.key} ${formatIp(ip)}`] = "null";
  }
  return answers;
}

/** A Service that is none of ours, or not there, has nobody to tell of it. */
const isOurs = (verdict: string | undefined): boolean => !/serviceDeleted|notLoadBalancer/.test(verdict ?? "");

const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const must2 = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("missing");
  return value;
};

const MED_FROM_SERVICES = {
  communities: new Map(),
  localPref: null,
  med: { minimum: 1, maximum: 9 },
  asPathPrepend: null,
};

/** Names are unique in a cluster, so those of another pool begin otherwise. */
const advertisementSets = (first: string) =>
  fc.constantFrom<readonly BgpAdvertisement[]>(
    [advertisement(`${first}a`)],
    [
      advertisement(`${first}a`, { aggregationLength: 30, communities: [1] }),
      advertisement(`${first}b`, { peers: new Set(["q"]), communities: [2] }),
    ],
    [advertisement(`${first}b`, { peers: new Set(["p"]) })],
    [
      advertisement(`${first}a`, { fromServices: MED_FROM_SERVICES, weighsEndpoints: true }),
      advertisement(`${first}b`, { med: 7, peers: new Set(["q"]) }),
    ],
    [
      advertisement(`${first}a`, { services: (labels) => labels.x === "1" }),
      advertisement(`${first}c`, { nodes: (labels) => labels.rack === "1" }),
    ],
    [],
  );
const advertisements = advertisementSets("");
const otherAdvertisements = advertisementSets("x");

const l2Advertisements = fc.constantFrom<readonly L2Advertisement[]>(
  [],
  [l2Advertisement("a")],
  [
    l2Advertisement("a", { services: ({ x }) => x === "1" }),
    l2Advertisement("b", { nodes: ({ rack }) => rack === "1", preferences: [{ weight: 5, nodes: () => true }] }),
  ],
  [l2Advertisement("c", { nodes: ({ rack }) => rack !== "1" })],
);

const peerSets = fc.constantFrom(
  [peer("p")],
  [peer("p", { dualStackAddressFamily: true }), peer("q")],
  [peer("p"), peer("q")],
  [peer("q", { nodes: (labels) => labels.rack === "1" })],
  [],
);

/** One pool for all addresses, or each half of them in one. */
const configured = (
  ads: readonly BgpAdvertisement[],
  l2: readonly L2Advertisement[],
  others: readonly BgpAdvertisement[],
  peers: readonly Peer[],
  halves: boolean,
): Config =>
  config(
    halves
      ? [
          pool("low", ["192.0.2.0/29", "2001:db8::/125"], ads, l2),
          pool("high", ["192.0.2.8/29", "2001:db8::8/125"], others, []),
        ]
      : [pool("lab", ["192.0.2.0/28", "2001:db8::/124"], ads, l2)],
    peers,
  );

const phases = fc.constantFrom<DrainPhase>("none", "none", "warned", "withdrawn", "closed");

type Move = (world: TestWorld) => Changes;

const anyService: fc.Arbitrary<Service> = fc
  .record({
    n: fc.nat(4),
    ip: fc.option(fc.nat(15)),
    six: fc.boolean(),
    local: fc.boolean(),
    x: fc.boolean(),
    med: fc.option(fc.constantFrom("3", "9", "10", "x")),
    from: fc.option(fc.constantFrom("lab", "low", "high")),
    type: fc.constantFrom("LoadBalancer", "LoadBalancer", "ClusterIP"),
  })
  .map(({ n, ip, six, local, x, med, from, type }) =>
    service(`s${n}`, {
      ips: ip === null ? [] : six ? [`2001:db8::${ip}`, `192.0.2.${ip}`] : [`192.0.2.${ip}`],
      externalTrafficPolicy: local ? "Local" : "Cluster",
      labels: x ? { x: "1" } : {},
      annotations: {
        ...(from === null ? {} : { "metallb.io/ip-allocated-from-pool": from }),
        ...(med === null ? {} : { "metallb.io/bgp-med": med }),
      },
      type,
    }),
  );

const moves: fc.Arbitrary<Move> = fc.oneof(
  anyService.map(
    (added): Move =>
      (world) => {
        world.services.set(added.key, added);
        return changes({ services: new Set([added.key]) });
      },
  ),
  fc.nat(4).map(
    (n): Move =>
      (world) => {
        world.services.delete(`default/s${n}`);
        return changes({ services: new Set([`default/s${n}`]) });
      },
  ),
  fc.tuple(fc.nat(4), fc.subarray(["node-1", "node-1", "node-2"])).map(
    ([n, nodes]): Move =>
      (world) => {
        world.slices.set(`default/s${n}`, [slice(`s${n}`, nodes)]);
        return changes({ services: new Set([`default/s${n}`]) });
      },
  ),
  fc.tuple(fc.constantFrom("node-1", "node-2", "node-3"), fc.boolean(), fc.boolean()).map(
    ([name, rack, down]): Move =>
      (world) => {
        world.nodes.set(name, node(name, { labels: rack ? { rack: "1" } : {}, networkUnavailable: down }));
        return changes({ nodes: new Set([name]) });
      },
  ),
  fc.tuple(fc.constantFrom("node-1", "node-2", "node-3"), fc.boolean()).map(
    ([name, drained]): Move =>
      (world) => {
        const old = world.nodes.get(name) ?? node(name);
        world.nodes.set(name, { ...old, drain: drained ? "true" : null });
        return changes({ nodes: new Set([name]) });
      },
  ),
  fc.option(fc.subarray(["node-1", "node-2", "node-3"])).map(
    (members): Move =>
      (world) => {
        world.members = members && new Set(members);
        return changes({ members: true });
      },
  ),
  fc.tuple(advertisements, l2Advertisements, otherAdvertisements, peerSets, fc.boolean()).map(
    ([ads, l2, others, peers, halves]): Move =>
      (world) => {
        world.config = configured(ads, l2, others, peers, halves);
        return changes({ config: true });
      },
  ),
);

it("the plan by difference is the plan from scratch and the oracle's, and engines are told exactly it", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(moves, phases), { maxLength: 40, size: "max" }), (history) => {
      // Begins with something announced, so that a short history has something to lose.
      const given = new TestWorld([], []);
      given.config = configured([advertisement("a")], [l2Advertisement("a")], [], [peer("p")], false);
      for (let n = 0; n < 5; n++) given.serve(service(`s${n}`, { ips: [`192.0.2.${n}`] }));
      const planner = new Planner(OPTIONS);
      const [told, answered] = [new Told(), new Answered()];
      const verdicts = new Map<string, string>();
      const step = (change: Changes, phase: DrainPhase = "none"): void => {
        const difference = planner.update(given, change, phase);
        told.apply(difference);
        answered.apply(difference);
        const scratch = plan(given, OPTIONS, phase);
        expect(routesOf(planner.plan)).toEqual(routesOf(scratch));
        expect([...planner.plan.peers.keys()].sort()).toEqual([...scratch.peers.keys()].sort());
        for (const each of given.config?.peers ?? [])
          if (scratch.peers.has(each.name)) expect(told.of(each)).toEqual(routesFor(each, given, phase));
        expect(Object.fromEntries(answered.claims)).toEqual(answersFor(given));
        for (let n = 0; n < 5; n++) {
          const of = `default/s${n}`;
          const added = given.services.get(of);
          const verdict = planner.plan.verdict(of, added);
          expect(verdict).toEqual(scratch.verdict(of, added));
          // Who is told of a change hears of each.
          const text = JSON.stringify(verdict);
          if (verdicts.has(of) && verdicts.get(of) !== text)
            expect(isOurs(verdicts.get(of)) || isOurs(text) ? difference.verdicts : [of]).toContain(of);
          verdicts.set(of, text);
        }
      };
      step(changes({ config: true }));
      for (const [move, phase] of history) step(move(given), phase);
    }),
    { numRuns: 60 },
  );
});
