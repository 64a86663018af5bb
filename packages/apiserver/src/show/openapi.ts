import { createHash } from "node:crypto";
import { clone, isObject, type Json, type JsonObject, object } from "../base/json.ts";
import type { Registry } from "../kinds/registry.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { builtinDefinitions, type Schema } from "../kinds/schema.ts";
import { groupsOf, REVIEWS, versionsOf } from "./discovery.ts";

const PREFIX = "#/components/schemas/";

/** The media type, without its version, that kubectl asks for version 2 in. */
export const OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2";

const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.of((number << 3) | 2, bytes.length), bytes]);

/**
 * An OpenAPI v2 document without definitions, as protobuf (openapiv2/OpenAPIv2.proto: swagger 1, info 2
 * with title 1 and version 2, paths 8). kubectl asks for it when version 3 knows a kind not, such as
 * List or one whose CRD is missing; without definitions it leaves the checking to this server.
 */
export const openApiV2Protobuf: Buffer = Buffer.concat([
  field(1, Buffer.from("2.0")),
  field(2, Buffer.concat([field(1, Buffer.from("Kubernetes")), field(2, Buffer.from("v1.36.0"))])),
  field(8, Buffer.alloc(0)),
]);

/** The OpenAPI documents, made from the registry when they are asked for and kept until it changes. */
export class OpenApi {
  private readonly registry: Registry;
  private readonly documents = new Map<string, Buffer>();
  private generation = -1;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** The index of `/openapi/v3`. */
  index(): Buffer {
    const paths: JsonObject = {};
    for (const path of this.paths()) {
      const hash = createHash("sha256")
        .update(this.document(path) ?? "")
        .digest("hex")
        .toUpperCase();
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
    }
    return Buffer.from(JSON.stringify({ paths }));
  }

  /** The document of `api/v1` or `apis/GROUP/VERSION`; null when it is not served. */
  document(path: string): Buffer | null {
    this.refresh();
    const known = this.documents.get(path);
    if (known) return known;
    const match = /^(?:api\/(v1)|apis\/([^/]+)\/([^/]+))$/.exec(path);
    if (!match || !this.paths().includes(path)) return null;
    const made = Buffer.from(JSON.stringify(this.build(match[2] ?? "", match[3] ?? "v1")));
    this.documents.set(path, made);
    return made;
  }

  /** All groups in one OpenAPI 2 document. */
  version2(): Buffer {
    this.refresh();
    const known = this.documents.get("v2");
    if (known) return known;
    const definitions: JsonObject = {};
    const paths: JsonObject = {};
    for (const group of ["", ...groupsOf(this.registry)])
      for (const version of versionsOf(this.registry, group)) {
        const document = this.build(group, version);
        Object.assign(definitions, object(document, "components", "schemas"));
        Object.assign(paths, document.paths);
      }
    const body = { swagger: "2.0", info: { title: "Kubernetes", version: "v1.36.0" }, paths, definitions };
    const made = Buffer.from(JSON.stringify(body).replaceAll(PREFIX, "#/definitions/"));
    this.documents.set("v2", made);
    return made;
  }

  private paths(): string[] {
    const groups = ["", ...groupsOf(this.registry)];
    return groups.flatMap((group) =>
      versionsOf(this.registry, group).map((version) => (group === "" ? `api/${version}` : `apis/${group}/${version}`)),
    );
  }

  private refresh(): void {
    if (this.generation === this.registry.generation) return;
    this.generation = this.registry.generation;
    this.documents.clear();
  }

  private build(group: string, version: string): JsonObject {
    const schemas: JsonObject = {};
    const paths: JsonObject = {};
    for (const resource of this.registry.all()) {
      if (resource.group !== group || resource.version !== version) continue;
      const name = definitionName(resource);
      addDefinition(resource, name, schemas);
      addPaths(resource, name, paths);
    }
    for (const review of REVIEWS) if (review.group === group) addReferenced(reviewDefinition(review), schemas);
    return { openapi: "3.0.0", info: { title: "Kubernetes", version: "v1.36.0" }, paths, components: { schemas } };
  }
}

