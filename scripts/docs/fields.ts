import { crdOf, DEFINITIONS, groupOf } from "metallb/api";
import { code, head, sentence, table } from "./markdown.ts";

/** As much of a JSON Schema as a CRD has. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly "x-kubernetes-validations"?: readonly { readonly rule: string; readonly message?: string }[];
}

interface Version {
  readonly name: string;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

/** docs/reference/fields.md: every field of every custom resource, from the CRDs. */
export function fieldsPage(): string {
  const kinds = DEFINITIONS.map((definition) => {
    const { spec } = crdOf(definition) as { readonly spec: { readonly versions: readonly Version[] } };
    const versions = spec.versions
      .map((version) => versionOf(`${groupOf(definition)}/`, definition.plural, version))
      .join("\n");
    return `## ${definition.kind}\n\n${sentence(definition.description)}\n\n${versions}`;
  });
  const about =
    "Objects stand in the namespace of the installation. `kubectl explain ipaddresspool.spec` and its like tell the same of the cluster that you are connected to. A field with an asterisk must be set.";
  return `${head("Fields of the custom resources", "packages/metallb/src/api", about)}\n${kinds.join("\n")}`;
}

function versionOf(group: string, plural: string, { name, storage, deprecationWarning, schema }: Version): string {
  const notes = [
    storage ? "Stored." : "Served.",
    ...(deprecationWarning === undefined ? [] : [`${deprecationWarning}.`]),
  ];
  const { properties = {} } = schema.openAPIV3Schema;
  const parts = (["spec", "status"] as const).flatMap((part) => {
    const rows = rowsOf(properties[part] ?? {}, part);
    return rows.length === 0 ? [] : [table(["field", "type", "default", "meaning"], rows)];
  });
  return `### ${code(`${group}${name} ${plural}`)}\n\n${notes.join(" ")}\n\n${parts.join("\n\n")}\n`;
}

function rowsOf(schema: Schema, path: string): readonly (readonly string[])[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = `${path}.${name}`;
    const whole = field.type === "array" ? (field.items ?? {}) : field;
    // What a selector holds is Kubernetes' own, and the same everywhere.
    const inner = isSelector(whole) ? {} : whole;
    const row = [
      `${code(at)}${required.has(name) ? " *" : ""}`,
      typeOf(field),
      field.default === undefined ? "" : code(JSON.stringify(field.default)),
      meaningOf(field),
    ];
    return [row, ...rowsOf(inner, field.type === "array" ? `${at}[]` : at)];
  });
}

const isSelector = ({ properties }: Schema): boolean => properties !== undefined && "matchExpressions" in properties;

function typeOf(field: Schema): string {
  if (isSelector(field)) return "label selector";
  if (field.type === "array") return `list of ${typeOf(field.items ?? {})}`;
  if (field.additionalProperties !== undefined) return "map of strings";
  return field.type ?? "any";
}

function meaningOf(field: Schema): string {
  const { minimum, maximum, maxLength, maxItems } = field;
  const bounds = [
    ...(field.enum === undefined ? [] : [`one of ${field.enum.map((each) => code(String(each))).join(", ")}`]),
    ...(minimum === undefined && maximum === undefined
      ? []
      : [`${maximum === undefined ? `at least ${minimum}` : `${minimum ?? 0} to ${maximum}`}`]),
    ...(maxLength === undefined ? [] : [`at most ${maxLength} characters`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems} entries`]),
    ...(field["x-kubernetes-validations"] ?? []).map(({ rule, message }) => message ?? rule),
  ];
  return [field.description ?? field.items?.description ?? "", ...bounds].map(sentence).join(" ").trim();
}
