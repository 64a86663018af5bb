import jsonpatch from "fast-json-patch";
import { ApiError, badRequest, unsupportedMediaType } from "./errors.ts";
import { clone, isObject, type Json, type JsonObject } from "./json.ts";
import { strategicMerge } from "./patch-strategic.ts";
import type { Resource } from "./resource.ts";

const PATCH_TYPES = {
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

const INAPPLICABLE = new Set([
  "TEST_OPERATION_FAILED",
  "OPERATION_PATH_UNRESOLVABLE",
  "OPERATION_PATH_CANNOT_ADD",
  "OPERATION_FROM_UNRESOLVABLE",
  "OPERATION_VALUE_OUT_OF_BOUNDS",
]);

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
    if (error instanceof Error && INAPPLICABLE.has(error.name)) throw unprocessable();
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message.split("\n")[0] : "invalid"}`);
  }
  throw unprocessable();
}

/** The API says no more than this; not which operation failed. */
const unprocessable = () =>
  new ApiError(422, "Invalid", "the server rejected our request due to an error in our request");

/** The refusal of a patch whose result is no object of the kind. */
export const unfitPatch = (shown: string, why: string) =>
  new ApiError(422, "Invalid", ` "" is invalid: patch: Invalid value: ${JSON.stringify(shown)}: ${why}`, {
    causes: [
      { reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(shown)}: ${why}`, field: "patch" },
    ],
  });

/** A value as Go prints it, which is how refusals of a strategic patch show it. */
export function goText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isObject(value)) return value === null ? "<nil>" : String(value);
  const members = Object.keys(value).sort();
  return `map[${members.map((key) => `${key}:${goText(value[key] as Json)}`).join(" ")}]`;
}
