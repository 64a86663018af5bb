import type {
  BFDProfile,
  BGPAdvertisement,
  BGPPeer,
  Community,
  FieldProblem,
  IPAddressPool,
  L2Advertisement as L2Resource,
  Namespace,
  ResourceMeta,
  Secret,
} from "#api";
import { aggregationProblem, compileBgpAdvertisement, compileL2Advertisement, poolsOf } from "./advertisements.ts";
import { compileAliases } from "./communities.ts";
import type { BfdProfile, BgpAdvertisement, Config, L2Advertisement, Peer, Pool, Problem } from "./config.ts";
import { compileBfdProfile, compilePeer } from "./peers.ts";
import { type BarePool, Claims, compilePool } from "./pools.ts";
import { ProblemList } from "./problems.ts";

/** An object whose schema was not met: it is told about and left out. */
export interface Malformed {
  readonly kind: string;
  readonly name: string;
  readonly problems: readonly FieldProblem[];
}

/** All that is read, each list in any order. What a process does not read it leaves empty. */
export interface Resources {
  readonly pools: Iterable<IPAddressPool>;
  readonly communities: Iterable<Community>;
  readonly namespaces: Iterable<Namespace>;
  readonly bgpAdvertisements: Iterable<BGPAdvertisement>;
  readonly l2Advertisements: Iterable<L2Resource>;
  readonly peers: Iterable<BGPPeer>;
  readonly bfdProfiles: Iterable<BFDProfile>;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly malformed: Iterable<Malformed>;
}

/** A configuration, what is wrong with it, and what the next one is compared with. */
export interface Compilation {
  /** The same object as before when nothing differs. */
  readonly config: Config;
  readonly problems: readonly Problem[];
  /** What counted, by kind and name, with the text that it was made of. */
  readonly good: ReadonlyMap<string, Good>;
}

interface Good {
  readonly fingerprint: string;
  readonly value: unknown;
}

/**
 * Everything the custom resources say, checked and resolved. A bad object never takes a good one with
 * it: its last good version stays when there was one, else it is left out, and a problem says so.
 * What has not changed keeps its identity, down to the whole configuration. Cost: one pass over the
 * objects, O(n log n) for overlaps.
 */
export function compile(resources: Resources, previous: Compilation | null): Compilation {
  const run = new Compiler(previous);
  for (const malformed of resources.malformed) run.malformed(malformed);
  const namespaces = [...resources.namespaces];
  const poolResources = byName(resources.pools);
  const bare = run.pools(poolResources, namespaces);
  const { aliases, problems } = compileAliases(byName(resources.communities));
  for (const list of problems) run.problems.push(...list.problems);
  const aliasText = JSON.stringify([...aliases]);
  const bgp = run.advertisements(
    "BGPAdvertisement",
    byName(resources.bgpAdvertisements),
    poolResources,
    aliasText,
    (resource, list) => compileBgpAdvertisement(resource, aliases, list),
  );
  const l2 = run.advertisements(
    "L2Advertisement",
    byName(resources.l2Advertisements),
    poolResources,
    "",
    compileL2Advertisement,
  );
  const pools = bare.map((pool) => run.attach(pool, bgp, l2));
  const bfdProfiles = run.kind("BFDProfile", byName(resources.bfdProfiles), () => "", compileBfdProfile);
  const context = { secrets: resources.secrets, bfdProfiles: new Set(bfdProfiles.map((profile) => profile.name)) };
  const secretText = (peer: BGPPeer): string => {
    const { name, namespace } = peer.spec.passwordSecret ?? {};
    const secret = name ? context.secrets.get(`${namespace || peer.namespace}/${name}`) : undefined;
    return JSON.stringify([
      secret?.uid,
      secret?.resourceVersion,
      peer.spec.bfdProfile && context.bfdProfiles.has(peer.spec.bfdProfile),
    ]);
  };
  const peers = run.kind("BGPPeer", byName(resources.peers), secretText, (peer, list) =>
    compilePeer(peer, context, list),
  );
  return run.finish(pools, peers, bfdProfiles);
}

const byName = <T extends ResourceMeta>(resources: Iterable<T>): T[] =>
  [...resources].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

interface Attachable<A> {
  readonly advertisement: A;
  readonly pools: ReadonlySet<string>;
}

class Compiler {
  readonly problems: Problem[] = [];
  private readonly previous: Compilation | null;
  private readonly good = new Map<string, Good>();
  private readonly kept = new Set<string>();

  constructor(previous: Compilation | null) {
    this.previous = previous;
  }

  malformed({ kind, name, problems }: Malformed): void {
    const list = new ProblemList(kind, name);
    for (const { path, message } of problems) list.add("invalidSchema", path, message);
    this.problems.push(...list.problems);
    this.kept.add(`${kind}/${name}`);
  }

