import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Service } from "#api";
import type { Pool } from "#config";
import { formatIp, ip, RangeSet } from "#net";
import { Allocator } from "./allocator.ts";
import { holderOf } from "./claim.ts";
import type { Holder } from "./holder.ts";
import { Cluster, dual, holds, pinned, pool, service, six } from "./testing.ts";

const RUNS = 300;
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"] as const;

const poolSets: readonly (readonly Pool[])[] = [
  [pool("p", ["1.0.0.0/30", "fd00::/126"])],
  [pool("p", ["1.0.0.0/31", "fd00::/127"]), pool("q", ["1.0.0.2/31", "fd00::2/127"])],
  [pool("q", ["1.0.0.2/31", "1.0.0.254-1.0.1.2"], { avoidBuggyIPs: true }), pool("r", ["fd00::/127"])],
  [
    pool("p", ["1.0.0.0/30"], { allocation: pinned({ services: ({ tier }) => tier === "web" }) }),
    pool("z", ["1.0.0.8/31", "fd00::/125"]),
  ],
  [
    pool("p", ["1.0.0.0/32"], {
      frozen: "invalid",
      unreadable: true,
      addresses: RangeSet.of([{ family: 4, first: 0x1000000n, last: 0x1000001n }]),
    }),
    pool("q", ["1.0.0.1/32", "1.0.0.4/31", "fd00::/127"]),
  ],
  [
    pool("p", ["1.0.0.0/30", "fd00::/126"], { frozen: "overlapping" }),
    pool("r", ["1.0.0.8/31", "fd00::8/127"], { allocation: pinned({ namespaces: new Set() }) }),
  ],
  [
    pool("p", ["1.0.0.0/30", "fd00::/126"], {
      terms: {
        reserved: new Map([
          ["default/a", [ip(4, 0x1000002n)]],
          ["default/b", [ip(4, 0x1000000n), ip(6, (0xfdn << 120n) + 1n)]],
        ]),
        quotas: new Map([["default", 3]]),
      },
    }),
  ],
  [],
];

const arbitraryService: fc.Arbitrary<Service> = fc
  .record({
    name: fc.constantFrom(...NAMES),
    age: fc.integer({ min: 1, max: 4 }),
    type: fc.constantFrom("LoadBalancer", "LoadBalancer", "LoadBalancer", "ClusterIP"),
    families: fc.constantFrom({}, {}, six, dual(), dual("PreferDualStack")),
    share: fc.constantFrom("", "", "k", "j"),
    local: fc.boolean(),
    port: fc.integer({ min: 1, max: 3 }),
    tier: fc.constantFrom("web", "db"),
    request: fc.constantFrom(null, null, null, "1.0.0.1", "fd00::1", "x"),
    wanted: fc.constantFrom("", "", "p"),
    status: fc.constantFrom(null, null, null, null, [], ["1.0.0.1"], ["fd00::1", "1.0.0.2"], ["9.9.9.9"]),
  })
  .map(({ name, age, type, families, share, local, port, tier, request, wanted, status }) =>
    service(name, {
      ...families,
      type,
      labels: { tier },
      loadBalancerIP: request,
      creationTimestamp: `2026-01-0${age}T00:00:00Z`,
      externalTrafficPolicy: local ? "Local" : "Cluster",
      selector: local ? { app: "one" } : {},
      ports: [{ protocol: "TCP", port }],
      annotations: { "metallb.io/allow-shared-ip": share, "metallb.io/address-pool": wanted },
      // Null: whatever stands there; the step below fills it in.
      ...(status === null ? {} : holds(...status)),
    }),
  );

type Step =
  | { readonly kind: "put"; readonly services: readonly Service[] }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "pools"; readonly pools: readonly Pool[] }
  | { readonly kind: "restart" };

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      services: fc.array(arbitraryService, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), name: fc.constantFrom(...NAMES) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pools" as const), pools: fc.constantFrom(...poolSets) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

function run(cluster: Cluster, step: Step): Cluster {
  if (step.kind === "restart") {
    const next = new Cluster(new Allocator(), cluster.pools);
    for (const each of cluster.services.values()) next.services.set(each.key, each);
    next.decide([]);
    return next;
  }
  if (step.kind === "remove") cluster.remove(`default/${step.name}`);
  else if (step.kind === "pools") cluster.setPools(step.pools);
  else {
    const keep = (each: Service) =>
      each.ingress.length > 0 ? each : { ...each, ingress: cluster.services.get(each.key)?.ingress ?? [] };
    cluster.put(...step.services.map(keep));
  }
  return cluster;
}

