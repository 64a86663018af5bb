import { ApiError, type KubeClient, type KubeObject, type Resource } from "#kube";

export interface StatusObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Record<string, string> } & {
    resourceVersion: string;
  };
  status?: Record<string, unknown>;
}

/** An API with the objects of one kind. What is written is noted, and the watch tells of it. */
export class StatusApi {
  readonly written: string[] = [];
  readonly objects = new Map<string, StatusObject>();
  /** What notes say of an object. */
  readonly nameOf: (object: StatusObject) => string;
  /** Names, as in notes, whose writes never answer. */
  readonly stuck = new Set<string>();
  /** Fields of a status that the API does not know. */
  readonly unknown = new Set<string>();
  /** What a list is refused with. */
  refusal: ApiError | null = null;
  /** The watch tells before the answer, or only when it is told to. */
  private held: string[] | null = null;
  private line: (text: string) => void = () => {};
  private wake: () => void = () => {};
  private serial = 1;

  constructor(nameOf: (object: StatusObject) => string) {
    this.nameOf = nameOf;
  }

  put(name: string, labels: Record<string, string>, status: Record<string, unknown>, annotations = {}): void {
    const metadata = { name, namespace: "system", labels, annotations, resourceVersion: String(++this.serial) };
    this.objects.set(name, { metadata, status });
  }

  readonly client = {
    request: async () => {
      if (this.refusal) throw this.refusal;
      return { metadata: { resourceVersion: "1" }, items: [...this.objects.values()] };
    },
    list: async () => {
      this.note("list");
      if (this.refusal) throw this.refusal;
      return { items: [] };
    },
    stream: (_: string, __: unknown, line: (text: string) => void, signal: AbortSignal) => {
      this.line = line;
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    create: async (_: Resource, __: unknown, object: KubeObject) => {
      const metadata = { ...object.metadata } as StatusObject["metadata"] & { readonly generateName?: string };
      const name = `${metadata.generateName ?? ""}${++this.serial}`;
      const made = { ...object, metadata: { ...metadata, name, resourceVersion: String(this.serial) } } as StatusObject;
      if (this.stuck.has(this.nameOf(made))) await new Promise(() => {});
      this.objects.set(name, made);
      this.note(`create ${this.nameOf(made)}`);
      return this.tell("ADDED", made);
    },
    patch: async (_: Resource, { name }: { name: string }, __: string, patch: Pick<StatusObject, "status">) => {
      const object = this.objects.get(name);
      if (!object) throw new ApiError(404, "NotFound", "gone");
      const before = JSON.stringify(object.status);
      const known = Object.entries(patch.status ?? {}).filter(([field]) => !this.unknown.has(field));
      object.status = { ...object.status, ...Object.fromEntries(known) };
      this.note(`status ${this.nameOf(object)}`);
      // Nothing is stored that is as before.
      if (JSON.stringify(object.status) === before) return structuredClone(object);
      object.metadata.resourceVersion = String(++this.serial);
      return this.tell("MODIFIED", object);
    },
    remove: async (_: Resource, { name }: { name: string }) => {
      const object = this.objects.get(name);
      if (object) this.note(`remove ${this.nameOf(object)}`);
      this.delete(name);
    },
  } as unknown as KubeClient;

  /** As somebody else does. */
  delete(name: string): void {
    const object = this.objects.get(name);
    this.objects.delete(name);
    if (object) this.tell("DELETED", object);
  }

  /** What the watch has to tell waits from now on. */
  hold(): void {
    this.held = [];
  }

  release(): void {
    const lines = this.held ?? [];
    this.held = null;
    for (const line of lines) this.line(line);
  }

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
  }

  private note(what: string): void {
    this.written.push(what);
    this.wake();
  }

  private tell(type: string, object: StatusObject): StatusObject {
    const line = JSON.stringify({ type, object });
    if (this.held) this.held.push(line);
    else this.line(line);
    return structuredClone(object);
  }
}
