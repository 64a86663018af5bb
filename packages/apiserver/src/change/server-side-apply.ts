import { ApiError } from "../base/errors.ts";
import { clone, isObject, type Json, type JsonObject, own, put } from "../base/json.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { fieldSchema, itemSchema, type Schema } from "../kinds/schema.ts";
import { byElement, itemElement, shapeOf } from "../kinds/shape.ts";
import { compare, FieldSet, fieldsOfConfig, pathText } from "./field-set.ts";
import { bare, type Manager, type Owned, ordered, ownable, readOwned, writeOwned } from "./managers.ts";

/** What the configuration wants, before defaults: the live object merged with it, minus what the manager gave up. */
export function mergeConfig(
  resource: Resource,
  live: JsonObject | null,
  config: JsonObject,
  manager: Manager,
): JsonObject {
  const before = readOwned(live);
  const mine = before.find((one) => isMine(one, manager));
  const wanted = ownable(fieldsOfConfig(config, resource.schema), resource, manager.subresource);
  const others = before
    .filter((one) => !isMine(one, manager))
    .reduce((sum, one) => sum.union(one.fields), new FieldSet());
  const merged = merge(live === null ? undefined : bare(live), config, resource.schema) as JsonObject;
  if (!mine) return merged;
  const givenUp = mine.fields.minus(wanted).minus(others);
  return prune(merged, givenUp, wanted.union(others), resource.schema) as JsonObject;
}

/**
 * Notes ownership in `next` after an apply. @throws ApiError 409 that names each manager and field
 * when the configuration changes what another manager owns and `force` is not given
 */
export function trackApply(
  resource: Resource,
  live: JsonObject | null,
  config: JsonObject,
  next: JsonObject,
  manager: Manager,
  options: { readonly force: boolean; readonly time: string },
): void {
  const wanted = ownable(fieldsOfConfig(config, resource.schema), resource, manager.subresource);
  const { added, modified, removed } = compare(live === null ? {} : bare(live), bare(next), resource.schema);
  const changed = added.union(modified);
  const others = readOwned(live).filter((one) => !isMine(one, manager));
  const conflicts = others.flatMap((one) => {
    const fields = one.fields.intersect(changed).intersect(wanted);
    return fields.isEmpty ? [] : [{ one, fields }];
  });
  if (conflicts.length > 0 && !options.force) throw conflictError(conflicts);
  const taken = conflicts.reduce((sum, { fields }) => sum.union(fields), new FieldSet());
  const mine = readOwned(live).find((one) => isMine(one, manager));
  const same = mine?.fields.equals(wanted) && changed.isEmpty && removed.isEmpty;
  const entry: Owned = {
    manager: manager.name,
    operation: "Apply",
    apiVersion: apiVersionOf(resource),
    subresource: manager.subresource,
    time: same && mine ? mine.time : options.time,
    fields: wanted,
  };
  const kept = others.map((one) => ({ ...one, fields: one.fields.minus(removed).minus(taken) }));
  writeOwned(next, ordered([...kept, entry]));
}

const isMine = (one: Owned, manager: Manager) =>
  one.operation === "Apply" && one.manager === manager.name && one.subresource === manager.subresource;

function conflictError(conflicts: readonly { readonly one: Owned; readonly fields: FieldSet }[]): ApiError {
  const all = conflicts.flatMap(({ one, fields }) =>
    [...fields.paths()].map((path) => ({ who: who(one), path: pathText(path) })),
  );
  const causes = all.map(({ who, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${who}`,
    field: path,
  }));
  const [only] = all;
  if (all.length === 1 && only)
    return new ApiError(409, "Conflict", `Apply failed with 1 conflict: conflict with ${only.who}: ${only.path}`, {
      causes,
    });
  const lines = [...new Set(all.map(({ who }) => who))]
    .sort()
    .flatMap((name) => [
      `conflicts with ${name}:`,
      ...all.filter(({ who }) => who === name).map(({ path }) => `- ${path}`),
    ]);
  return new ApiError(409, "Conflict", `Apply failed with ${all.length} conflicts: ${lines.join("\n")}`, { causes });
}

function who({ manager, subresource, operation, apiVersion, time }: Owned): string {
  const name = JSON.stringify(manager) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  if (operation === "Apply") return name;
  return time === "" ? `${name} using ${apiVersion}` : `${name} using ${apiVersion} at ${time}`;
}

/** The live value with the configuration laid over it; lists with keys merge by item. */
function merge(live: Json | undefined, config: Json, schema: Schema | null): Json {
  const shape = shapeOf(schema, config);
  if (shape === "atomic" || live === undefined || shapeOf(schema, live) !== shape) return clone(config);
  if (isObject(config) && isObject(live)) {
    const result: JsonObject = { ...live };
    for (const [key, value] of Object.entries(config))
      put(result, key, merge(own(live, key), value, fieldSchema(schema, key)));
    return result;
  }
  const items = Array.isArray(config) ? config : [];
  const wanted = new Map(items.map((item, i) => [itemElement(schema, shape, item), i]));
  const present = byElement(live, schema, shape);
  const result: Json[] = [];
  let next = 0;
  // The order of the configuration, with the live items it does not name where they were.
  for (const [element, item] of present) {
    const upTo = wanted.get(element);
    if (upTo === undefined) {
      result.push(item);
      continue;
    }
    for (; next <= upTo; next += 1) result.push(mergedItem(items[next] as Json, present, schema, shape));
  }
  for (; next < items.length; next += 1) result.push(mergedItem(items[next] as Json, present, schema, shape));
  return result;
}

function mergedItem(
  item: Json,
  present: Map<string, Json>,
  schema: Schema | null,
  shape: ReturnType<typeof shapeOf>,
): Json {
  const old = present.get(itemElement(schema, shape, item));
  return old === undefined ? clone(item) : merge(old, item, itemSchema(schema));
}

/** Takes out what is given up, unless something below it is still owned. */
function prune(value: Json, givenUp: FieldSet, owned: FieldSet, schema: Schema | null): Json | undefined {
  if (givenUp.member && !hasMembers(owned)) return undefined;
  const shape = shapeOf(schema, value);
  if (givenUp.children.size === 0 || shape === "atomic") return value;
  const below = (element: string) => owned.children.get(element) ?? new FieldSet();
  if (isObject(value)) {
    const result: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      const gone = givenUp.children.get(`f:${key}`);
      const left = gone ? prune(item, gone, below(`f:${key}`), fieldSchema(schema, key)) : item;
      if (left !== undefined) put(result, key, left);
    }
    return Object.keys(result).length === 0 && !owned.member ? undefined : result;
  }
  const result: Json[] = [];
  for (const [element, item] of byElement(value, schema, shape)) {
    const gone = givenUp.children.get(element);
    const left = gone ? prune(item, gone, below(element), itemSchema(schema)) : item;
    if (left !== undefined) result.push(left);
  }
  return result.length === 0 && !owned.member ? undefined : result;
}

const hasMembers = (set: FieldSet): boolean => !set.isEmpty;
