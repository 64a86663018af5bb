import type { FieldError, Subject } from "../base/errors.ts";
import { type JsonObject, strings, text } from "../base/json.ts";
import type { NameRule } from "../base/names.ts";
import type { Labels } from "../base/selectors.ts";
import type { Schema } from "./schema.ts";

/** One column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format: string;
  readonly description: string;
  /** Shown without `-o wide` when 0. */
  readonly priority: number;
}

export type Cell = string | number | boolean | null;

export interface Printer {
  readonly columns: readonly Column[];
  /** One cell per column. `now` in milliseconds, for ages. */
  cells(object: JsonObject, now: number): Cell[];
}

/** What is special about a kind. Objects passed in are the caller's own and may be changed. */
export interface Strategy {
  /** Fills what was left out, as the versioned defaults of the kind say. */
  setDefaults(object: JsonObject): void;
  prepareCreate(object: JsonObject): void;
  prepareUpdate(object: JsonObject, old: JsonObject): void;
  /** What a write of the status subresource keeps from the stored object. */
  prepareStatus(object: JsonObject, old: JsonObject): void;
  /** `old` is null for a new object. */
  validate(object: JsonObject, old: JsonObject | null): FieldError[];
  validateStatus(object: JsonObject, old: JsonObject): FieldError[];
  /** Texts for the Warning header. */
  warnings(object: JsonObject): string[];
}

/** One kind in one version, as it is served. */
export interface Resource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly names: NameRule;
  readonly hasStatus: boolean;
  readonly isCustom: boolean;
  /** The storage's collection: shared by the versions of a kind. */
  readonly collection: string;
  readonly schema: Schema;
  /** Selectable fields besides metadata.name and metadata.namespace. */
  readonly fields: readonly string[];
  readonly printer: Printer;
  readonly strategy: Strategy;
  /** Warning header of every request to a deprecated version. */
  readonly deprecation: string | null;
  /** From the form that is stored to this version; null when they are the same. */
  readonly fromStored: ((object: JsonObject) => JsonObject) | null;
  /** The webhook that converts between versions (`spec.conversion.webhook`); null where versions differ by name alone. */
  readonly conversion: JsonObject | null;
  readonly toStored: ((object: JsonObject) => JsonObject) | null;
}

export const apiVersionOf = (resource: { readonly group: string; readonly version: string }): string =>
  resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;

/** For errors about a request: named by the plural. */
export const subjectOf = (resource: Resource, name: string): Subject => ({
  group: resource.group,
  kind: resource.plural,
  name,
});

/** For errors about a body: named by the kind. */
export const kindSubject = (resource: Resource, name: string): Subject => ({
  group: resource.group,
  kind: resource.kind,
  name,
});

export const labelsOf = (object: JsonObject): Labels => strings(object, "metadata", "labels");

/** The selectable fields of an object, by the dotted names that a fieldSelector uses. */
export function fieldsOf(resource: Resource, object: JsonObject): Labels {
  const found: Record<string, string> = {
    "metadata.name": text(object, "metadata", "name"),
    "metadata.namespace": text(object, "metadata", "namespace"),
  };
  for (const field of resource.fields) {
    // Events call the reporting component "source" there, wherever it is written.
    const path = field === "source" ? ["source", "component"] : field.split(".");
    found[field] = text(object, ...path) || (field === "source" ? text(object, "reportingComponent") : "");
  }
  return found;
}

export const MAIN_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

/** A kind without anything special; kinds spread this and replace what differs. */
export const PLAIN: Strategy = {
  setDefaults: () => {},
  prepareCreate: () => {},
  prepareUpdate: () => {},
  prepareStatus: () => {},
  validate: () => [],
  validateStatus: () => [],
  warnings: () => [],
};
