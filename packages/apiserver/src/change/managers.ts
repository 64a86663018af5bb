import { clone, ensure, equal, isObject, type Json, type JsonObject, objects, text } from "../base/json.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { compare, FieldSet } from "./field-set.ts";

/** Who writes, as an entry of managedFields names it. */
export interface Manager {
  readonly name: string;
  /** "" for the object itself. */
  readonly subresource: string;
}

/** One entry of managedFields with its fields as a set. */
export interface Owned {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
  readonly fields: FieldSet;
}

const MAX_UPDATE_MANAGERS = 10;

/** What the server decides belongs to nobody. */
const UNOWNED = FieldSet.fromJson({
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": Object.fromEntries(
    [
      "name",
      "namespace",
      "creationTimestamp",
      "selfLink",
      "uid",
      "clusterName",
      "generation",
      "managedFields",
      "resourceVersion",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
    ].map((key) => [`f:${key}`, {}]),
  ),
});

/** Drops what cannot be owned, and what this endpoint does not write. */
export function ownable(fields: FieldSet, resource: Resource, subresource: string): FieldSet {
  const own = fields.withoutBelow(UNOWNED);
  own.member = false;
  // The part of an object that has only the member "." left is nobody's either.
  const metadata = own.children.get("f:metadata");
  if (metadata) {
    metadata.member = false;
    if (metadata.isEmpty) own.children.delete("f:metadata");
  }
  if (!resource.hasStatus) return own;
  const foreign =
    subresource === "status"
      ? [...own.children.keys()].filter((key) => key !== "f:status" && key !== "f:metadata")
      : ["f:status"];
  for (const key of foreign) own.children.delete(key);
  return own;
}

export function readOwned(value: JsonObject | null): Owned[] {
  return objects(value ?? {}, "metadata", "managedFields").map((entry) => ({
    manager: text(entry, "manager"),
    operation: text(entry, "operation") === "Apply" ? "Apply" : "Update",
    apiVersion: text(entry, "apiVersion"),
    subresource: text(entry, "subresource"),
    time: text(entry, "time"),
    fields: FieldSet.fromJson(entry.fieldsV1),
  }));
}

export function writeOwned(value: JsonObject, owned: readonly Owned[]): void {
  const entries = owned
    .filter((one) => !one.fields.isEmpty)
    .map((one): JsonObject => {
      const entry: JsonObject = {
        manager: one.manager,
        operation: one.operation,
        apiVersion: one.apiVersion,
        time: one.time,
        fieldsType: "FieldsV1",
        fieldsV1: one.fields.toJson(),
      };
      if (one.subresource !== "") entry.subresource = one.subresource;
      return entry;
    });
  const metadata = ensure(value, "metadata");
  if (entries.length === 0) delete metadata.managedFields;
  else metadata.managedFields = entries;
}

/** Apply entries first, then by time, manager and subresource, as the API lists them. */
export const ordered = (owned: readonly Owned[]): Owned[] =>
  [...owned].sort(
    (a, b) =>
      a.operation.localeCompare(b.operation) ||
      a.time.localeCompare(b.time) ||
      a.manager.localeCompare(b.manager) ||
      a.subresource.localeCompare(b.subresource),
  );

/** The object without its bookkeeping, for comparisons. */
export function bare(value: JsonObject): JsonObject {
  const { managedFields: _, ...metadata } = isObject(value.metadata) ? value.metadata : {};
  return { ...value, metadata };
}

/**
 * Notes in `next` who owns what after a create, replace or patch by the manager. `old` is null for a
 * new object. An entry of managedFields that the client emptied resets the bookkeeping.
 */
export function trackUpdate(
  resource: Resource,
  old: JsonObject | null,
  next: JsonObject,
  manager: Manager,
  time: string,
): void {
  const base: JsonObject = old ? bare(old) : { metadata: {}, ...structsOf(resource) };
  const { added, modified, removed } = compare(base as Json, bare(next) as Json, resource.schema);
  const written = ownable(added.union(modified), resource, manager.subresource);
  const reset = old !== null && isReset(next);
  const before = reset ? [] : readOwned(old);
  const apiVersion = apiVersionOf(resource);
  const isMine = (one: Owned) =>
    one.operation === "Update" &&
    one.manager === manager.name &&
    one.subresource === manager.subresource &&
    one.apiVersion === apiVersion;
  const mine = before.find(isMine);
  const fields = (mine?.fields ?? new FieldSet()).minus(removed).union(written);
  const others = before
    .filter((one) => !isMine(one))
    .map((one) => ({ ...one, fields: one.fields.minus(removed).minus(written) }));
  const changed = !mine?.fields.equals(fields);
  const entry: Owned = {
    manager: manager.name,
    operation: "Update",
    apiVersion,
    subresource: manager.subresource,
    time: changed || !mine || !written.isEmpty ? time : mine.time,
    fields,
  };
  writeOwned(next, capped(ordered([...others, entry])));
}

/** A user may clear the list by writing `[{}]`. */
function isReset(next: JsonObject): boolean {
  const entries = objects(next, "metadata", "managedFields");
  return entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0;
}

/** Too many single writers are folded into one, oldest first. */
function capped(owned: readonly Owned[]): Owned[] {
  const updates = owned.filter((one) => one.operation === "Update");
  if (updates.length <= MAX_UPDATE_MANAGERS) return [...owned];
  const folded = updates.slice(0, updates.length - MAX_UPDATE_MANAGERS + 1);
  const fields = folded.reduce((sum, one) => sum.union(one.fields), new FieldSet());
  const last = folded[folded.length - 1] as Owned;
  const bucket: Owned = { ...last, manager: "ancient-changes", fields };
  return ordered([...owned.filter((one) => !folded.includes(one)), bucket]);
}

/** Parts that a built-in object always has, so that creating one does not own them. */
function structsOf(resource: Resource): JsonObject {
  if (resource.isCustom) return {};
  const empty: JsonObject = {};
  if (resource.schema.properties?.spec) empty.spec = {};
  if (resource.schema.properties?.status) empty.status = resource.kind === "Service" ? { loadBalancer: {} } : {};
  if (resource.kind === "Event") empty.involvedObject = {};
  if (resource.kind === "Event") empty.source = {};
  return clone(empty);
}

/** Whether two states differ in more than the bookkeeping. */
export const sameContent = (a: JsonObject, b: JsonObject): boolean => equal(bare(a), bare(b));
