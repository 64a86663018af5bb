import {
  type Community,
  decodeCommunity,
  decodeIPAddressPool,
  decodeNamespace,
  type FieldProblem,
  type IPAddressPool,
  type Namespace,
} from "#api";
import { type Compilation, compile, type Malformed, type Problem } from "#config";
import { type KubeClient, keyOf, RESOURCES, type Reflector, watch } from "#kube";
import type { Result } from "#net";
import type { Logger } from "#process";

/** A custom resource as it counts, or what is wrong with it. */
type Read<T> = { readonly good: T } | { readonly bad: Malformed };

const reader =
  <T>(kind: string, decode: (object: unknown) => Result<T, readonly FieldProblem[]>) =>
  (object: unknown): Read<T> => {
    const decoded = decode(object);
    if (decoded.ok) return { good: decoded.value };
    const key = keyOf(object) ?? "";
    return { bad: { kind, name: key.slice(key.indexOf("/") + 1), problems: decoded.error } };
  };

function* good<T>(entries: Iterable<Read<T>>): Generator<T> {
  for (const entry of entries) if ("good" in entry) yield entry.good;
}

function* bad<T>(entries: Iterable<Read<T>>): Generator<Malformed> {
  for (const entry of entries) if ("bad" in entry) yield entry.bad;
}

/** What the custom resources say that allocation depends on: pools, communities and the namespaces' labels. */
export class Configuration {
  readonly #pools: Reflector<Read<IPAddressPool>>;
  readonly #communities: Reflector<Read<Community>>;
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
      ...options("ipaddresspools", reader("IPAddressPool", decodeIPAddressPool)),
    });
    this.#communities = watch(client, RESOURCES.communities, {
      namespace,
      ...options("communities", reader("Community", decodeCommunity)),
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
