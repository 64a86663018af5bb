import {
  type BFDProfile,
  type BGPAdvertisement,
  type BGPPeer,
  type Community,
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeEndpointSlice,
  decodeIPAddressPool,
  decodeL2Advertisement,
  decodeNamespace,
  decodeNode,
  decodeSecret,
  decodeService,
  type EndpointSlice,
  type IPAddressPool,
  type L2Advertisement,
  type Namespace,
  type Node,
  type Secret,
  type Service,
} from "#api";
import { type Compilation, type Config, compile, type Problem } from "#config";
import {
  bad,
  type Decoded,
  decoding,
  good,
  type IndexFunction,
  type KubeClient,
  RESOURCES,
  type Reflector,
  type Resource,
  watch,
} from "#kube";
import type { Changes, World } from "#planner";

const sameLabels = (a: { readonly labels: object }, b: { readonly labels: object }): boolean =>
  JSON.stringify(a.labels) === JSON.stringify(b.labels);

/** What this node decides from, watched: Services, slices and nodes of the cluster, the configuration of the own namespace. */
export class WatchedWorld implements World {
  readonly #reflectors: Reflector<unknown>[] = [];
  readonly #services: Reflector<Service>;
  readonly #slices: Reflector<EndpointSlice>;
  readonly #nodes: Reflector<Node>;
  readonly #namespaces: Reflector<Namespace>;
  readonly #secrets: Reflector<Secret>;
  readonly #pools: Reflector<Decoded<IPAddressPool>>;
  readonly #communities: Reflector<Decoded<Community>>;
  readonly #bgpAdvertisements: Reflector<Decoded<BGPAdvertisement>>;
  readonly #l2Advertisements: Reflector<Decoded<L2Advertisement>>;
  readonly #peers: Reflector<Decoded<BGPPeer>>;
  readonly #bfdProfiles: Reflector<Decoded<BFDProfile>>;
  /** Which Service a slice spoke of, also after it is gone. */
  readonly #serviceOfSlice = new Map<string, string>();
  #changed = { services: new Set<string>(), nodes: new Set<string>(), config: true };
  #compilation: Compilation | null = null;
  #synced = false;
  /** Called when there is something to plan; once until `take`. */
  onChange: () => void = () => {};

