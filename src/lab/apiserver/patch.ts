import jsonpatch from "fast-json-patch";
import { ApiError, badRequest, unsupportedMediaType } from "./errors.ts";
import { clone, isObject, type Json, type JsonObject } from "./json.ts";
import { strategicMerge } from "./patch-strategic.ts";
import type { Resource } from "./resource.ts";

export const PATCH_TYPES = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
} as const;

export type PatchKind = (typeof PATCH_TYPES)[keyof typeof PATCH_TYPES];

const MAX_OPERATIONS = 10_000;

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
  if (kind === "json") return jsonPatch(target, patch);
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
    else result[key] = isObject(value) ? mergePatch(result[key], value) : value;
  }
  return result;
}

function jsonPatch(target: JsonObject, patch: Json): JsonObject {
  if (!Array.isArray(patch))
    throw badRequest("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  if (patch.length > MAX_OPERATIONS)
    throw new ApiError(
      413,
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  try {
    const { newDocument } = jsonpatch.applyPatch(
      clone(target),
      patch as unknown as jsonpatch.Operation[],
      true,
      true,
      true,
    );
    if (isObject(newDocument)) return newDocument;
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    const operation = (error as { operation?: { op?: string; path?: string; value?: Json } }).operation;
    if (name === "TEST_OPERATION_FAILED") throw unprocessable(`testing value ${operation?.path ?? ""} failed`);
    if (
      name === "OPERATION_PATH_UNRESOLVABLE" ||
      name === "OPERATION_PATH_CANNOT_ADD" ||
      name === "OPERATION_FROM_UNRESOLVABLE"
    )
      throw unprocessable(
        operation?.op === "add" || operation?.op === "replace"
          ? `${operation.op} operation does not apply: doc is missing ${operation.op === "add" ? "path" : "key"}: ${operation.path ?? ""}: missing value`
          : `${operation?.op === "remove" ? "remove operation does not apply: doc is missing key" : "jsonpatch operation does not apply: missing path"}: ${operation?.path ?? ""}: missing value`,
      );
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message.split("\n")[0] : "invalid"}`);
  }
  throw unprocessable("the patched document is not an object");
}

const unprocessable = (why: string) =>
  new ApiError(422, "Invalid", `the server rejected our request due to an error in our request: ${why}`);
