import { badRequest } from "../base/errors.ts";
import { canonical, clone, isObject, type Json, type JsonObject, own, put } from "../base/json.ts";
import { fieldSchema, itemSchema, type Schema } from "../kinds/schema.ts";

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
      const now = own(result, member);
      const dropped = new Set(gone.map(canonical));
      if (Array.isArray(now))
        put(
          result,
          member,
          now.filter((item) => !dropped.has(canonical(item))),
        );
      continue;
    }
    const child = fieldSchema(schema, key);
    if (value === null) delete result[key];
    else if (isObject(value)) put(result, key, strategicMerge(own(result, key), value, child));
    else if (Array.isArray(value)) {
      const merged = mergeList(own(result, key), value, child, key);
      const mergeKey = child?.["x-kubernetes-patch-merge-key"];
      const ordered = merges(child) && own(patch, ORDER + key) === undefined;
      put(result, key, ordered ? inOrder(merged, value, listOf(target, key), mergeKey) : merged);
    } else put(result, key, value);
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER) || !Array.isArray(order)) continue;
    const member = key.slice(ORDER.length);
    const now = own(result, member);
    const mergeKey = fieldSchema(schema, member)?.["x-kubernetes-patch-merge-key"];
    if (Array.isArray(now)) put(result, member, inOrder(now, order, listOf(target, member), mergeKey));
  }
  return result;
}

function listOf(target: Json | undefined, member: string): Json[] {
  const found = isObject(target) ? own(target, member) : undefined;
  return Array.isArray(found) ? found : [];
}

function retain(result: JsonObject, keep: Json | undefined): void {
  if (!Array.isArray(keep)) return;
  const kept = new Set(keep);
  for (const key of Object.keys(result)) if (!kept.has(key)) delete result[key];
}

const merges = (schema: Schema | null) => (schema?.["x-kubernetes-patch-strategy"] ?? "").split(",").includes("merge");

function mergeList(target: Json | undefined, patch: readonly Json[], schema: Schema | null, name: string): Json[] {
  const before = Array.isArray(target) ? target : [];
  if (!merges(schema)) return clone(patch.filter((item) => !(isObject(item) && item[DIRECTIVE] !== undefined)));
  const mergeKey = schema?.["x-kubernetes-patch-merge-key"];
  if (mergeKey === undefined) {
    const result = [...before];
    const there = new Set(result.map(canonical));
    for (const item of patch) {
      const text = canonical(item);
      if (!there.has(text)) result.push(clone(item));
      there.add(text);
    }
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
  const result: (Json | undefined)[] = [...before];
  /** Merge key → where its items are. */
  const places = new Map<string, number[]>();
  before.forEach((one, at) => {
    if (isObject(one) && one[mergeKey] !== undefined) addTo(places, canonical(one[mergeKey]), at);
  });
  for (const item of patch) {
    if (!isObject(item)) throw badRequest(`expected an object in ${name}, but received: ${JSON.stringify(item)}`);
    const key = item[mergeKey];
    if (key === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    const named = canonical(key);
    const [at = result.length] = places.get(named) ?? [];
    if (item[DIRECTIVE] === "delete") {
      for (const place of places.get(named) ?? []) result[place] = undefined;
      places.delete(named);
      continue;
    }
    if (at === result.length) addTo(places, named, at);
    result[at] = strategicMerge(result[at], item, itemSchema(schema));
  }
  return result.filter((item) => item !== undefined);
}

function addTo(places: Map<string, number[]>, name: string, at: number): void {
  const known = places.get(name);
  if (known) known.push(at);
  else places.set(name, [at]);
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
  const keyOf = (item: Json) =>
    canonical(mergeKey !== undefined && isObject(item) ? (own(item, mergeKey) ?? null) : item);
  const wanted = placesOf(order.map(keyOf));
  const stood = placesOf(before.map(keyOf));
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  const named = keyed.flatMap(({ item, key }) => {
    const place = wanted.get(key);
    return place === undefined ? [] : [{ item, place, was: stood.get(key) ?? -1 }];
  });
  named.sort((a, b) => a.place - b.place);
  const others = keyed
    .filter(({ key }) => !wanted.has(key))
    .map(({ item, key }) => ({ item, was: stood.get(key) ?? -1 }));
  const result: Json[] = [];
  let [at, other] = [0, 0];
  while (at < named.length && other < others.length) {
    const next = named[at] as (typeof named)[number];
    const left = others[other] as (typeof others)[number];
    const leftFirst = next.was >= 0 && left.was < next.was;
    result.push(leftFirst ? left.item : next.item);
    if (leftFirst) other += 1;
    else at += 1;
  }
  return [...result, ...named.slice(at).map(({ item }) => item), ...others.slice(other).map(({ item }) => item)];
}

/** The first place of each key. */
function placesOf(keys: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  keys.forEach((key, at) => {
    if (!places.has(key)) places.set(key, at);
  });
  return places;
}
