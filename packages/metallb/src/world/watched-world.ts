import type { EndpointSlice, Node, Service } from "#api";
import { type Config, compile, type Problem } from "#config";
import { type KubeClient, type Reflector, watch } from "#kube";
import { customResources } from "./custom-resources.ts";
import { KINDS, type Kind, type KindName, type ObjectOf } from "./kinds.ts";
import { type Source, type Stores, type WorldChanges, type WorldEffect, WorldMachine } from "./machine.ts";

export type Overrides = { readonly [K in KindName]?: Partial<Kind<ObjectOf<K>>> };

export interface WorldOptions {
  readonly client: KubeClient;
  /** MetalLB's own namespace. */
  readonly namespace: string;
  /** What is watched beside the configuration's kinds. */
  readonly kinds: readonly KindName[];
  /** Where the configuration comes from; custom resources of all kinds when absent. */
  readonly source?: Source;
  /** Kinds that this process needs to see otherwise than by default. */
  readonly overrides?: Overrides;
  /** Told in words why a kind cannot be read; once a try. */
  readonly trouble: (kind: string) => (message: string) => void;
}

/** What a process decides from, watched: the shell around {@link WorldMachine}. */
export class WatchedWorld {
  /** The kinds that the configuration is read from and nothing else is. */
  readonly configurationKinds: readonly KindName[];
  private readonly reflectors = new Map<KindName, Reflector<unknown>>();
  private readonly machine: WorldMachine;
  private readonly started = new Set<KindName>();
  private readonly read = Promise.withResolvers<void>();
  /** Called when there is something to take; once until {@link take}. */
  onChange: () => void = () => {};

  constructor({ client, namespace, kinds, source = customResources(), overrides = {}, trouble }: WorldOptions) {
    const all = [...new Set([...source.kinds, ...kinds])];
    this.configurationKinds = source.kinds.filter((kind) => !kinds.includes(kind));
    for (const name of all) {
      const {
        resource,
        scope,
        fieldSelector,
        metadataOnly = false,
        project,
        same,
        indexes,
      } = {
        ...KINDS[name],
        ...overrides[name],
      } as Kind<unknown>;
      const reflector = watch(client, resource, {
        ...(scope === "own" ? { namespace } : {}),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        ...(indexes === undefined ? {} : { indexes }),
        metadataOnly,
        project,
        same,
        onTrouble: trouble(resource.plural),
      });
      this.reflectors.set(name, reflector);
    }
    const stores = Object.fromEntries([...this.reflectors].map(([name, { store }]) => [name, store]));
    this.machine = new WorldMachine({ kinds: all, stores: stores as Partial<Stores>, source, compile });
  }

  /** The objects of a kind that this process watches. */
  store<K extends KindName>(kind: K): Stores[K] {
    const reflector = this.reflectors.get(kind);
    if (!reflector) throw new Error(`${kind} are not watched`);
    return reflector.store as unknown as Stores[K];
  }

  get services(): ReadonlyMap<string, Service> {
    return this.store("services");
  }

  get nodes(): ReadonlyMap<string, Node> {
    return this.store("nodes");
  }

  endpointSlices(serviceKey: string): Iterable<EndpointSlice> {
    return this.store("endpointslices").by("service", serviceKey);
  }

  get config(): Config | null {
    return this.machine.config;
  }

  get problems(): readonly Problem[] {
    return this.machine.problems;
  }

  get isSynced(): boolean {
    return this.machine.isSynced;
  }

  /** Whether every object of these kinds was read once. */
  hasRead(kinds: Iterable<KindName>): boolean {
    for (const kind of kinds) if (this.reflectors.get(kind)?.isSynced !== true) return false;
    return true;
  }

  /** Why kinds that are watched cannot be read now; empty when all is well. */
  get troubles(): readonly string[] {
    return [...this.reflectors.values()].flatMap(({ trouble }) => (trouble === null ? [] : [trouble]));
  }

  /** Hears of every key of the kind that differs, at once. */
  onDifference(kind: KindName, listener: (keys: ReadonlySet<string>) => void): void {
    this.reflectors.get(kind)?.onChange(listener);
  }

  /**
   * Starts to watch these kinds, or all that are not watched yet; resolves when everything was read
   * once. Changes are told as soon as the configuration is known.
   */
  start(kinds: Iterable<KindName> = this.reflectors.keys()): Promise<void> {
    for (const of of kinds) {
      const reflector = this.reflectors.get(of);
      if (!reflector || this.started.has(of)) continue;
      this.started.add(of);
      reflector.onChange((keys) => this.perform(this.machine.step({ kind: "differ", of, keys })));
      void reflector.synced.then(() => this.perform(this.machine.step({ kind: "synced", of })));
      reflector.start();
    }
    return this.read.promise;
  }

  stop(): void {
    for (const reflector of this.reflectors.values()) reflector.stop();
  }

  /** What differs since it was last taken; the configuration is compiled here. */
  take(): WorldChanges {
    return this.machine.take();
  }

  private perform(effects: readonly WorldEffect[]): void {
    for (const effect of effects)
      if (effect.kind === "synced") this.read.resolve();
      else this.onChange();
  }
}
