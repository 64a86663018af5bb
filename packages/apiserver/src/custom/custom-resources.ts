import type { FieldError } from "../base/errors.ts";
import {
  clone,
  ensure,
  get,
  isObject,
  type Json,
  type JsonObject,
  object,
  objects,
  text,
  texts,
} from "../base/json.ts";
import { age } from "../kinds/printer.ts";
import { prune } from "../kinds/prune.ts";
import type { Registry } from "../kinds/registry.ts";
import {
  apiVersionOf,
  type Cell,
  type Column,
  PLAIN,
  type Printer,
  type Resource,
  type Strategy,
} from "../kinds/resource.ts";
import { builtinSchema, OBJECT_META, type Schema } from "../kinds/schema.ts";
import { bumpGeneration } from "../kinds/strategy.ts";
import type { Change, Storage } from "../store/storage.ts";
import { compileJsonPath } from "./jsonpath.ts";
import { hasRules, validateRules } from "./rules.ts";
import { applySchemaDefaults, validateSchema } from "./validation.ts";

/** Serves what CustomResourceDefinitions define, as they come, change and go. */
export class CustomResources {
  private readonly registry: Registry;
  private readonly storage: Storage;
  private readonly now: () => number;
  private readonly served = new Map<string, Resource[]>();

  constructor(registry: Registry, storage: Storage, now: () => number) {
    this.registry = registry;
    this.storage = storage;
    this.now = now;
  }

  /** Follows a change of a definition; a new one is accepted and established at once. */
  changed({ type, entry }: Change): void {
    const name = text(entry.object, "metadata", "name");
    if (type === "DELETED") {
      this.withdraw(name, entry.object);
      return;
    }
    this.serve(entry.object);
    if (!isEstablished(entry.object)) setImmediate(() => this.establish(name));
  }

  /** Puts the versions of the definition into the registry, in the place of what was there. */
  serve(definition: JsonObject): void {
    const name = text(definition, "metadata", "name");
    for (const resource of this.served.get(name) ?? []) this.registry.remove(resource);
    const resources = resourcesOf(definition);
    this.served.set(name, resources);
    for (const resource of resources) this.registry.add(resource);
  }

  private withdraw(name: string, definition: JsonObject): void {
    for (const resource of this.served.get(name) ?? []) this.registry.remove(resource);
    this.served.delete(name);
    const collection = this.storage.collection(collectionOf(definition));
    setImmediate(() => {
      for (const entry of collection.values()) this.storage.commit(collection, entry.key, null);
    });
  }

  private establish(name: string): void {
    const definitions = this.storage.collection("customresourcedefinitions");
    const entry = definitions.get(name);
    if (!entry || isEstablished(entry.object)) return;
    const time = `${new Date(this.now()).toISOString().slice(0, 19)}Z`;
    const condition = (type: string, reason: string, message: string): JsonObject => ({
      type,
      status: "True",
      lastTransitionTime: time,
      reason,
      message,
    });
    const status: JsonObject = {
      ...object(entry.object, "status"),
      acceptedNames: object(entry.object, "spec", "names"),
      conditions: [
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ],
    };
    this.storage.commit(definitions, name, { ...entry.object, status });
  }
}

const isEstablished = (definition: JsonObject) =>
  objects(definition, "status", "conditions").some(
    (one) => text(one, "type") === "Established" && text(one, "status") === "True",
  );

const collectionOf = (definition: JsonObject) =>
  `${text(definition, "spec", "group")}/${text(definition, "spec", "names", "plural")}`;

function resourcesOf(definition: JsonObject): Resource[] {
  const spec = object(definition, "spec");
  const names = object(spec, "names");
  const versions = objects(spec, "versions");
  const several = versions.length > 1;
  const storage = versions.find((version) => version.storage === true);
  const storedApiVersion = apiVersionOf({ group: text(spec, "group"), version: text(storage, "name") });
  return versions
    .filter((version) => version.served === true)
    .map((version): Resource => {
      const schema = customSchema(version);
      const hasStatus = get(version, "subresources", "status") !== undefined;
      const apiVersion = apiVersionOf({ group: text(spec, "group"), version: text(version, "name") });
      const isStored = apiVersion === storedApiVersion;
      return {
        group: text(spec, "group"),
        version: text(version, "name"),
        kind: text(names, "kind"),
        plural: text(names, "plural"),
        singular: text(names, "singular"),
        shortNames: texts(names, "shortNames"),
        categories: texts(names, "categories"),
        namespaced: text(spec, "scope") === "Namespaced",
        names: "subdomain",
        hasStatus,
        isCustom: true,
        collection: collectionOf(definition),
        schema,
        fields: objects(version, "selectableFields").map((field) => text(field, "jsonPath").slice(1)),
        printer: customPrinter(version),
        strategy: customStrategy(schema, hasStatus),
        deprecation:
          version.deprecated === true
            ? text(version, "deprecationWarning") ||
              `${text(spec, "group")}/${text(version, "name")} ${text(names, "kind")} is deprecated`
            : null,
        // Without a webhook only the name of the version differs.
        fromStored: (value) => inVersion(value, apiVersion, schema),
        conversion:
          several && get(spec, "conversion", "strategy") === "Webhook" ? object(spec, "conversion", "webhook") : null,
        toStored: isStored ? null : (value) => ({ ...value, apiVersion: storedApiVersion }),
      };
    });
}

