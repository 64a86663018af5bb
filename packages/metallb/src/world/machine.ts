import type { EndpointSlice } from "#api";
import type { Compilation, Config, Problem, Resources } from "#config";
import type { KindName, ObjectOf } from "./kinds.ts";

/** What is held of a kind: objects by key. `by` answers only for the indexes that the kind has. */
export interface Held<T> extends ReadonlyMap<string, T> {
  by(index: string, value: string): Iterable<T>;
}

export type Stores<K extends KindName = KindName> = { readonly [N in K]: Held<ObjectOf<N>> };

/** Where the configuration is read from: which kinds it takes, and what they say together. */
export interface Source<K extends KindName = KindName> {
  readonly kinds: readonly K[];
  /** Null: there is no configuration yet, and nothing is decided. */
  resources(stores: Stores<K>): Resources | null;
  /** What was refused as a whole when {@link resources} was last asked, so that an older configuration stays. */
  readonly refusals?: readonly Problem[];
  /** Whether a change of this kind matters now; absent: always. */
  readonly concerns?: (kind: K) => boolean;
}

export type WorldEvent =
  /** The first list of the kind is whole. */
  | { readonly kind: "synced"; readonly of: KindName }
  | { readonly kind: "differ"; readonly of: KindName; readonly keys: ReadonlySet<string> };

export type WorldEffect =
  /** Everything was read once. */
  | { readonly kind: "synced" }
  /** There is something to take; said once until it is taken. */
  | { readonly kind: "changed" };

/** What differs since it was last taken: keys, never events. */
export interface WorldChanges {
  /** Services that differ themselves or in their slices. */
  readonly services: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
  /** The compiled configuration is another one. */
  readonly config: boolean;
  /** What is wrong with the configuration is not what it was. */
  readonly problems: boolean;
}

export interface WorldParts {
  /** Kinds that are read, the configuration's included. */
  readonly kinds: readonly KindName[];
  readonly stores: Partial<Stores>;
  readonly source: Source;
  readonly compile: (resources: Resources, previous: Compilation | null) => Compilation;
}

/**
 * The picture that decisions are made from, as a pure machine: stores tell which keys differ, whoever
 * decides takes them when it has time. A burst is one difference, order does not matter, and the
 * configuration is compiled when it is asked for and not when an object of it arrives.
 */
export class WorldMachine {
  private readonly parts: WorldParts;
  private readonly configuration: ReadonlySet<KindName>;
  private readonly unread: Set<KindName>;
  /** Which Service a slice spoke of, also after it is gone. */
  private readonly serviceOfSlice = new Map<string, string>();
  private services = new Set<string>();
  private nodes = new Set<string>();
  private stale = true;
  private told = false;
  private compilation: Compilation | null = null;
  /** What is wrong now; the same object while nothing was compiled. */
  problems: readonly Problem[] = [];
  /** A configuration was compiled, or refused. */
  private isTold = false;

  constructor(parts: WorldParts) {
    this.parts = parts;
    this.configuration = new Set(parts.source.kinds);
    this.unread = new Set(parts.kinds);
  }

  /** Everything was read once. */
  get isSynced(): boolean {
    return this.unread.size === 0;
  }

  /** All of the configuration was read once. */
  get isConfigured(): boolean {
    return this.configuration.isDisjointFrom(this.unread);
  }

  /** Null until the configuration was read once and taken. */
  get config(): Config | null {
    return this.compilation?.config ?? null;
  }

  step(event: WorldEvent): readonly WorldEffect[] {
    switch (event.kind) {
      case "synced":
        if (!this.unread.delete(event.of)) return [];
        return [...(this.isSynced ? [{ kind: "synced" } as const] : []), ...this.tell()];
      case "differ":
        this.note(event.of, event.keys);
        return this.tell();
    }
  }

  /** What differs since it was last taken. Compiles the configuration where an object of it differs. */
  take(): WorldChanges {
    const { services, nodes } = this;
    this.services = new Set();
    this.nodes = new Set();
    this.told = false;
    const { config: before, problems: told, isTold } = this;
    if (this.stale && this.isConfigured) this.recompile();
    const config = this.config !== before;
    const problems = this.problems !== told && !(isTold && sameProblems(told, this.problems));
    return { services, nodes, config, problems };
  }

  private tell(): readonly WorldEffect[] {
    if (this.told || !this.isConfigured) return [];
    this.told = true;
    return [{ kind: "changed" }];
  }

  private note(of: KindName, keys: ReadonlySet<string>): void {
    if (of === "services") for (const key of keys) this.services.add(key);
    if (of === "nodes") for (const key of keys) this.nodes.add(key);
    if (of === "endpointslices")
      for (const key of keys) this.noteSlice(key, this.parts.stores.endpointslices?.get(key));
    if (this.configuration.has(of) && this.parts.source.concerns?.(of) !== false) this.stale = true;
  }

  private noteSlice(key: string, slice: EndpointSlice | undefined): void {
    const before = this.serviceOfSlice.get(key);
    const now = slice?.serviceKey ?? null;
    if (before !== undefined) this.services.add(before);
    if (now !== null) this.services.add(now);
    if (now === null) this.serviceOfSlice.delete(key);
    else this.serviceOfSlice.set(key, now);
  }

  private recompile(): void {
    const { source, stores, compile } = this.parts;
    const resources = source.resources(stores as Stores);
    if (resources !== null) this.compilation = compile(resources, this.compilation);
    this.problems = [...(this.compilation?.problems ?? []), ...(source.refusals ?? [])];
    this.stale = false;
    this.isTold = true;
  }
}

/** Also that they concern the same nodes: a selector that was read anew is taken for another. */
const sameProblems = (before: readonly Problem[], now: readonly Problem[]): boolean =>
  before.length === now.length &&
  before.every((problem, i) => problem.nodes === now[i]?.nodes && JSON.stringify(problem) === JSON.stringify(now[i]));
