import { readFileSync } from "node:fs";
import { isObject, type Json, type JsonObject } from "../base/json.ts";

/**
 * An OpenAPI schema with Kubernetes' extensions, its references resolved to the same objects (so it
 * may be cyclic). One shape serves the built-in kinds and the structural schemas of custom resources.
 */
export interface Schema {
  type?: string;
  format?: string;
  description?: string;
  nullable?: boolean;
  default?: Json;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  enum?: Json[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  uniqueItems?: boolean;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
  "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-map-type"?: "atomic" | "granular";
  "x-kubernetes-patch-strategy"?: string;
  "x-kubernetes-patch-merge-key"?: string;
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-embedded-resource"?: boolean;
  "x-kubernetes-validations"?: ValidationRule[];
  /** The name of the definition this came from: `io.k8s.api.core.v1.ServicePort`. */
  definition?: string;
}

export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

const FILE = new URL("./definitions.json", import.meta.url);
let raw: Record<string, JsonObject> | null = null;
const resolved = new Map<string, Schema>();

/** The definitions of the built-in kinds as Kubernetes publishes them, with `$ref`s. */
export function builtinDefinitions(): Readonly<Record<string, JsonObject>> {
  raw ??= JSON.parse(readFileSync(FILE, "utf8")) as Record<string, JsonObject>;
  return raw;
}

/** The built-in definition of that name, references resolved. @throws Error when there is none */
export function builtinSchema(name: string): Schema {
  const known = resolved.get(name);
  if (known) return known;
  const definition = builtinDefinitions()[name];
  if (!definition) throw new Error(`no definition ${name}`);
  const schema: Schema = { definition: name };
  resolved.set(name, schema);
  Object.assign(schema, resolve(definition), { definition: name });
  relax(name, schema);
  return schema;
}

/** Where the published definition says less than the server accepts. */
function relax(name: string, schema: Schema): void {
  const short = name.slice(name.lastIndexOf(".") + 1);
  if (short === "IntOrString") schema["x-kubernetes-int-or-string"] = true;
  if (short === "Quantity") schema["x-kubernetes-int-or-string"] = true;
  if (
    ["JSON", "FieldsV1", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrStringArray"].includes(
      short,
    )
  )
    schema["x-kubernetes-preserve-unknown-fields"] = true;
  if (schema["x-kubernetes-preserve-unknown-fields"]) delete schema.type;
}

function resolve(node: JsonObject): Schema {
  const reference =
    node.$ref ?? (Array.isArray(node.allOf) && isObject(node.allOf[0]) ? node.allOf[0].$ref : undefined);
  if (typeof reference === "string") return referring(node, reference.slice(reference.lastIndexOf("/") + 1));
  const schema: Schema = { ...(node as Schema) };
  if (isObject(node.properties)) {
    schema.properties = {};
    for (const [name, child] of Object.entries(node.properties)) schema.properties[name] = resolve(child as JsonObject);
  }
  if (isObject(node.items)) schema.items = resolve(node.items);
  if (isObject(node.additionalProperties)) schema.additionalProperties = resolve(node.additionalProperties);
  return schema;
}

/** A reference with its own description, default or patch strategy: a view of the target that stays live. */
function referring(node: JsonObject, name: string): Schema {
  const { $ref: _, allOf: __, ...own } = node;
  const target = builtinSchema(name);
  if (Object.keys(own).length === 0) return target;
  // The target may still be in the making (a cycle), so its members are looked up when asked for.
  return Object.setPrototypeOf(own, target) as Schema;
}

/** The schema of a field: a property, or what the map holds; null where the schema does not say. */
export function fieldSchema(schema: Schema | null, name: string): Schema | null {
  if (!schema) return null;
  const property = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  if (property) return property;
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : null;
}

export const itemSchema = (schema: Schema | null): Schema | null => schema?.items ?? null;

/** Whether members are named by the schema (a struct), not free keys (a map). */
export const isStruct = (schema: Schema | null): boolean => schema?.properties !== undefined;

export const OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
