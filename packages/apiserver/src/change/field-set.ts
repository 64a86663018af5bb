import { equal, isObject, type Json, type JsonObject, own } from "../base/json.ts";
import { fieldSchema, isStruct, itemSchema, type Schema } from "../kinds/schema.ts";
import { byElement, itemElement, shapeOf } from "../kinds/shape.ts";

/**
 * A set of field paths as managedFields writes it (fieldsV1): `f:name` for a field, `k:{…}` for an item
 * by its keys, `v:…` for an item of a set. A node is a member, has members below, or both.
 */
export class FieldSet {
  member = false;
  readonly children = new Map<string, FieldSet>();

  get isEmpty(): boolean {
    return !this.member && this.children.size === 0;
  }

  /** The child, made where it is missing. */
  child(element: string): FieldSet {
    let found = this.children.get(element);
    if (!found) {
      found = new FieldSet();
      this.children.set(element, found);
    }
    return found;
  }

  add([element, ...below]: readonly string[]): void {
    if (element === undefined) this.member = true;
    else this.child(element).add(below);
  }

  /** Every member's path. */
  *paths(prefix: readonly string[] = []): Generator<readonly string[]> {
    if (this.member) yield prefix;
    for (const [element, child] of this.children) yield* child.paths([...prefix, element]);
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    result.member = this.member || other.member;
    for (const [element, child] of this.children)
      result.children.set(element, child.union(other.children.get(element) ?? EMPTY));
    for (const [element, child] of other.children) if (!this.children.has(element)) result.children.set(element, child);
    return result;
  }

  minus(other: FieldSet): FieldSet {
    return this.select(other, (mine, theirs) => mine && !theirs);
  }

  intersect(other: FieldSet): FieldSet {
    return this.select(other, (mine, theirs) => mine && theirs);
  }

  /** Without the members and everything below them. */
  withoutBelow(other: FieldSet): FieldSet {
    if (other.member) return new FieldSet();
    const result = new FieldSet();
    result.member = this.member;
    for (const [element, child] of this.children) {
      const left = child.withoutBelow(other.children.get(element) ?? EMPTY);
      if (!left.isEmpty) result.children.set(element, left);
    }
    return result;
  }

  equals(other: FieldSet): boolean {
    return this.minus(other).isEmpty && other.minus(this).isEmpty;
  }

  private select(other: FieldSet, keep: (mine: boolean, theirs: boolean) => boolean): FieldSet {
    const result = new FieldSet();
    result.member = keep(this.member, other.member);
    for (const [element, child] of this.children) {
      const left = child.select(other.children.get(element) ?? EMPTY, keep);
      if (!left.isEmpty) result.children.set(element, left);
    }
    return result;
  }

  toJson(): JsonObject {
    const made: JsonObject = {};
    if (this.member && this.children.size > 0) made["."] = {};
    for (const element of [...this.children.keys()].sort())
      made[element] = (this.children.get(element) as FieldSet).toJson();
    return made;
  }

  static fromJson(json: Json | undefined): FieldSet {
    const set = new FieldSet();
    if (!isObject(json)) return set;
    const keys = Object.keys(json);
    set.member = keys.length === 0 || Object.hasOwn(json, ".");
    for (const key of keys) if (key !== ".") set.children.set(key, FieldSet.fromJson(json[key]));
    return set;
  }
}

const EMPTY = new FieldSet();

/** The fields that an applied configuration has opinions on. */
export function fieldsOfConfig(value: Json, schema: Schema | null): FieldSet {
  const set = new FieldSet();
  collect(value, schema, set);
  return set;
}

function collect(value: Json, schema: Schema | null, at: FieldSet): void {
  const shape = shapeOf(schema, value);
  if (shape === "atomic") at.member = true;
  else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const child = at.child(`f:${key}`);
      collect(item, fieldSchema(schema, key), child);
      const emptyObject = isObject(item) && Object.keys(item).length === 0;
      const named = isStruct(schema) && Object.hasOwn(schema?.properties ?? {}, key);
      if (item === null || emptyObject || !named) child.member = true;
      if (child.isEmpty) at.children.delete(`f:${key}`);
    }
  } else if (Array.isArray(value)) {
    for (const item of value) {
      const child = at.child(itemElement(schema, shape, item));
      if (shape === "keyed") collect(item, itemSchema(schema), child);
      child.member = true;
    }
  }
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** What differs between two states of an object, by owned field. */
export function compare(before: Json | undefined, after: Json | undefined, schema: Schema | null): Comparison {
  const result = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  walk(before, after, schema, [], result);
  return result;
}

function walk(
  before: Json | undefined,
  after: Json | undefined,
  schema: Schema | null,
  path: readonly string[],
  result: Comparison,
): void {
  if (before === undefined && after === undefined) return;
  const shape = shapeOf(schema, after ?? before);
  const sameShape = before === undefined || after === undefined || shapeOf(schema, before) === shape;
  if (shape === "atomic" || !sameShape) {
    if (before === undefined) result.added.add(path);
    else if (after === undefined) result.removed.add(path);
    else if (!equal(before, after)) result.modified.add(path);
    return;
  }
  // A whole container that comes or goes is a field of its own, the object itself is not.
  if (path.length > 0 && before === undefined) result.added.add(path);
  if (path.length > 0 && after === undefined) result.removed.add(path);
  if (shape === "map") {
    const left = isObject(before) ? before : {};
    const right = isObject(after) ? after : {};
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const [was, is] = [own(left, key), own(right, key)];
      if (was === is && was !== undefined) continue;
      walk(was, is, fieldSchema(schema, key), [...path, `f:${key}`], result);
    }
    return;
  }
  const left = byElement(before, schema, shape);
  const right = byElement(after, schema, shape);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const at = [...path, element];
    if (shape === "keyed") walk(left.get(element), right.get(element), itemSchema(schema), at, result);
    else if (!left.has(element)) result.added.add(at);
    else if (!right.has(element)) result.removed.add(at);
  }
}

/** `.spec.ports[port=80,protocol="TCP"].name`, as conflicts name a field. */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => {
      const body = element.slice(2);
      if (element.startsWith("f:")) return `.${body}`;
      if (element.startsWith("v:")) return `[=${body}]`;
      const keys = JSON.parse(body) as JsonObject;
      const pairs = Object.keys(keys).map((key) => `${key}=${JSON.stringify(keys[key])}`);
      return `[${pairs.join(",")}]`;
    })
    .join("");
}
