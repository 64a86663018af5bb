import {
  ApiError,
  KeyedWriter,
  type KubeClient,
  type KubeObject,
  keyOf,
  type Reflector,
  type Resource,
  type WriteOutcome,
  watch,
} from "#kube";
import { errorText } from "#process";
import { type OwnPod, ownedBy } from "#world";

/** How the objects of one kind that this speaker writes are found, made and read. */
export interface StatusKind<S> {
  readonly resource: Resource;
  /** Those that are this node's. */
  readonly labelSelector: string;
  /** Its name is the API's to choose. */
  metadata(
    key: string,
    status: S,
  ): Pick<NonNullable<KubeObject["metadata"]>, "labels" | "annotations"> & { readonly generateName: string };
  /** What an object says, and of what; null: it cannot be told of what. */
  read(object: unknown): { readonly key: string; readonly status: S | null } | null;
  same(a: S, b: S): boolean;
  /** Whether the labels of the one do not fit the other, so that an object is made in its place; absent: they always fit. */
  replaces?(a: S, b: S): boolean;
  /** The field `status` as it is written. */
  body(key: string, status: S): object;
}

export interface StatusObjectsOptions<S> {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The own Pod, which then owns the objects, so that they go with it; null: nobody owns them. */
  readonly owner: Promise<OwnPod | null>;
  readonly trouble: (message: string) => void;
  readonly kind: StatusKind<S>;
}

interface Standing<S> {
  readonly name: string;
  readonly key: string;
  readonly resourceVersion: string;
  /** Null: it has none yet. */
  readonly status: S | null;
}

/** Writes in flight: one object that the API is slow with delays no other. */
const PARALLEL = 16;
const BACKOFF = { first: 1_000, max: 60_000 };

/** Keeps the objects of one kind of this node equal to what is wanted; writes nothing without a difference. */
export class StatusObjects<S> {
  private readonly options: StatusObjectsOptions<S>;
  private readonly objects: Reflector<Standing<S>>;
  private readonly writer: KeyedWriter<S | null>;
  private readonly wanted = new Map<string, S>();
  /** What was written and the watch has not told of yet, by key: so nothing is written twice. */
  private readonly written = new Map<string, Standing<S>>();
  /** Keys of which a write is under way. */
  private readonly busy = new Set<string>();
  /** Keys of which somebody else wrote after us, before our answer came. */
  private readonly overtaken = new Set<string>();
  private isTold = false;

  constructor(options: StatusObjectsOptions<S>) {
    this.options = options;
    const { client, namespace, trouble, kind } = options;
    this.objects = watch(client, kind.resource, {
      namespace,
      labelSelector: kind.labelSelector,
      project: (object) => this.project(object),
      indexes: { key: ({ key }) => [key] },
      same: (a, b) => a.key === b.key && a.resourceVersion === b.resourceVersion,
      onTrouble: trouble,
    });
    this.writer = new KeyedWriter({
      parallel: PARALLEL,
      backoff: BACKOFF,
      perform: async (key, status, { signal }) => {
        this.busy.add(key);
        try {
          return await this.perform(key, status, signal);
        } finally {
          this.busy.delete(key);
        }
      },
      onFailure: (_, error) => {
        if (!(error instanceof ApiError && (error.isConflict || error.isNotFound))) trouble(errorText(error));
      },
    });
  }

  start(): Promise<void> {
    this.objects.onChange((keys) => this.look(keys));
    this.objects.start();
    return this.objects.synced;
  }

  async stop(): Promise<void> {
    this.objects.stop();
    await this.writer.stop();
  }

  /** Null: no object is to stand. */
  want(key: string, status: S | null): void {
    const before = this.wanted.get(key);
    if (status !== null && before !== undefined && this.options.kind.same(before, status)) return;
    if (status === null) this.wanted.delete(key);
    else this.wanted.set(key, status);
    this.write(key);
  }

  /** All that is wanted at the start was told: what stands beyond it is of the past. */
  begin(): void {
    if (this.isTold) return;
    this.isTold = true;
    void this.objects.synced.then(() => {
      for (const key of new Set([...this.wanted.keys(), ...[...this.objects.store.values()].map((each) => each.key)]))
        this.write(key);
    });
  }

  /** What is wanted now. */
  get wants(): ReadonlyMap<string, S> {
    return this.wanted;
  }

  /** What stands in the API. */
  standing(key: string): S | undefined {
    return this.all(key)[0]?.status ?? undefined;
  }

  /** The objects of a key; of one that was written, as it was written. */
  private all(key: string): readonly Standing<S>[] {
    const told = [...this.objects.store.by("key", key)];
    const written = this.written.get(key);
    return written ? [written, ...told.filter(({ name }) => name !== written.name)] : told;
  }

  /** Until all that is wanted is known, what stands is not wrong. */
  private write(key: string): void {
    if (this.isTold && this.objects.isSynced) this.writer.want(key, this.wanted.get(key) ?? null);
  }

