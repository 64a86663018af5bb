import { randomBytes } from "node:crypto";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import type { Duration } from "#net";
import { agentFor } from "./agents.ts";
import { credentials, errorOf, MAX_BODY, parseJson, readBody, readLines } from "./answer.ts";
import { ApiError } from "./api-error.ts";
import type { Cluster } from "./cluster.ts";
import { pathOf, type Resource, type Where } from "./resources.ts";

const TIMEOUT = 30_000;
/** Milliseconds of silence after which TCP asks whether the other end is still there. */
const KEEP_ALIVE = 20_000;

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Any object of the API, as JSON gives it. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface KubeList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly unknown[];
}

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds until the whole answer must be there. */
  readonly timeout?: Duration;
  /** Media types that are taken; JSON unless told. */
  readonly accept?: string;
  /** Octets of the longest answer that is taken; a longer one is the error TooLarge. */
  readonly maxBody?: number;
}

export interface StreamOptions {
  readonly accept?: string;
  /** The server took the request; lines will follow. */
  readonly onOpen?: () => void;
}

/** What a request may be ended by: a signal, or a limit in milliseconds. */
export type Limits = Pick<RequestOptions, "signal" | "timeout">;

export type PatchType = "merge" | "json" | "strategic" | "apply";

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

export interface KubeClient {
  readonly server: string;
  /** The namespace of the kubeconfig's context or of the Pod; null when neither says. */
  readonly namespace: string | null;
  /** One request. Rejects with {@link ApiError}; anything else that is thrown is a broken invariant. */
  request(method: string, path: string, options?: RequestOptions): Promise<unknown>;
  /** Lines of a watch, until the server ends it. `onLine` gets text of one JSON object. */
  stream(
    path: string,
    query: Query,
    onLine: (line: string) => void,
    signal: AbortSignal,
    options?: StreamOptions,
  ): Promise<void>;
  /** A connection that speaks a WebSocket's subprotocol from here on (RFC 6455). Rejects with {@link ApiError}. */
  upgrade(path: string, query: Query, protocol: string, signal: AbortSignal): Promise<Duplex>;
  get(resource: Resource, where: Where, limits?: Limits): Promise<KubeObject>;
  list(resource: Resource, where: Where, query?: Query): Promise<KubeList>;
  create(resource: Resource, where: Where, object: KubeObject, limits?: Limits): Promise<KubeObject>;
  replace(resource: Resource, where: Where, object: KubeObject, limits?: Limits): Promise<KubeObject>;
  patch(
    resource: Resource,
    where: Where,
    type: Exclude<PatchType, "apply">,
    patch: unknown,
    limits?: Limits,
  ): Promise<KubeObject>;
  /** Server-side apply: `fieldManager` owns what the object holds; `force` takes fields from others. */
  apply(
    resource: Resource,
    where: Where,
    object: KubeObject,
    fieldManager: string,
    force?: boolean,
    limits?: Limits,
  ): Promise<KubeObject>;
  remove(
    resource: Resource,
    where: Where,
    preconditions?: { readonly uid?: string; readonly resourceVersion?: string },
    limits?: Limits,
  ): Promise<void>;
  /** Ends the connections that no request uses: what killed one that was used may have killed them too. */
  forgetIdle(): void;
  close(): void;
}

export interface ClientOptions {
  readonly userAgent: string;
  /** Hears of each answer, for metrics: the HTTP status, or 0 where none came. */
  readonly onAnswer?: (method: string, status: number) => void;
}

type Headers = Readonly<Record<string, string>>;

interface Prepared {
  readonly outgoing: ClientRequest;
  readonly body: Buffer | undefined;
}

/** RFC 6455 section 4.1. */
const upgradeHeaders = (protocol: string): Headers => ({
  // The kubelet answers with a protocol and not with JSON, and refuses who takes that alone.
  accept: "*/*",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": randomBytes(16).toString("base64"),
  "sec-websocket-protocol": protocol,
});

