import { isObject, type Json, type JsonObject } from "../base/json.ts";
import { fieldSchema, isStruct, itemSchema, type Schema } from "./schema.ts";

/** Removes what the schema does not know and collects its paths. */
export function prune(value: Json, schema: Schema | null, path: string, unknown: string[]): void {
  if (!schema) return;
  if (Array.isArray(value)) {
    const items = itemSchema(schema);
    value.forEach((item, i) => {
      prune(item, items, `${path}[${i}]`, unknown);
    });
    return;
  }
  if (!isObject(value)) return;
  if (schema["x-kubernetes-embedded-resource"] && isObject(value.metadata)) tidyMetadata(value);
  const keeps =
    schema["x-kubernetes-preserve-unknown-fields"] === true || (!isStruct(schema) && schema.type === undefined);
  for (const key of Object.keys(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    const child = fieldSchema(schema, key);
    if (child) prune(value[key] as Json, child, at, unknown);
    else if (schema.additionalProperties === true || keeps) continue;
    else if (schema["x-kubernetes-embedded-resource"] && ["apiVersion", "kind", "metadata"].includes(key)) continue;
    else if (isStruct(schema) || schema.type === "object") {
      // An object of free form has neither properties nor a schema for its values.
      if (!isStruct(schema) && schema.definition !== undefined) continue;
      unknown.push(at);
      delete value[key];
    }
  }
}

/** Empty maps and lists of metadata are the same as none. */
export function tidyMetadata(value: JsonObject): void {
  const metadata = value.metadata;
  if (!isObject(metadata)) return;
  for (const key of Object.keys(metadata)) {
    const member = metadata[key];
    const empty =
      member === null ||
      member === "" ||
      (Array.isArray(member) ? member.length === 0 : isObject(member) && Object.keys(member).length === 0);
    if (empty) delete metadata[key];
  }
}
