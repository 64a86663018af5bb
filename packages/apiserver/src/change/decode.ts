import { badRequest, MAX_ERRORS } from "../base/errors.ts";
import { isObject, type Json, type JsonObject, text } from "../base/json.ts";
import { prune, tidyMetadata } from "../kinds/prune.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { fieldSchema, isStruct, itemSchema, type Schema } from "../kinds/schema.ts";

/** What `fieldValidation` asks for when a body has fields that the kind does not. */
export type FieldValidation = "Strict" | "Warn" | "Ignore";

/**
 * Takes a body to an object of the kind: unknown fields go (and are named), wrong types are refused.
 * Returns the texts for the Warning header. The body is changed in place.
 * @throws ApiError 400
 */
export function decodeBody(resource: Resource, body: JsonObject, validation: FieldValidation): string[] {
  const unknown: string[] = [];
  if (resource.isCustom) prune(body, resource.schema, "", unknown);
  else {
    dropNulls(body, resource.schema);
    const problem = typeProblem(body, resource.schema, "", shortName(resource.schema));
    if (problem !== null) throw badRequest(`${cannotHandle(resource)}: json: cannot unmarshal ${problem}`);
    prune(body, resource.schema, "", unknown);
  }
  tidyMetadata(body);
  const texts = unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (validation === "Strict" && texts.length > 0) {
    const what = `strict decoding error: ${texts.slice(0, MAX_ERRORS).join(", ")}`;
    throw badRequest(
      resource.isCustom
        ? `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${what}`
        : `${cannotHandle(resource)}: ${what}`,
    );
  }
  return validation === "Warn" ? texts : [];
}

const cannotHandle = (resource: Resource) =>
  `${resource.kind} in version ${JSON.stringify(resource.version)} cannot be handled as a ${resource.kind}`;

const shortName = (schema: Schema | null): string =>
  schema?.definition?.slice(schema.definition.lastIndexOf(".") + 1) ?? "";

/** For built-in kinds null is the same as absent. */
function dropNulls(value: Json, schema: Schema | null): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item, itemSchema(schema));
  if (!isObject(value) || schema?.["x-kubernetes-preserve-unknown-fields"]) return;
  for (const key of Object.keys(value)) {
    if (value[key] === null) delete value[key];
    else dropNulls(value[key] as Json, fieldSchema(schema, key));
  }
}

/** `string into Go struct field ServicePort.spec.ports.port of type int32`, as the decoder of the API says it. */
function typeProblem(value: Json, schema: Schema | null, path: string, owner: string): string | null {
  if (!schema) return null;
  const where = path === "" ? `Go value of type v1.${owner}` : `Go struct field ${owner}.${path}`;
  const wrong = (type: string) => `${kindOf(value)} into ${where} of type ${type}`;
  if (schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"]) return null;
  switch (schema.type) {
    case "string":
      return typeof value === "string" ? null : wrong("string");
    case "boolean":
      return typeof value === "boolean" ? null : wrong("bool");
    case "integer":
      if (typeof value !== "number") return wrong(schema.format ?? "int64");
      return Number.isInteger(value) ? null : `number ${value} into ${where} of type ${schema.format ?? "int64"}`;
    case "number":
      return typeof value === "number" ? null : wrong("float64");
    case "array": {
      if (!Array.isArray(value)) return wrong(`[]${goType(schema.items)}`);
      for (const item of value) {
        const problem = typeProblem(item, itemSchema(schema), path, owner);
        if (problem !== null) return problem;
      }
      return null;
    }
    default:
      return objectProblem(value, schema, path, owner, wrong);
  }
}

function objectProblem(
  value: Json,
  schema: Schema,
  path: string,
  owner: string,
  wrong: (type: string) => string,
): string | null {
  if (!isStruct(schema) && schema.type !== "object") return null;
  if (!isObject(value)) return wrong(goType(schema));
  const name = isStruct(schema) ? shortName(schema) || owner : owner;
  for (const [key, child] of Object.entries(value)) {
    const problem = typeProblem(child, fieldSchema(schema, key), path === "" ? key : `${path}.${key}`, name);
    if (problem !== null) return problem;
  }
  return null;
}

function goType(schema: Schema | undefined): string {
  if (schema === undefined) return "interface {}";
  if (typeof schema.additionalProperties === "object") return `map[string]${goType(schema.additionalProperties)}`;
  if (schema.type === "integer") return schema.format ?? "int64";
  if (schema.type === "boolean") return "bool";
  return schema.definition ? `v1.${shortName(schema)}` : (schema.type ?? "interface {}");
}

const kindOf = (value: Json): string =>
  Array.isArray(value) ? "array" : value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value;

/** The body must be of the kind that the path names. @throws ApiError 400 */
export function checkKind(resource: Resource, body: JsonObject): void {
  const expected = apiVersionOf(resource);
  const given = `${typeof body.apiVersion === "string" ? body.apiVersion : ""}`;
  if (body.kind !== undefined && body.kind !== "" && body.kind !== resource.kind)
    throw badRequest(
      `${text(body, "kind")} in version ${JSON.stringify(given.slice(given.indexOf("/") + 1))} cannot be handled as a ${resource.kind}: no kind ${JSON.stringify(body.kind)} is registered for version ${JSON.stringify(given)}`,
    );
  if (given !== "" && given !== expected)
    throw badRequest(`the API version in the data (${given}) does not match the expected API version (${expected})`);
  body.apiVersion = expected;
  body.kind = resource.kind;
}
