import { badRequest } from "./errors.ts";
import { clone, equal, isObject, type Json, type JsonObject } from "./json.ts";
import { fieldSchema, itemSchema, type Schema } from "./schema.ts";

const DIRECTIVE = "$patch";
const RETAIN = "$retainKeys";
const DELETE_LIST = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

/**
 * Kubernetes' strategic merge: as RFC 7386, but lists merge by the key that the schema names, and
 * directives replace or delete. @throws ApiError 400 for a patch that does not fit
 */
export function strategicMerge(target: Json | undefined, patch: JsonObject, schema: Schema | null): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive !== undefined) {
    const { [DIRECTIVE]: _, ...rest } = patch;
    if (directive === "replace") return clone(rest);
    if (directive === "delete") return {};
    if (directive !== "merge") throw badRequest(`unknown patch type found: ${JSON.stringify(directive)}`);
  }
  const result: JsonObject = isObject(target) ? { ...target } : {};
  retain(result, patch[RETAIN]);
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_LIST)) {
      const member = key.slice(DELETE_LIST.length);
      const gone = Array.isArray(value) ? value : [];
      const now = result[member];
      if (Array.isArray(now)) result[member] = now.filter((item) => !gone.some((one) => equal(one, item)));
      continue;
    }
    const child = fieldSchema(schema, key);
    if (value === null) delete result[key];
    else if (isObject(value)) result[key] = strategicMerge(result[key], value, child);
    else if (Array.isArray(value)) {
      const merged = mergeList(result[key], value, child, key);
      const mergeKey = child?.["x-kubernetes-patch-merge-key"];
      result[key] =
        merges(child) && patch[ORDER + key] === undefined
          ? inOrder(merged, value, listOf(target, key), mergeKey)
          : merged;
    } else result[key] = value;
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER) || !Array.isArray(order)) continue;
    const member = key.slice(ORDER.length);
    const now = result[member];
    if (Array.isArray(now))
      result[member] = inOrder(
        now,
        order,
        listOf(target, member),
        fieldSchema(schema, member)?.["x-kubernetes-patch-merge-key"],
      );
  }
  return result;
}

function listOf(target: Json | undefined, member: string): Json[] {
  const found = isObject(target) ? target[member] : undefined;
  return Array.isArray(found) ? found : [];
}

function retain(result: JsonObject, keep: Json | undefined): void {
  if (!Array.isArray(keep)) return;
  for (const key of Object.keys(result)) if (!keep.includes(key)) delete result[key];
}

const merges = (schema: Schema | null) => (schema?.["x-kubernetes-patch-strategy"] ?? "").split(",").includes("merge");

function mergeList(target: Json | undefined, patch: readonly Json[], schema: Schema | null, name: string): Json[] {
  const before = Array.isArray(target) ? target : [];
  if (!merges(schema)) return clone(patch.filter((item) => !(isObject(item) && item[DIRECTIVE] !== undefined)));
  const mergeKey = schema?.["x-kubernetes-patch-merge-key"];
  if (mergeKey === undefined) {
    const result = [...before];
    for (const item of patch) if (!result.some((one) => equal(one, item))) result.push(clone(item));
    return result;
  }
  if (patch.some((item) => isObject(item) && item[DIRECTIVE] === "replace"))
    return clone(patch.filter((item) => !(isObject(item) && item[DIRECTIVE] === "replace")));
  return mergeByKey(before, patch, mergeKey, schema, name);
}

function mergeByKey(
  before: readonly Json[],
  patch: readonly Json[],
  mergeKey: string,
  schema: Schema | null,
  name: string,
): Json[] {
  const result = [...before];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest(`expected an object in ${name}, but received: ${JSON.stringify(item)}`);
    const key = item[mergeKey];
    if (key === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    const is = (one: Json) => isObject(one) && equal(one[mergeKey], key);
    if (item[DIRECTIVE] === "delete") {
      for (let at = result.findIndex(is); at >= 0; at = result.findIndex(is)) result.splice(at, 1);
      continue;
    }
    const at = result.findIndex(is);
    const merged = strategicMerge(at < 0 ? undefined : result[at], item, itemSchema(schema));
    if (at < 0) result.push(merged);
    else result[at] = merged;
  }
  return result;
}

/**
 * Items of the patch come in the order that it names; items that only the server has keep their place
 * before those that they stood before, and behind new ones.
 */
function inOrder(
  items: readonly Json[],
  order: readonly Json[],
  before: readonly Json[],
  mergeKey: string | undefined,
): Json[] {
  const keyOf = (item: Json | undefined) => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
  const place = (list: readonly Json[], item: Json) => list.findIndex((one) => equal(keyOf(one), keyOf(item)));
  const named = items.filter((item) => place(order, item) >= 0).sort((a, b) => place(order, a) - place(order, b));
  const others = items.filter((item) => place(order, item) < 0);
  const result: Json[] = [];
  while (named.length > 0 && others.length > 0) {
    const [other, next] = [place(before, others[0] as Json), place(before, named[0] as Json)];
    const first = next >= 0 && other < next ? others.shift() : named.shift();
    result.push(first as Json);
  }
  return [...result, ...named, ...others];
}
