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
import { aliasesOf, readBgpAdvertisement, readL2Advertisement } from "./advertisements.ts";
import { byName, sameItems } from "./age.ts";
import { attachmentProblems } from "./attach.ts";
import { bfdSecretOf } from "./bfd-authentication.ts";
import { compileAliases } from "./communities.ts";
import type { Config, Problem } from "./config.ts";
import { echoProblems } from "./echo.ts";
import { Namespaces } from "./namespaces.ts";
import { compileBfdProfile, compilePeer, type PeerContext } from "./peers.ts";
import { readPool } from "./pools.ts";
import { ProblemList } from "./problems.ts";
import { type Reading, Readings } from "./readings.ts";
import { type Retained, retain } from "./retain.ts";

/** An object that cannot be read at all: it is told about, and what it gave stays where that can be. */
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

/** What a cluster says in which nobody has configured anything. */
export const NO_RESOURCES: Resources = Object.freeze({
  pools: [],
  communities: [],
  namespaces: [],
  bgpAdvertisements: [],
  l2Advertisements: [],
  peers: [],
  bfdProfiles: [],
  secrets: new Map(),
  malformed: [],
});

/** A configuration, and what is wrong with it. */
export interface Compilation {
  /** The same object as before when nothing differs. */
  readonly config: Config;
  readonly problems: readonly Problem[];
  /** Saves the next one time, and says nothing that the objects do not say. */
  readonly cache: Cache;
}

interface Cache {
  readonly readings: Readings;
  readonly namespaces: Namespaces;
  readonly retained: Retained;
}

/** Everything that is wrong with these objects, alone and together. */
export const validate = (resources: Resources): readonly Problem[] => compile(resources).problems;

/**
 * Everything the custom resources say, checked and resolved: a function of these objects alone. A bad
 * object never takes a good one with it, nor what it gave before: see README. `previous` saves time, and
 * what has not changed keeps its identity, down to the whole configuration.
 */
export function compile(resources: Resources, previous: Compilation | null = null): Compilation {
  const readings = new Readings(previous?.cache.readings ?? null);
  const namespaces = new Namespaces(resources.namespaces, previous?.cache.namespaces ?? null);
  const malformed = [...resources.malformed];
  const pools = readAll([...resources.pools, ...malformed.filter(isPool).map(unreadablePool)], (pool) =>
    readings.read("IPAddressPool", pool, "", readPool),
  );
  const communities = compileAliases([...resources.communities]);
  const bgp = readAll(resources.bgpAdvertisements, (advertisement) => {
    const aliases = aliasesOf(advertisement, communities.aliases);
    return readings.read("BGPAdvertisement", advertisement, JSON.stringify(aliases), (each, problems) =>
      readBgpAdvertisement(each, aliases, problems),
    );
  });
  const l2 = readAll(resources.l2Advertisements, (advertisement) =>
    readings.read("L2Advertisement", advertisement, "", readL2Advertisement),
  );
  const retained = retain(pools.values, bgp.values, l2.values, namespaces, previous?.cache.retained ?? null);
  const bfdProfiles = readAll(resources.bfdProfiles, (profile) =>
    readings.read("BFDProfile", profile, "", compileBfdProfile),
  );
  const context = { secrets: resources.secrets, bfdProfiles: new Set(bfdProfiles.values.map(({ name }) => name)) };
  const peers = readAll(resources.peers, (peer) =>
    readings.read("BGPPeer", peer, referencesOf(peer, context), (each, problems) => ({
      name: each.name,
      peer: compilePeer(each, context, problems),
    })),
  );
  const unreadable = [
    ...peers.values.filter(({ peer }) => peer === null),
    ...malformed.filter(({ kind }) => kind === "BGPPeer"),
  ].map(({ name }) => name);
  const config: Config = {
    pools: retained.pools,
    departed: retained.departed,
    peers: peers.values.flatMap(({ peer }) => peer ?? []),
    unreadablePeers: new Set(unreadable.sort()),
    bfdProfiles: new Map(bfdProfiles.values.map((each) => [each.name, each])),
  };
  return {
    config: sameOr(previous?.config, config),
    problems: [
      ...malformed.filter((each) => !isPool(each)).flatMap(malformedProblems),
      ...pools.problems,
      ...retained.standings.problems,
      ...communities.problems.flatMap((list) => list.problems),
      ...bgp.problems,
      ...attachmentProblems([...retained.attached].map(([name, attached]) => [name, attached.bgp] as const)).flatMap(
        (list) => list.problems,
      ),
      ...echoProblems(config.pools, config.peers, bfdProfiles.values).flatMap((list) => list.problems),
      ...[l2, bfdProfiles, peers].flatMap((each) => each.problems),
    ],
    cache: { readings, namespaces, retained },
  };
}

/** By name. */
function readAll<R extends ResourceMeta, T extends { readonly name: string }>(
  resources: Iterable<R>,
  read: (resource: R) => Reading<T>,
): { readonly values: readonly T[]; readonly problems: readonly Problem[] } {
  const all = [...resources].sort(byName).map(read);
  return { values: all.map(({ value }) => value), problems: all.flatMap(({ problems }) => problems) };
}

const isPool = ({ kind }: Malformed): boolean => kind === "IPAddressPool";

/** Of such a pool only the Services' own status tells what it gave. */
const unreadablePool = ({ name, problems }: Malformed): IPAddressPool => ({
  key: name,
  namespace: "",
  name,
  uid: "",
  resourceVersion: "",
  generation: 0,
  labels: {},
  annotations: {},
  creationTimestamp: "",
  faults: problems,
  spec: { addresses: [], autoAssign: false, avoidBuggyIPs: false },
});

function malformedProblems({ kind, name, problems }: Malformed): readonly Problem[] {
  const list = new ProblemList(kind, name);
  for (const { path, message } of problems) list.add("invalidSchema", path, message);
  return list.problems;
}

/** What a peer depends on beyond its own object. Versions stand for the Secret: its key is kept nowhere else. */
function referencesOf(peer: BGPPeer, { secrets, bfdProfiles }: PeerContext): string {
  const { namespace, spec } = peer;
  const { name, namespace: of } = spec.passwordSecret ?? {};
  const secret = name ? secrets.get(`${of || namespace}/${name}`) : undefined;
  const known = spec.bfdProfile ? bfdProfiles.has(spec.bfdProfile) : null;
  const bfdSecret = secrets.get(bfdSecretOf(peer) ?? "");
  return JSON.stringify([secret?.uid, secret?.resourceVersion, bfdSecret?.uid, bfdSecret?.resourceVersion, known]);
}

function sameOr(before: Config | undefined, now: Config): Config {
  const unchanged =
    before &&
    before.pools === now.pools &&
    before.departed === now.departed &&
    sameItems(before.peers, now.peers) &&
    sameItems([...before.bfdProfiles.values()], [...now.bfdProfiles.values()]) &&
    sameItems([...before.unreadablePeers], [...now.unreadablePeers]);
  return unchanged ? before : now;
}
