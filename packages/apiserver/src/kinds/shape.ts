import { canonical, isObject, type Json, type JsonObject, own, put } from "../base/json.ts";
import { fieldSchema, itemSchema, type Schema } from "./schema.ts";

/** How the parts of a value are owned: each by itself, or as one. */
export type Shape = "atomic" | "map" | "keyed" | "set";

export function shapeOf(schema: Schema | null, value: Json | undefined): Shape {
  if (Array.isArray(value)) {
    const type = schema?.["x-kubernetes-list-type"];
    if (type === "map") return "keyed";
    return type === "set" ? "set" : "atomic";
  }
  if (!isObject(value)) return "atomic";
  return schema?.["x-kubernetes-map-type"] === "atomic" ? "atomic" : "map";
}

/** The path element of an item in a keyed list; absent keys count with their default. */
function itemKey(schema: Schema | null, item: Json): string {
  if (!isObject(item)) return `v:${canonical(item)}`;
  const keys: JsonObject = {};
  for (const key of schema?.["x-kubernetes-list-map-keys"] ?? []) {
    const value = own(item, key) ?? fieldSchema(itemSchema(schema), key)?.default;
    if (value !== undefined) put(keys, key, value);
  }
  return `k:${canonical(keys)}`;
}

export const itemElement = (schema: Schema | null, shape: Shape, item: Json): string =>
  shape === "set" ? `v:${canonical(item)}` : itemKey(schema, item);

export function byElement(value: Json | undefined, schema: Schema | null, shape: Shape): Map<string, Json> {
  const found = new Map<string, Json>();
  if (Array.isArray(value)) for (const item of value) found.set(itemElement(schema, shape, item), item);
  return found;
}
