import { ApiError, type KubeClient, type KubeObject, pathOf, type Resource } from "#kube";

type Request = Parameters<KubeClient["request"]>;
type Apply = Parameters<KubeClient["apply"]>;

/** A client without an API: lists what it holds, and carries what a test pushes into its watches. */
export class FakeKube {
  readonly lists: { readonly path: string; readonly accept: string; readonly fieldSelector: string }[] = [];
  readonly applied: { readonly where: Apply[1]; readonly object: KubeObject; readonly fieldManager: string }[] = [];
  /** What lists and writes are refused with, by the path of the collection. */
  readonly refusals = new Map<string, ApiError>();
  private readonly held = new Map<string, Map<string, KubeObject>>();
  private readonly watches = new Map<string, (line: string) => void>();
  private version = 1;

  /** The part of a client that the rooms' shells use. */
  get client(): KubeClient {
    return this as unknown as KubeClient;
  }

  get open(): readonly string[] {
    return [...this.watches.keys()].sort();
  }

  /** Null deletes. */
  put(path: string, name: string, object: object | null): void {
    const objects = this.held.get(path) ?? new Map<string, KubeObject>();
    this.held.set(path, objects);
    const before = objects.get(name);
    const type = object === null ? "DELETED" : before ? "MODIFIED" : "ADDED";
    const given = (object ?? before ?? {}) as KubeObject;
    const namespace = /namespaces\/([^/]+)/.exec(path)?.[1];
    const metadata = { name, ...(namespace ? { namespace } : {}), ...given.metadata };
    const stored = { ...given, metadata: { ...metadata, resourceVersion: String(++this.version) } };
    if (object === null) objects.delete(name);
    else objects.set(name, stored);
    this.watches.get(path)?.(JSON.stringify({ type, object: stored }));
  }

  request = async (_: Request[0], path: Request[1], { accept = "", query = {} }: Request[2] = {}): Promise<unknown> => {
    this.lists.push({ path, accept, fieldSelector: String(query.fieldSelector ?? "") });
    this.mayRefuse(path);
    const items = [...(this.held.get(path)?.values() ?? [])];
    return { kind: "List", metadata: { resourceVersion: String(this.version) }, items };
  };

  /** So many watches were begun, by path. */
  readonly watched = new Map<string, number>();

  /** Ends a watch as a server does whose time is over. */
  end(path: string): void {
    this.ends.get(path)?.();
  }

  private readonly ends = new Map<string, () => void>();

  forgetIdle = (): void => {};

  stream: KubeClient["stream"] = async (path, _, onLine, signal, options) => {
    this.watched.set(path, (this.watched.get(path) ?? 0) + 1);
    this.watches.set(path, onLine);
    options?.onOpen?.();
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve());
    this.ends.set(path, ended.resolve);
    await ended.promise;
    // Another may stand in its place already.
    if (this.watches.get(path) === onLine) this.watches.delete(path);
  };

  apply = async (
    resource: Resource,
    where: Apply[1],
    object: KubeObject,
    fieldManager: string,
  ): Promise<KubeObject> => {
    const { namespace, name = "" } = where;
    const path = pathOf(resource, namespace === undefined ? {} : { namespace });
    this.mayRefuse(path);
    this.applied.push({ where, object, fieldManager });
    const before = this.held.get(path)?.get(name);
    this.put(path, name, { ...before, ...object, metadata: { ...before?.metadata, ...object.metadata } });
    return this.held.get(path)?.get(name) as KubeObject;
  };

  private mayRefuse(path: string): void {
    const refusal = this.refusals.get(path);
    if (refusal) throw refusal;
  }
}

export const refused = (status: number, retryAfter: number | null = null): ApiError =>
  new ApiError(status, "", "refused", retryAfter);
