import {
  type Community,
  decodeCommunity,
  decodeIPAddressPool,
  decodeNamespace,
  type IPAddressPool,
  type Namespace,
} from "#api";
import { type Compilation, compile, type Problem } from "#config";
import { bad, type Decoded, decoding, good, type KubeClient, RESOURCES, type Reflector, watch } from "#kube";
import type { Logger } from "#process";

/** What the custom resources say that allocation depends on: pools, communities and the namespaces' labels. */
export class Configuration {
  readonly #pools: Reflector<Decoded<IPAddressPool>>;
  readonly #communities: Reflector<Decoded<Community>>;
  readonly #namespaces: Reflector<Namespace>;
  readonly #log: Logger;
  #compilation: Compilation | null = null;
  #told: ReadonlySet<string> = new Set();

  constructor(
    client: KubeClient,
    namespace: string,
    log: Logger,
    trouble: (what: string) => (message: string) => void,
  ) {
    this.#log = log;
    const options = <T>(what: string, project: (object: unknown) => T | null) => ({
      project,
      onTrouble: trouble(what),
    });
    this.#pools = watch(client, RESOURCES.ipaddresspools, {
      namespace,
      ...options("ipaddresspools", decoding("IPAddressPool", decodeIPAddressPool)),
    });
    this.#communities = watch(client, RESOURCES.communities, {
      namespace,
      ...options("communities", decoding("Community", decodeCommunity)),
    });
    this.#namespaces = watch(client, RESOURCES.namespaces, {
      ...options("namespaces", decodeNamespace),
      same: (a, b) => JSON.stringify(a.labels) === JSON.stringify(b.labels),
    });
  }

  get compilation(): Compilation | null {
    return this.#compilation;
  }

  get problems(): readonly Problem[] {
    return this.#compilation?.problems ?? [];
  }

  /** Starts to watch; resolves when all was read once and compiled. `poolSeen` hears of every change of a pool's object. */
  async start(changed: (compilation: Compilation) => void, poolSeen: (name: string) => void): Promise<void> {
    const reflectors = [this.#pools, this.#communities, this.#namespaces];
    const recompile = () => {
      if (reflectors.every(({ isSynced }) => isSynced)) this.#compile(changed);
    };
    this.#pools.onChange((keys) => {
      for (const key of keys) poolSeen(key.slice(key.indexOf("/") + 1));
    });
    for (const reflector of reflectors) reflector.onChange(recompile);
    for (const reflector of reflectors) reflector.start();
    await Promise.all(reflectors.map(({ synced }) => synced));
    recompile();
  }

  stop(): void {
    for (const reflector of [this.#pools, this.#communities, this.#namespaces]) reflector.stop();
  }

  #compile(changed: (compilation: Compilation) => void): void {
    const pools = [...this.#pools.store.values()];
    const communities = [...this.#communities.store.values()];
    const before = this.#compilation;
    const compilation = compile(
      {
        pools: good(pools),
        communities: good(communities),
        namespaces: this.#namespaces.store.values(),
        bgpAdvertisements: [],
        l2Advertisements: [],
        peers: [],
        bfdProfiles: [],
        secrets: new Map(),
        malformed: [...bad(pools), ...bad(communities)],
      },
      before,
    );
    this.#compilation = compilation;
    this.#tell(compilation.problems);
    if (compilation.config !== before?.config) changed(compilation);
  }

  /** Each problem once, as long as it lasts. */
  #tell(problems: readonly Problem[]): void {
    const now = new Set<string>();
    for (const { kind, name, path, code, message } of problems) {
      const text = `${kind} ${name} ${path} ${code} ${message}`;
      now.add(text);
      if (!this.#told.has(text)) this.#log.error(message, { op: "configuration", kind, name, path, code });
    }
    this.#told = now;
  }
}
