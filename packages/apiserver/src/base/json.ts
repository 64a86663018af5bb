/** JSON as the API holds it. Objects in storage are shared: whoever changes one works on a `clone`. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

export interface JsonObject {
  [key: string]: Json;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object's own member. Keys come from clients, who may well call one `constructor`. */
export const own = (value: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(value, key) ? value[key] : undefined;

/** Sets a member by a name that a client chose: an assignment to `__proto__` would not make one. */
export function put(value: JsonObject, key: string, member: Json): void {
  if (key === "__proto__")
    Object.defineProperty(value, key, { value: member, writable: true, enumerable: true, configurable: true });
  else value[key] = member;
}

export function clone<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T;
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) put(copy, key, clone(value[key] as Json));
  return copy as T;
}

/** Whether objects and lists are nested deeper than the limit. It does not recurse itself. */
export function isDeeperThan(limit: number, value: Json): boolean {
  let level: Json[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const below: Json[] = [];
    for (const one of level) {
      if (typeof one !== "object" || one === null) continue;
      if (depth >= limit) return true;
      for (const member of Array.isArray(one) ? one : Object.values(one))
        if (typeof member === "object" && member !== null) below.push(member);
    }
    level = below;
  }
  return false;
}

/** Deep equality; the order of an object's members does not matter, and an absent member is not null. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

/** The value at the path; undefined as soon as a step is missing. */
export function get(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const step of path) {
    if (!isObject(at) || !Object.hasOwn(at, step)) return undefined;
    at = at[step];
  }
  return at;
}

/** The string at the path; "" when there is none. */
export function text(value: Json | undefined, ...path: readonly string[]): string {
  const found = get(value, ...path);
  return typeof found === "string" ? found : "";
}

export function number(value: Json | undefined, ...path: readonly string[]): number | null {
  const found = get(value, ...path);
  return typeof found === "number" ? found : null;
}

export function list(value: Json | undefined, ...path: readonly string[]): Json[] {
  const found = get(value, ...path);
  return Array.isArray(found) ? found : [];
}

export const objects = (value: Json | undefined, ...path: readonly string[]): JsonObject[] =>
  list(value, ...path).filter(isObject);

export const texts = (value: Json | undefined, ...path: readonly string[]): string[] =>
  list(value, ...path).filter((item) => typeof item === "string");

/** The object at the path; a fresh empty one, not attached, when there is none. */
export function object(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = get(value, ...path);
  return isObject(found) ? found : {};
}

/** The member as an object, made where it is missing. */
export function ensure(parent: JsonObject, key: string): JsonObject {
  const found = parent[key];
  if (isObject(found)) return found;
  const fresh: JsonObject = {};
  parent[key] = fresh;
  return fresh;
}

/** Only entries whose value is a string: labels, annotations, selectors. */
export function strings(value: Json | undefined, ...path: readonly string[]): Record<string, string> {
  const found = Object.create(null) as Record<string, string>;
  for (const [key, item] of Object.entries(object(value, ...path))) if (typeof item === "string") found[key] = item;
  return found;
}

/** JSON with the members of objects in the order of their names, as Go writes maps. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`);
  return `{${members.join(",")}}`;
}
