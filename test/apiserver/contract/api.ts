import { type Answer, type OpenWatch, type Sending, send, watch } from "@metallb-ts/apiserver/testing";

type Fields = Record<string, unknown>;

export const MERGE: Sending = { type: "application/merge-patch+json" };
export const STRATEGIC: Sending = { type: "application/strategic-merge-patch+json" };
export const JSON_PATCH: Sending = { type: "application/json-patch+json" };
export const APPLY: Sending = { type: "application/apply-patch+yaml" };
export const TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1";
export const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
export const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/** A server under contract, and a namespace of the suite's own on it. */
export interface Api {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
}

/** Requests to the API that the suite runs on, which is started before its tests and not yet known when they are written. */
export class Requests {
  readonly namespace: string;
  private readonly api: () => Api;

  constructor(api: () => Api, namespace: string) {
    this.api = api;
    this.namespace = namespace;
  }

  get token(): string {
    return this.api().token;
  }

  send(method: string, path: string, body: unknown = null, sending: Sending = {}): Promise<Answer> {
    return send(this.api(), method, path, body, sending);
  }

  /** The answer's body; fails with what the server said when it refused. */
  async ok(method: string, path: string, body: unknown = null, sending: Sending = {}): Promise<Fields> {
    const answer = await this.send(method, path, body, sending);
    if (answer.code >= 300) throw new Error(`${method} ${path}: ${answer.code} ${answer.text.slice(0, 2_000)}`);
    return answer.body;
  }

  watch(path: string, accept?: string): OpenWatch {
    return watch(this.api(), path, accept);
  }

  /** `/api/v1/namespaces/NAMESPACE/PLURAL/…`, in the namespace of the suite. */
  path(plural: string, ...rest: readonly string[]): string {
    return ["/api/v1/namespaces", this.namespace, plural, ...rest].join("/");
  }

  /** The same for a custom resource of the group `contract.io`. */
  custom(plural: string, ...rest: readonly string[]): string {
    return ["/apis/contract.io/v1/namespaces", this.namespace, plural, ...rest].join("/");
  }

  /** Makes a definition and waits until it is served. `spec` lays over one version `v1` with status. */
  async define(plural: string, kind: string, schema: Fields, more: Fields = {}): Promise<void> {
    const version = {
      name: "v1",
      served: true,
      storage: true,
      subresources: { status: {} },
      schema: { openAPIV3Schema: { type: "object", properties: schema } },
    };
    await this.ok("POST", DEFINITIONS, definition(plural, kind, { versions: [version], ...more }));
    await this.served(plural);
  }

  /** Waits until a new kind is served: on a real server a moment after it is Established. */
  async served(plural: string): Promise<void> {
    const open = this.watch(`${DEFINITIONS}?watch=1&fieldSelector=metadata.name%3D${plural}.contract.io`);
    for (;;) {
      const { object } = (await open.next()) as { object: { status?: { conditions?: Fields[] } } };
      if (object.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True")) break;
    }
    open.close();
    while ((await this.send("GET", this.custom(plural))).code !== 200)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const definition = (plural: string, kind: string, spec: Fields): Fields => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.contract.io` },
  spec: { group: "contract.io", scope: "Namespaced", names: { plural, kind }, ...spec },
});

export const configMap = (name: string, data: Fields = {}, labels: Fields | null = null): Fields => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...(labels === null ? {} : { labels }) },
  data,
});

export const custom = (kind: string, name: string, fields: Fields = {}): Fields => ({
  apiVersion: "contract.io/v1",
  kind,
  metadata: { name },
  ...fields,
});

/** What of `metadata` the tests look at. */
export interface Metadata {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly managedFields?: readonly {
    readonly manager: string;
    readonly operation: string;
    readonly subresource?: string;
    readonly fieldsV1: unknown;
  }[];
}

export const metadataOf = (value: unknown): Metadata => (value as { metadata: Metadata }).metadata;
export const namesOf = (list: unknown): string[] =>
  ((list as { items?: unknown[] }).items ?? []).map((item) => metadataOf(item).name);