const reviewDefinition = (review: (typeof REVIEWS)[number]) =>
  `io.k8s.api.${review.group.split(".")[0] ?? ""}.v1.${review.kind}`;

const definitionName = (resource: Resource): string =>
  resource.isCustom
    ? `${resource.group.split(".").reverse().join(".")}.${resource.version}.${resource.kind}`
    : (resource.schema.definition ?? resource.kind);

const gvk = ({ group, version, kind }: Resource): JsonObject => ({ group, version, kind });

function addDefinition(resource: Resource, name: string, schemas: JsonObject): void {
  if (!resource.isCustom) {
    addReferenced(name, schemas);
    return;
  }
  const meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  addReferenced(meta, schemas);
  const definitions = builtinDefinitions();
  const typeMeta = (member: string) => object(definitions["io.k8s.api.core.v1.ConfigMap"], "properties", member);
  const properties = customProperties(resource.schema);
  schemas[name] = {
    ...(plain(resource.schema) as JsonObject),
    properties: {
      ...properties,
      apiVersion: typeMeta("apiVersion"),
      kind: typeMeta("kind"),
      metadata: {
        description:
          "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
        allOf: [{ $ref: PREFIX + meta }],
      },
    },
    "x-kubernetes-group-version-kind": [gvk(resource)],
  };
}

function customProperties(schema: Schema): JsonObject {
  const { metadata: _, apiVersion: __, kind: ___, ...properties } = schema.properties ?? {};
  return clone(properties as unknown as JsonObject);
}

/** The schema's own members without its properties. */
function plain(schema: Schema): Json {
  const { properties: _, ...rest } = schema;
  return clone(rest as unknown as JsonObject);
}

function addReferenced(name: string, schemas: JsonObject): void {
  const definition = builtinDefinitions()[name];
  if (name in schemas || !definition) return;
  schemas[name] = definition;
  addReferences(definition, schemas);
}

function addReferences(node: Json, schemas: JsonObject): void {
  if (Array.isArray(node)) for (const item of node) addReferences(item, schemas);
  if (!isObject(node)) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "$ref" && typeof value === "string") addReferenced(value.slice(PREFIX.length), schemas);
    else addReferences(value, schemas);
  }
}

const parameter = (name: string): JsonObject => ({ name, in: "query", schema: { type: "string", uniqueItems: true } });

function addPaths(resource: Resource, name: string, paths: JsonObject): void {
  const base = resource.group === "" ? "/api/v1" : `/apis/${apiVersionOf(resource)}`;
  const within = resource.namespaced
    ? `${base}/namespaces/{namespace}/${resource.plural}`
    : `${base}/${resource.plural}`;
  const schema = { $ref: PREFIX + name };
  const content = { "application/json": { schema } };
  const responses: JsonObject = { "200": { description: "OK", content } };
  const kind = { "x-kubernetes-group-version-kind": gvk(resource) };
  const writing = [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")];
  const operation = (action: string, extra: JsonObject = {}): JsonObject => ({
    "x-kubernetes-action": action,
    ...kind,
    responses,
    ...extra,
  });
  const requestBody = { content: { "*/*": { schema } }, required: true };
  paths[within] = { get: operation("list"), post: operation("post", { parameters: writing, requestBody }) };
  const one: JsonObject = {
    get: operation("get"),
    put: operation("put", { parameters: writing, requestBody }),
    patch: operation("patch", { parameters: [...writing, parameter("force")] }),
    delete: operation("delete", { parameters: [parameter("dryRun")] }),
  };
  paths[`${within}/{name}`] = one;
  if (resource.hasStatus)
    paths[`${within}/{name}/status`] = { get: one.get as Json, put: one.put as Json, patch: one.patch as Json };
  if (resource.namespaced) paths[`${base}/${resource.plural}`] = { get: operation("list") };
}
