import type { JsonObject } from "../base/json.ts";
import type { Entry } from "../store/storage.ts";
import { apiVersionOf, type Resource } from "./resource.ts";

/** The stored object in the version that is asked for. It may be stored in an older version than the present one. */
export function served(resource: Resource, entry: Entry): JsonObject {
  const { object } = entry;
  if (resource.fromStored === null || object.apiVersion === apiVersionOf(resource)) return object;
  return resource.fromStored(object);
}

/** The object's JSON in the version that is asked for. */
export function servedJson(resource: Resource, entry: Entry): Buffer {
  const shown = served(resource, entry);
  return shown === entry.object ? entry.json : Buffer.from(JSON.stringify(shown));
}
