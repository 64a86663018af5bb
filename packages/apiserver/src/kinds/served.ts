import { ApiError } from "../base/errors.ts";
import { type JsonObject, text } from "../base/json.ts";
import type { Entry } from "../store/storage.ts";
import { apiVersionOf, type Resource } from "./resource.ts";

/** What webhooks have made of an entry, by apiVersion. */
const converted = new WeakMap<Entry, Map<string, JsonObject>>();

/** Whether the entry can be shown without asking a webhook. */
export const isShowable = (resource: Resource, entry: Entry): boolean =>
  resource.conversion === null ||
  entry.object.apiVersion === apiVersionOf(resource) ||
  converted.get(entry)?.has(apiVersionOf(resource)) === true;

/** Keeps what a webhook has made of the entry. */
export function keepConverted(entry: Entry, object: JsonObject): void {
  const known = converted.get(entry) ?? new Map<string, JsonObject>();
  known.set(text(object, "apiVersion"), object);
  converted.set(entry, known);
}

/**
 * The stored object in the version that is asked for. It may be stored in an older version than the present one.
 * @throws ApiError 500 for what only a webhook can show and has not yet been asked for
 */
export function served(resource: Resource, entry: Entry): JsonObject {
  const { object } = entry;
  if (resource.fromStored === null || object.apiVersion === apiVersionOf(resource)) return object;
  if (resource.conversion === null) return resource.fromStored(object);
  const known = converted.get(entry)?.get(apiVersionOf(resource));
  if (!known) throw new ApiError(500, "InternalError", `${entry.key} is not converted to ${apiVersionOf(resource)}`);
  return known;
}

/** The object's JSON in the version that is asked for. */
export function servedJson(resource: Resource, entry: Entry): Buffer {
  const shown = served(resource, entry);
  return shown === entry.object ? entry.json : Buffer.from(JSON.stringify(shown));
}
