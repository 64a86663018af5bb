import type { JsonObject } from "../base/json.ts";
import type { Entry } from "../store/storage.ts";
import type { Resource } from "./resource.ts";

/** The stored object in the version that is asked for. */
export const served = (resource: Resource, entry: Entry): JsonObject =>
  resource.fromStored ? resource.fromStored(entry.object) : entry.object;

/** The object's JSON in the version that is asked for. */
export const servedJson = (resource: Resource, entry: Entry): Buffer =>
  resource.fromStored ? Buffer.from(JSON.stringify(resource.fromStored(entry.object))) : entry.json;