  /** Compiles one object unless nothing about it differs; falls back to its last good version. */
  private one<T>(kind: string, name: string, fingerprint: string, make: (problems: ProblemList) => T | null): T | null {
    const key = `${kind}/${name}`;
    const before = this.previous?.good.get(key);
    const list = new ProblemList(kind, name);
    if (before?.fingerprint === fingerprint) {
      this.good.set(key, before);
      return before.value as T;
    }
    const value = make(list);
    this.problems.push(...list.problems);
    if (value !== null) this.good.set(key, { fingerprint, value });
    else if (before) this.good.set(key, before);
    return value ?? ((before?.value as T | undefined) || null);
  }

  /** Objects whose schema is broken now, but that counted before. */
  private remembered<T>(kind: string): T[] {
    const values: T[] = [];
    for (const key of this.kept) {
      const before = key.startsWith(`${kind}/`) ? this.previous?.good.get(key) : undefined;
      if (!before) continue;
      this.good.set(key, before);
      values.push(before.value as T);
    }
    return values;
  }

  kind<R extends ResourceMeta & { readonly spec: unknown }, T extends { readonly name: string }>(
    kind: string,
    resources: readonly R[],
    context: (resource: R) => string,
    make: (resource: R, problems: ProblemList) => T | null,
  ): T[] {
    const values = resources.map((resource) =>
      this.one(kind, resource.name, JSON.stringify([resource.spec, context(resource)]), (problems) =>
        make(resource, problems),
      ),
    );
    return [...values.filter((value) => value !== null), ...this.remembered<T>(kind)].sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  }

  pools(resources: readonly IPAddressPool[], namespaces: readonly Namespace[]): BarePool[] {
    const namespaceText = (pool: IPAddressPool): string =>
      pool.spec.serviceAllocation?.namespaceSelectors?.length
        ? JSON.stringify(namespaces.map(({ name, labels }) => [name, labels]))
        : "";
    const pools = this.kind("IPAddressPool", resources, namespaceText, (pool, problems) =>
      compilePool(pool, namespaces, problems),
    );
    // Pools that already counted go first: a newcomer must not take addresses from one that is in use.
    const counted = (pool: BarePool): boolean =>
      this.previous?.config.pools.some((each) => each.name === pool.name) ?? false;
    const claims = new Claims();
    const accepted = [...pools.filter(counted), ...pools.filter((pool) => !counted(pool))].filter((pool) =>
      this.claim(pool, claims),
    );
    return accepted.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private claim(pool: BarePool, claims: Claims): boolean {
    const list = new ProblemList("IPAddressPool", pool.name);
    const taken = claims.take(pool, list);
    this.problems.push(...list.problems);
    return taken;
  }

  advertisements<R extends BGPAdvertisement | L2Resource, A extends { readonly name: string }>(
    kind: string,
    resources: readonly R[],
    pools: readonly IPAddressPool[],
    context: string,
    make: (resource: R, problems: ProblemList) => A | null,
  ): Attachable<A>[] {
    const labels = JSON.stringify(pools.map((pool) => [pool.name, pool.labels]));
    const values = resources.map((resource) =>
      this.one<Attachable<A>>(kind, resource.name, JSON.stringify([resource.spec, labels, context]), (problems) => {
        const advertisement = make(resource, problems);
        return advertisement && { advertisement, pools: poolsOf(resource.spec, pools, problems) };
      }),
    );
    return [...values.filter((value) => value !== null), ...this.remembered<Attachable<A>>(kind)];
  }

  attach(
    pool: BarePool,
    bgp: readonly Attachable<BgpAdvertisement>[],
    l2: readonly Attachable<L2Advertisement>[],
  ): Pool {
    const of = <A>(all: readonly Attachable<A>[]): A[] =>
      all.filter(({ pools }) => pools.has(pool.name)).map(({ advertisement }) => advertisement);
    const bgpAdvertisements = of(bgp).filter((advertisement) => {
      const problem = aggregationProblem(pool, advertisement);
      if (problem === null) return true;
      const list = new ProblemList("BGPAdvertisement", advertisement.name);
      list.add("invalidAggregationLength", "spec.aggregationLength", problem);
      this.problems.push(...list.problems);
      return false;
    });
    const l2Advertisements = of(l2);
    const before = this.previous?.config.pools.find((each) => each.name === pool.name);
    const same =
      before &&
      before.addresses === pool.addresses &&
      sameItems(before.bgpAdvertisements, bgpAdvertisements) &&
      sameItems(before.l2Advertisements, l2Advertisements);
    return same ? before : { ...pool, bgpAdvertisements, l2Advertisements };
  }

  finish(pools: readonly Pool[], peers: readonly Peer[], bfdProfiles: readonly BfdProfile[]): Compilation {
    const before = this.previous?.config;
    const unchanged =
      before &&
      sameItems(before.pools, pools) &&
      sameItems(before.peers, peers) &&
      sameItems([...before.bfdProfiles.values()], bfdProfiles);
    const config = unchanged
      ? before
      : { pools, peers, bfdProfiles: new Map(bfdProfiles.map((profile) => [profile.name, profile])) };
    return { config, problems: this.problems, good: this.good };
  }
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);