/** A version shows only what its own schema knows. */
function inVersion(value: JsonObject, apiVersion: string, schema: Schema): JsonObject {
  const made = clone(value);
  made.apiVersion = apiVersion;
  prune(made, schema, "", []);
  return made;
}

/** The schema of the version with metadata as every object has it. */
function customSchema(version: JsonObject): Schema {
  const schema = clone(get(version, "schema", "openAPIV3Schema") ?? {}) as Schema;
  schema.properties = {
    ...schema.properties,
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: builtinSchema(OBJECT_META),
  };
  return schema;
}

/** After these the rules of CEL are not looked at, and the answer says so. */
const BLOCKING: ReadonlySet<FieldError["type"]> = new Set([
  "required",
  "tooLong",
  "tooMany",
  "typeInvalid",
  "unsupported",
]);
const UNCHECKED: FieldError = {
  type: "invalid",
  field: "<nil>",
  value: null,
  detail:
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

function customStrategy(schema: Schema, hasStatus: boolean): Strategy {
  const { metadata: _, ...properties } = schema.properties ?? {};
  // Metadata has its own checks, and its names are not the schema's business.
  const body: Schema = { ...schema, properties, "x-kubernetes-preserve-unknown-fields": true };
  const validate: Strategy["validate"] = (value, old) => {
    const errors = validateSchema(value, body);
    if (!hasRules(body)) return errors;
    if (errors.some((error) => BLOCKING.has(error.type))) return [...errors, UNCHECKED];
    return [...errors, ...validateRules(value, old ?? undefined, body)];
  };
  return {
    ...PLAIN,
    setDefaults: (value) => applySchemaDefaults(value, body, clone),
    prepareCreate: (value) => {
      ensure(value, "metadata").generation = 1;
      if (hasStatus) delete value.status;
    },
    prepareUpdate: (value, old) => {
      if (!hasStatus) {
        const { status, ...rest } = value;
        const { status: oldStatus, ...oldRest } = old;
        bumpGeneration(
          status === undefined ? rest : { ...rest, statusAsContent: status },
          oldStatus === undefined ? oldRest : { ...oldRest, statusAsContent: oldStatus },
        );
        return;
      }
      if (old.status === undefined) delete value.status;
      else value.status = old.status;
      bumpGeneration(value, old);
    },
    prepareStatus: (value, old) => {
      // The status endpoint writes status alone.
      for (const key of Object.keys(value)) if (key !== "status") delete value[key];
      for (const [key, member] of Object.entries(old)) if (key !== "status") value[key] = member;
    },
    validate,
    validateStatus: validate,
  };
}

const AGE_COLUMN: JsonObject = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description:
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
};

function customPrinter(version: JsonObject): Printer {
  const declared = objects(version, "additionalPrinterColumns");
  const described = declared.length === 0 ? [AGE_COLUMN] : declared;
  const paths = described.map((one) => compileJsonPath(text(one, "jsonPath")));
  const columns: Column[] = described.map((one) => ({
    name: text(one, "name"),
    type: text(one, "type") as Column["type"],
    format: text(one, "format"),
    description:
      text(one, "description") || `Custom resource definition column (in JSONPath format): ${text(one, "jsonPath")}`,
    priority: typeof one.priority === "number" ? one.priority : 0,
  }));
  return {
    columns: [{ name: "Name", type: "string", format: "name", description: "", priority: 0 }, ...columns],
    cells: (value, now) => [
      text(value, "metadata", "name"),
      ...columns.map((column, i) => cellOf(paths[i]?.(value) ?? [], column, now)),
    ],
  };
}

function cellOf(values: readonly Json[], column: Column, now: number): Cell {
  const [first] = values;
  if (first === undefined || first === null) return null;
  switch (column.type) {
    case "integer":
      return typeof first === "number" ? Math.trunc(first) : null;
    case "number":
      return typeof first === "number" ? first : null;
    case "boolean":
      return typeof first === "boolean" ? first : null;
    case "date":
      return typeof first === "string" ? age(first, now) : null;
    case "string":
      return values.map(printed).join(",");
  }
}

const printed = (value: Json): string =>
  typeof value === "string" ? value : isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value);