export function createClient(cluster: Cluster, { userAgent, onAnswer }: ClientOptions): KubeClient {
  const base = new URL(cluster.server);
  const secure = base.protocol === "https:";
  // Watches hold a connection each, so the number of sockets is not bounded here but by who asks.
  const agent = agentFor(secure, cluster.proxy ?? null, true);
  // A connection that becomes something else, or is refused that, is not used for another request.
  const once = agentFor(secure, cluster.proxy ?? null, false);
  const send = secure ? httpsRequest : httpRequest;

  function forgetIdle(): void {
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  async function prepare(method: string, path: string, options: RequestOptions, more: Headers = {}): Promise<Prepared> {
    const url = new URL(base.pathname.replace(/\/$/, "") + path, base);
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const token = await credentials(cluster);
    const outgoing = send(url, {
      method,
      agent: more.upgrade === undefined ? agent : once,
      // Files and plugins may have renewed them since the last request.
      ...(secure ? cluster.tls : {}),
      headers: {
        ...(cluster.headers as Record<string, string | string[]> | undefined),
        accept: options.accept ?? "application/json",
        "user-agent": userAgent,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined
          ? {}
          : { "content-type": options.contentType ?? "application/json", "content-length": body.length }),
        ...more,
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    // A connection whose other end is gone is noticed after 20 s of silence and 10 probes, one a second.
    outgoing.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE));
    return { outgoing, body };
  }

  async function open(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const { outgoing, body } = await prepare(method, path, options);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    let answered = false;
    outgoing.on("response", (response) => {
      answered = true;
      onAnswer?.(method, response.statusCode ?? 0);
      if (response.statusCode === 401) cluster.refused?.();
      resolve(response);
    });
    outgoing.on("error", (error) => {
      if (!answered) onAnswer?.(method, 0);
      // What the system refuses has a name of its own; the rest is TLS that did not come about.
      if (secure && !("syscall" in error)) cluster.distrusted?.();
      reject(new ApiError(0, "Unreachable", `${base.host}: ${error.message}`, null, error));
    });
    outgoing.end(body);
    return promise;
  }

  async function request(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const timeout = AbortSignal.timeout(options.timeout ?? TIMEOUT);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    let response: IncomingMessage;
    let text: string;
    try {
      response = await open(method, path, { ...options, signal });
      text = await readBody(response, options.maxBody ?? MAX_BODY);
    } catch (error) {
      // Its connection may be dead, and those that lie idle with it: the next try takes a new one, so that a Lease
      // is renewed in time.
      if (timeout.aborted) forgetIdle();
      throw error;
    }
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return parseJson(text, `${method} ${path}`);
    throw errorOf(response, text, `${method} ${path}`);
  }

  async function stream(
    path: string,
    query: Query,
    onLine: (line: string) => void,
    signal: AbortSignal,
    { accept, onOpen }: StreamOptions = {},
  ): Promise<void> {
    const response = await open("GET", path, { query, signal, ...(accept === undefined ? {} : { accept }) });
    if (response.statusCode !== 200) throw errorOf(response, await readBody(response, MAX_BODY), `GET ${path}`);
    onOpen?.();
    await readLines(response, onLine);
  }

  async function upgrade(path: string, query: Query, protocol: string, signal: AbortSignal): Promise<Duplex> {
    const { outgoing } = await prepare("GET", path, { query, signal }, upgradeHeaders(protocol));
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    outgoing.on("upgrade", (_, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.on("response", (response) => {
      readBody(response, MAX_BODY).then((text) => reject(errorOf(response, text, `GET ${path}`)), reject);
    });
    outgoing.on("error", (error) =>
      reject(new ApiError(0, "Unreachable", `${base.host}: ${error.message}`, null, error)),
    );
    outgoing.end();
    return promise;
  }

  const object = (promise: Promise<unknown>): Promise<KubeObject> => promise as Promise<KubeObject>;
  return {
    server: cluster.server,
    namespace: cluster.namespace,
    request,
    stream,
    upgrade,
    get: (resource, where, limits) => object(request("GET", pathOf(resource, where), limits)),
    list: (resource, where, query) =>
      request("GET", pathOf(resource, where), query ? { query } : {}) as Promise<KubeList>,
    create: (resource, where, body, limits) => object(request("POST", pathOf(resource, where), { ...limits, body })),
    replace: (resource, where, body, limits) => object(request("PUT", pathOf(resource, where), { ...limits, body })),
    patch: (resource, where, type, body, limits) =>
      object(request("PATCH", pathOf(resource, where), { ...limits, body, contentType: PATCH_TYPES[type] })),
    apply: (resource, where, body, fieldManager, force = true, limits = {}) =>
      object(
        request("PATCH", pathOf(resource, where), {
          ...limits,
          body,
          contentType: PATCH_TYPES.apply,
          query: { fieldManager, force },
        }),
      ),
    remove: async (resource, where, preconditions, limits) => {
      await request("DELETE", pathOf(resource, where), {
        ...limits,
        ...(preconditions ? { body: { kind: "DeleteOptions", apiVersion: "v1", preconditions } } : {}),
      });
    },
    forgetIdle,
    close: () => agent.destroy(),
  };
}