  constructor(client: KubeClient, namespace: string, trouble: (what: string) => (message: string) => void) {
    const all = <T>(
      resource: Resource,
      project: (object: unknown) => T | null,
      more: { same?: (a: T, b: T) => boolean; indexes?: Record<string, IndexFunction<T>>; namespace?: string } = {},
    ) => {
      const reflector = watch(client, resource, { project, onTrouble: trouble(resource.plural), ...more });
      this.#reflectors.push(reflector as Reflector<unknown>);
      return reflector;
    };
    const own = { namespace };
    this.#services = all(RESOURCES.services, decodeService);
    this.#slices = all(RESOURCES.endpointslices, decodeEndpointSlice, {
      indexes: { service: ({ serviceKey }) => (serviceKey === null ? [] : [serviceKey]) },
    });
    this.#nodes = all(RESOURCES.nodes, decodeNode, {
      same: (a, b) => a.networkUnavailable === b.networkUnavailable && sameLabels(a, b),
    });
    this.#namespaces = all(RESOURCES.namespaces, decodeNamespace, { same: sameLabels });
    this.#secrets = all(RESOURCES.secrets, decodeSecret, {
      ...own,
      same: (a, b) => a.type === b.type && a.password === b.password,
    });
    this.#pools = all(RESOURCES.ipaddresspools, decoding("IPAddressPool", decodeIPAddressPool), own);
    this.#communities = all(RESOURCES.communities, decoding("Community", decodeCommunity), own);
    this.#bgpAdvertisements = all(
      RESOURCES.bgpadvertisements,
      decoding("BGPAdvertisement", decodeBGPAdvertisement),
      own,
    );
    this.#l2Advertisements = all(RESOURCES.l2advertisements, decoding("L2Advertisement", decodeL2Advertisement), own);
    this.#peers = all(RESOURCES.bgppeers, decoding("BGPPeer", decodeBGPPeer), own);
    this.#bfdProfiles = all(RESOURCES.bfdprofiles, decoding("BFDProfile", decodeBFDProfile), own);
  }

  get services(): ReadonlyMap<string, Service> {
    return this.#services.store;
  }

  get nodes(): ReadonlyMap<string, Node> {
    return this.#nodes.store;
  }

  endpointSlices(serviceKey: string): Iterable<EndpointSlice> {
    return this.#slices.store.by("service", serviceKey);
  }

  get config(): Config | null {
    return this.#compilation?.config ?? null;
  }

  get problems(): readonly Problem[] {
    return this.#compilation?.problems ?? [];
  }

  get isSynced(): boolean {
    return this.#synced;
  }

  /** Reads everything once; nothing is told before that. */
  async start(): Promise<void> {
    this.#services.onChange((keys) => this.#note((changed) => addAll(changed.services, keys)));
    this.#slices.onChange((keys) => this.#note((changed) => this.#noteSlices(changed.services, keys)));
    this.#nodes.onChange((keys) => this.#note((changed) => addAll(changed.nodes, keys)));
    const configuration: readonly Pick<Reflector<unknown>, "onChange">[] = [
      this.#namespaces,
      this.#secrets,
      this.#pools,
      this.#communities,
      this.#bgpAdvertisements,
      this.#l2Advertisements,
      this.#peers,
      this.#bfdProfiles,
    ];
    for (const reflector of configuration)
      reflector.onChange(() =>
        this.#note((changed) => {
          changed.config = true;
        }),
      );
    for (const reflector of this.#reflectors) reflector.start();
    await Promise.all(this.#reflectors.map(({ synced }) => synced));
    this.#synced = true;
    this.#compile();
    this.onChange();
  }

  stop(): void {
    for (const reflector of this.#reflectors) reflector.stop();
  }

  /** What differs since it was last taken. */
  take(): Changes {
    const changed = this.#changed;
    this.#changed = { services: new Set(), nodes: new Set(), config: false };
    if (changed.config) this.#compile();
    return changed;
  }

  #note(mark: (changed: { services: Set<string>; nodes: Set<string>; config: boolean }) => void): void {
    mark(this.#changed);
    if (this.#synced) this.onChange();
  }

  #noteSlices(services: Set<string>, keys: ReadonlySet<string>): void {
    for (const key of keys) {
      const before = this.#serviceOfSlice.get(key);
      const now = this.#slices.store.get(key)?.serviceKey ?? null;
      if (before !== undefined) services.add(before);
      if (now !== null) services.add(now);
      if (now === null) this.#serviceOfSlice.delete(key);
      else this.#serviceOfSlice.set(key, now);
    }
  }

  #compile(): void {
    const of = <T>(reflector: Reflector<Decoded<T>>): Generator<T> => good(reflector.store.values());
    this.#compilation = compile(
      {
        pools: of(this.#pools),
        communities: of(this.#communities),
        namespaces: this.#namespaces.store.values(),
        bgpAdvertisements: of(this.#bgpAdvertisements),
        l2Advertisements: of(this.#l2Advertisements),
        peers: of(this.#peers),
        bfdProfiles: of(this.#bfdProfiles),
        secrets: this.#secrets.store,
        malformed: [
          ...bad(this.#pools.store.values()),
          ...bad(this.#communities.store.values()),
          ...bad(this.#bgpAdvertisements.store.values()),
          ...bad(this.#l2Advertisements.store.values()),
          ...bad(this.#peers.store.values()),
          ...bad(this.#bfdProfiles.store.values()),
        ],
      },
      this.#compilation,
    );
  }
}

function addAll(set: Set<string>, keys: ReadonlySet<string>): void {
  for (const key of keys) set.add(key);
}
