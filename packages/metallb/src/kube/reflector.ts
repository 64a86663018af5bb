import type { Duration, Seconds } from "#net";
import { ApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { type ReflectorEffect, type ReflectorEvent, ReflectorMachine } from "./reflector-machine.ts";
import { refusalText } from "./refusal.ts";
import { pathOf, type Resource } from "./resources.ts";
import { type IndexFunction, Store } from "./store.ts";

/** Octets of a page: a larger one is asked for again in halves, so that large objects cost time and not memory. */
const MAX_PAGE = 16 * 1024 * 1024;

/** What a metadata-only request takes; a server that does not know of it sends the whole. */
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const METADATA_WATCH = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

export interface WatchOptions<T> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The door: keeps the fields that somebody reads, or null for an object that nobody may see. Never throws. */
  readonly project: (object: unknown) => T | null;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Whether two projections say the same; then the change is no difference. */
  readonly same?: (a: T, b: T) => boolean;
  /**
   * Asks for the metadata of the objects alone, which the server then reads and sends alone: for kinds of which
   * only names, labels and annotations count.
   */
  readonly metadataOnly?: boolean;
  /** Told in words why the API does not answer; once a try. */
  readonly onTrouble?: (message: string) => void;
  /** Told when what was in trouble goes well again. */
  readonly onWell?: () => void;
  readonly random?: () => number;
}

/** Keeps a store equal to what the API holds. */
export interface Reflector<T> {
  readonly store: Store<T>;
  /** Settles when the first list is whole. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** Why the API does not answer, while it does not; null when all is well. */
  readonly trouble: string | null;
  /** Called once a turn of the event loop with the keys that differ since it was last called. */
  onChange(listener: (keys: ReadonlySet<string>) => void): void;
  start(): void;
  stop(): void;
}

export function watch<T>(client: KubeClient, resource: Resource, options: WatchOptions<T>): Reflector<T> {
  return new WatchLoop(client, resource, options);
}

/** `namespace/name`, or `name` where there is no namespace; null for what has no name. */
export function keyOf(object: unknown): string | null {
  const { namespace, name } = (object as { metadata?: { namespace?: unknown; name?: unknown } } | null)?.metadata ?? {};
  if (typeof name !== "string" || name === "") return null;
  return typeof namespace === "string" && namespace !== "" ? `${namespace}/${name}` : name;
}

/** The watches of each client: what kills one, such as a proxy that is gone, may have killed all. */
const WATCHES = new WeakMap<KubeClient, Set<{ suspect(): void }>>();

class WatchLoop<T> implements Reflector<T> {
  readonly store: Store<T>;
  readonly synced: Promise<void>;
  isSynced = false;
  trouble: string | null = null;
  private readonly client: KubeClient;
  private readonly siblings: Set<{ suspect(): void }>;
  private readonly resource: Resource;
  private readonly options: WatchOptions<T>;
  private readonly machine: ReflectorMachine;
  private readonly listeners: ((keys: ReadonlySet<string>) => void)[] = [];
  private resolveSynced: () => void;
  private differing = new Set<string>();
  private gathered = new Map<string, T>();
  private abort = new AbortController();
  private timer: NodeJS.Timeout | null = null;

  constructor(client: KubeClient, resource: Resource, options: WatchOptions<T>) {
    this.client = client;
    this.siblings = WATCHES.get(client) ?? new Set();
    WATCHES.set(client, this.siblings);
    this.resource = resource;
    this.options = options;
    this.store = new Store<T>(options.indexes, options.same);
    this.machine = new ReflectorMachine(options.random ?? Math.random);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.resolveSynced = resolve;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): void {
    this.listeners.push(listener);
  }

  start(): void {
    this.siblings.add(this);
    this.step({ kind: "start" });
  }

  stop(): void {
    this.siblings.delete(this);
    this.step({ kind: "stop" });
  }

  /** After a stall of ours what came meanwhile is read first: it may be the end that was missed. */
  private readonly wake = (): void => {
    const { timer } = this;
    setImmediate(() => {
      // It may have been set anew by what was read.
      if (this.timer === timer) this.step({ kind: "time" });
    });
  };

  suspect(): void {
    this.step({ kind: "suspect" });
  }

  private step(event: ReflectorEvent): void {
    for (const effect of this.machine.step(event, performance.now())) this.perform(effect);
  }

  private perform(effect: ReflectorEffect): void {
    switch (effect.kind) {
      case "list":
        void this.list(effect.continueToken, effect.limit);
        return;
      case "watch":
        void this.watch(effect.resourceVersion, effect.timeoutSeconds);
        return;
      case "abort":
        this.abort.abort();
        this.abort = new AbortController();
        return;
      case "gather":
        this.gathered = new Map();
        return;
      case "gathered":
        for (const item of effect.items) this.gather(item);
        return;
      case "swap":
        this.swap();
        return;
      case "put":
        this.put(effect.object);
        return;
      case "delete": {
        const key = keyOf(effect.object);
        if (key !== null) this.set(key, undefined);
        return;
      }
      case "wake":
        if (this.timer) clearTimeout(this.timer);
        this.timer = effect.at === null ? null : setTimeout(this.wake, effect.at - performance.now() + 1);
        return;
      case "trouble":
        this.trouble = refusalText(this.resource, this.options.namespace, effect);
        this.options.onTrouble?.(this.trouble);
        return;
      case "silent":
        this.client.forgetIdle();
        for (const each of this.siblings) if (each !== this) each.suspect();
        return;
      case "well":
        this.trouble = null;
        this.options.onWell?.();
    }
  }