  private look(names: ReadonlySet<string>): void {
    let isGone = false;
    for (const name of names) {
      const object = this.objects.store.get(name);
      if (!object) {
        isGone = true;
        continue;
      }
      const written = this.written.get(object.key);
      const isOwn = written?.name === object.name && written.resourceVersion === object.resourceVersion;
      if (written?.name === object.name && !isOlder(object, written)) this.written.delete(object.key);
      // The write under way looks itself when it ends. What came of an own write stays, even if the API pruned it.
      if (!isOwn && !this.busy.has(object.key) && !this.isAsWanted(object.key)) this.write(object.key);
    }
    if (isGone) this.lookForGone();
  }

  /** What somebody deleted is written again: of what it was is no longer known, so all that lack one are looked at. */
  private lookForGone(): void {
    for (const key of this.wanted.keys()) {
      if (this.busy.has(key) || !this.objects.store.by("key", key).next().done) continue;
      this.written.delete(key);
      this.write(key);
    }
  }

  private isAsWanted(key: string): boolean {
    const [first, ...others] = this.all(key);
    const wanted = this.wanted.get(key);
    if (first === undefined || wanted === undefined) return first === undefined && wanted === undefined;
    return others.length === 0 && first.status !== null && this.options.kind.same(first.status, wanted);
  }

  private async perform(key: string, status: S | null, signal: AbortSignal): Promise<WriteOutcome> {
    const { client, namespace, kind } = this.options;
    const all = this.all(key);
    const fits = ({ status: said }: Standing<S>): boolean =>
      !(said && status && (kind.replaces?.(said, status) ?? false));
    const first = all.find(fits);
    for (const each of all) if (each !== first) await this.remove(each.name, signal);
    if (!first) this.written.delete(key);
    if (status === null) {
      if (first) await this.remove(first.name, signal);
      this.written.delete(key);
    } else if (!first?.status || !kind.same(first.status, status)) {
      const known = first && (await this.writeStatus(first.name, key, status, signal));
      if (!known) {
        const made = await client.create(kind.resource, { namespace }, await this.object(key, status), { signal });
        // A status has a door of its own: the API takes none with an object that is made.
        const name = this.keep(key, made, null);
        if (!(await this.writeStatus(name, key, status, signal))) return "done";
      }
    }
    // What the watch told meanwhile was not looked at.
    if (this.overtaken.delete(key) && !this.isAsWanted(key)) queueMicrotask(() => this.write(key));
    return "done";
  }

  /** What was answered counts until the watch tells the same or something newer. */
  private keep(key: string, { metadata }: KubeObject, status: S | null): string {
    const { name = "", resourceVersion = "" } = metadata ?? {};
    const told = this.objects.store.get(`${this.options.namespace}/${name}`);
    const written: Standing<S> = { name, key, resourceVersion, status };
    if (told && !isOlder(told, written)) this.written.delete(key);
    else this.written.set(key, written);
    if (told && isOlder(written, told)) this.overtaken.add(key);
    return name;
  }

  private async remove(name: string, signal: AbortSignal): Promise<void> {
    const { client, namespace, kind } = this.options;
    try {
      await client.remove(kind.resource, { namespace, name }, undefined, { signal });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Whether the object is still there. */
  private async writeStatus(name: string, key: string, status: S, signal: AbortSignal): Promise<boolean> {
    const { client, namespace, kind } = this.options;
    const where = { namespace, name, subresource: "status" } as const;
    const patch = { status: kind.body(key, status) };
    try {
      this.keep(key, await client.patch(kind.resource, where, "merge", patch, { signal }), status);
      return true;
    } catch (error) {
      if (!isGone(error)) throw error;
      this.written.delete(key);
      return false;
    }
  }

  private async object(key: string, status: S): Promise<KubeObject> {
    const { namespace, kind, owner } = this.options;
    const { group, version } = kind.resource;
    return {
      apiVersion: `${group}/${version}`,
      kind: kind.resource.kind,
      metadata: { namespace, ...kind.metadata(key, status), ...ownedBy(await owner) },
    };
  }

  private project(object: unknown): Standing<S> | null {
    const { name, resourceVersion = "" } = (object as KubeObject).metadata ?? {};
    const read = this.options.kind.read(object);
    return keyOf(object) === null || name === undefined || read === null ? null : { name, resourceVersion, ...read };
  }
}

const isGone = (error: unknown): boolean => error instanceof ApiError && error.isNotFound;

/** Versions of one resource are whole numbers that grow (Kubernetes API concepts, "Resource versions"). */
function isOlder(
  { resourceVersion: a }: { readonly resourceVersion: string },
  b: { readonly resourceVersion: string },
) {
  const [left, right] = [a, b.resourceVersion];
  return left.length < right.length || (left.length === right.length && left < right);
}
