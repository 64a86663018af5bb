import { ApiError, badRequest, cut, unsupportedMediaType } from "../base/errors.ts";
import { isObject, type Json, type JsonObject, own, put } from "../base/json.ts";
import { MAX_OBJECT } from "../base/limits.ts";
import type { Resource } from "../kinds/resource.ts";
import { jsonPatch } from "./json-patch.ts";
import { strategicMerge } from "./strategic-merge.ts";

const PATCH_TYPES = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
} as const;

export type PatchKind = (typeof PATCH_TYPES)[keyof typeof PATCH_TYPES];

/** The kind of patch by its media type. @throws ApiError 415 */
export function patchKind(resource: Resource, mediaType: string): PatchKind {
  const accepted = Object.keys(PATCH_TYPES).filter((type) => !resource.isCustom || !type.includes("strategic"));
  const kind = PATCH_TYPES[mediaType as keyof typeof PATCH_TYPES];
  if (kind === undefined || !accepted.includes(mediaType)) throw unsupportedMediaType(accepted);
  return kind;
}

/** RFC 7386 (merge), RFC 6902 (JSON) or Kubernetes' strategic merge. The object is not changed. @throws ApiError 400, 422 */
export function applyPatch(
  kind: Exclude<PatchKind, "apply">,
  resource: Resource,
  target: JsonObject,
  patch: Json,
): JsonObject {
  if (kind === "json") return jsonPatch(target, patch, MAX_OBJECT);
  if (!isObject(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${Array.isArray(patch) ? "array" : typeof patch} into Go value of type map[string]interface {}`,
    );
  return kind === "merge" ? mergePatch(target, patch) : strategicMerge(target, patch, resource.schema);
}

/** RFC 7386: null removes, an object merges, anything else replaces. */
export function mergePatch(target: Json | undefined, patch: JsonObject): JsonObject {
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else put(result, key, isObject(value) ? mergePatch(own(result, key), value) : value);
  }
  return result;
}

/** The refusal of a patch whose result is no object of the kind. */
export function unfitPatch(shown: string, why: string): ApiError {
  const message = `Invalid value: ${cut(JSON.stringify(shown), 4096)}: ${cut(why, 1024)}`;
  return new ApiError(422, "Invalid", ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: "FieldValueInvalid", message, field: "patch" }],
  });
}

/** A value as Go prints it, which is how refusals of a strategic patch show it. */
export function goText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isObject(value)) return value === null ? "<nil>" : String(value);
  const members = Object.keys(value).sort();
  return `map[${members.map((key) => `${key}:${goText(value[key] as Json)}`).join(" ")}]`;
}