  private async list(continueToken: string, limit: number): Promise<void> {
    const { signal } = this.abort;
    // With a limit and no version the API reads from its storage, which is what a first list must see.
    const query = { limit, ...(continueToken === "" ? {} : { continue: continueToken }), ...this.selectors() };
    const accept = this.options.metadataOnly ? { accept: METADATA_LIST } : {};
    try {
      const answer = await this.client.request("GET", this.path(), { query, signal, maxBody: MAX_PAGE, ...accept });
      if (signal.aborted) return;
      this.step({ kind: "page", ...readPage(answer) });
    } catch (error) {
      if (!signal.aborted) this.step({ kind: "list-failed", ...failure(error) });
    }
  }

  private async watch(resourceVersion: string, timeoutSeconds: Seconds): Promise<void> {
    const { signal } = this.abort;
    const query = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, ...this.selectors() };
    const onLine = (line: string): void => {
      if (signal.aborted) return;
      const { type, object } = parseLine(line);
      this.step({ kind: "watch-line", type, object });
    };
    try {
      await this.client.stream(this.path(), query, onLine, signal, {
        onOpen: () => this.step({ kind: "watch-opened" }),
        ...(this.options.metadataOnly ? { accept: METADATA_WATCH } : {}),
      });
      if (!signal.aborted) this.step({ kind: "watch-ended", status: 0, message: "", retryAfter: null });
    } catch (error) {
      if (!signal.aborted) this.step({ kind: "watch-ended", ...failure(error) });
    }
  }

  private path(): string {
    return pathOf(this.resource, { namespace: this.options.namespace });
  }

  private selectors(): { labelSelector?: string; fieldSelector?: string } {
    const { labelSelector, fieldSelector } = this.options;
    return { ...(labelSelector ? { labelSelector } : {}), ...(fieldSelector ? { fieldSelector } : {}) };
  }

  private gather(item: unknown): void {
    const key = keyOf(item);
    const projected = key === null ? null : this.options.project(item);
    if (key !== null && projected !== null) this.gathered.set(key, projected);
  }

  private swap(): void {
    for (const key of [...this.store.keys()]) if (!this.gathered.has(key)) this.set(key, undefined);
    for (const [key, object] of this.gathered) this.set(key, object);
    this.gathered = new Map();
    this.isSynced = true;
    this.resolveSynced();
  }

  private put(object: unknown): void {
    const key = keyOf(object);
    if (key !== null) this.set(key, this.options.project(object) ?? undefined);
  }

  private set(key: string, object: T | undefined): void {
    if (!this.store.set(key, object)) return;
    if (this.differing.size === 0) queueMicrotask(() => this.tell());
    this.differing.add(key);
  }

  private tell(): void {
    const keys = this.differing;
    this.differing = new Set();
    for (const listener of this.listeners) listener(keys);
  }
}

/** A list that does not look like one must never count as "there is nothing". */
function readPage(
  answer: unknown,
): Pick<Extract<ReflectorEvent, { kind: "page" }>, "items" | "resourceVersion" | "continueToken"> {
  const list = (answer ?? {}) as {
    readonly kind?: unknown;
    readonly metadata?: { readonly resourceVersion?: unknown; readonly continue?: unknown } | null;
    readonly items?: unknown;
  };
  const { resourceVersion, continue: continueToken = "" } = list.metadata ?? {};
  // Go writes a list of nothing as null where nobody made the slice.
  const items = list.items === null && typeof list.kind === "string" && list.kind.endsWith("List") ? [] : list.items;
  if (list.kind === "Status" || !Array.isArray(items) || typeof resourceVersion !== "string" || resourceVersion === "")
    throw new ApiError(0, "BadAnswer", "the answer is not a list: what was known stays");
  return { items, resourceVersion, continueToken: typeof continueToken === "string" ? continueToken : "" };
}

/** What is not a watch event ends the watch; its text is not repeated, for it may hold a secret. */
function parseLine(line: string): { readonly type: string; readonly object: unknown } {
  let event: unknown = null;
  try {
    event = JSON.parse(line);
  } catch {
    // Told below, as everything else that is no event.
  }
  const { type, object } = (event ?? {}) as { type?: unknown; object?: unknown };
  if (typeof type !== "string") throw new ApiError(0, "BadAnswer", "a line of the watch is not a watch event");
  return { type, object };
}

const failure = (error: unknown): { status: number; reason: string; message: string; retryAfter: Duration | null } =>
  error instanceof ApiError
    ? { status: error.status, reason: error.reason, message: error.message, retryAfter: error.retryAfter }
    : { status: 0, reason: "", message: error instanceof Error ? error.message : String(error), retryAfter: null };