/** What must hold whatever happened. */
function check(cluster: Cluster): void {
  const { allocator, services } = cluster;
  const users = new Map<string, Service[]>();
  for (const [key, { pool: name, ips }] of allocator.index.holdings()) {
    const holder = services.get(key);
    if (!holder) throw new Error(`${key} holds addresses and is gone`);
    expect(cluster.ips(key)).toEqual(ips.map(formatIp));
    expect([...allocator.index.holding(ips, name)].map((each) => each.name)).toContain(name);
    for (const address of ips) {
      users.set(formatIp(address), [...(users.get(formatIp(address)) ?? []), holder]);
    }
  }
  for (const sharers of users.values()) {
    const holders = sharers.map(holderOf);
    const [first] = holders;
    if (!first || holders.length === 1) continue;
    expect(first.group).not.toBeNull();
    for (const holder of holders) expect(holder.group).toBe(first.group);
    const ports = holders.flatMap((holder) => holder.ports);
    expect(new Set(ports).size).toBe(ports.length);
  }
  for (const [key, outcome] of allocator.outcomes) {
    if (outcome.kind !== "refused") continue;
    // A refused Service holds nothing, and would be refused again.
    expect(allocator.index.held(key)).toBeNull();
  }
}

/** What a rebuilt index would say too. */
function picture({ allocator, pools }: Cluster): unknown {
  const probe = (group: string | null): Holder => ({ key: "probe/probe", group, ports: ["TCP/2"] });
  return {
    holdings: [...allocator.index.holdings().values()]
      .map(({ key, pool: name, ips }) => [key, name, ...ips.map(formatIp)].join(" "))
      .toSorted((a, b) => (a < b ? -1 : 1)),
    usage: allocator.usage(),
    next: (pools ?? []).map(({ name }) =>
      ([4, 6] as const).flatMap((family) =>
        [null, '["k",""]'].map((group) => {
          const found = allocator.index.first(probe(group), name, family);
          return found && formatIp(found);
        }),
      ),
    ),
  };
}

describe("random histories", () => {
  const histories = fc.array(arbitraryStep, { minLength: 1, maxLength: 25 });

  it("never give an address two owners that may not share it", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        let cluster = new Cluster(new Allocator(), poolSets[0]);
        for (const step of steps) {
          cluster = run(cluster, step);
          check(cluster);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("leave the same index by difference as built anew from what the Services hold", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        let cluster = new Cluster(new Allocator(), poolSets[0]);
        for (const step of steps) cluster = run(cluster, step);
        const before = picture(cluster);
        expect(picture(run(cluster, { kind: "restart" }))).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });

  it("move nothing without a cause: deciding everything again changes nothing and tells nothing", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        let cluster = new Cluster(new Allocator(), poolSets[0]);
        for (const step of steps) cluster = run(cluster, step);
        const before = new Map([...cluster.services.keys()].map((key) => [key, cluster.ips(key)]));
        const again = cluster.decide([...cluster.services.keys()], true);
        for (const [key, ips] of before) expect([key, cluster.ips(key)]).toEqual([key, ips]);
        expect(again.flatMap(({ notes }) => notes)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it("lose nothing when pools turn wrong, to a controller that saw it or not, nor when they are right again", () => {
    const wrongs: readonly Partial<Pool>[] = [
      { frozen: "invalid" },
      { frozen: "overlapping" },
      { frozen: "invalid", unreadable: true, addresses: RangeSet.empty, ranges: [], families: new Set() },
    ];
    const how = fc.array(fc.constantFrom(...wrongs), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(histories, how, fc.boolean(), (steps, wrong, again) => {
        let cluster = new Cluster(new Allocator(), poolSets[0]);
        for (const step of steps) cluster = run(cluster, step);
        const good = cluster.pools ?? [];
        // One that needs two addresses and has one stands only because its pool is wrong: another that lists the
        // address, and may take it over, decides about it anew.
        const stands = ({ key, ipFamilyPolicy }: Service) =>
          ipFamilyPolicy !== "RequireDualStack" || cluster.ips(key).length === 2;
        const held = new Map([...cluster.services.values()].filter(stands).map(({ key }) => [key, cluster.ips(key)]));
        const nothingIsLost = () => {
          for (const [key, ips] of held)
            expect([key, ...cluster.ips(key)]).toEqual(expect.arrayContaining([key, ...ips]));
        };
        cluster.setPools(good.map((each, i) => ({ ...each, ...wrong[i % wrong.length] })));
        nothingIsLost();
        if (again) cluster = run(cluster, { kind: "restart" });
        nothingIsLost();
        cluster.setPools(good);
        nothingIsLost();
      }),
      { numRuns: RUNS },
    );
  });

  it("adopt the same whatever the order in which Services are listed", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(arbitraryService, { selector: ({ key }) => key }),
        fc.constantFrom(...poolSets),
        (services, pools) => {
          const pictures = [services, services.toReversed()].map((list) => {
            const cluster = new Cluster(new Allocator(), pools);
            for (const each of list) cluster.services.set(each.key, each);
            cluster.decide([]);
            return picture(cluster);
          });
          expect(pictures[0]).toEqual(pictures[1]);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
