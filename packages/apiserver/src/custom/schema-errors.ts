import { type FieldError, forbidden, invalid, MAX_ERRORS, required, unsupported } from "../base/errors.ts";
import { equal, get, isObject, type JsonObject, text } from "../base/json.ts";
import { nameProblems } from "../base/names.ts";
import type { Schema } from "../kinds/schema.ts";
import { patternProblem } from "./patterns.ts";
import { ruleProblem } from "./rules.ts";
import { validateSchema } from "./validation.ts";
/** What is wrong with the versions and their schemas. */
export function versionErrors(versions: readonly JsonObject[]): FieldError[] {
  const errors: FieldError[] = [];
  if (versions.length === 0) return [required("spec.versions")];
  const stored = versions.filter((version) => version.storage === true).length;
  if (stored !== 1)
    errors.push(invalid("spec.versions", versions.length, "must have exactly one version marked as storage version"));
  const schemas = versions.map((version) => get(version, "schema", "openAPIV3Schema"));
  // A schema that all versions share is named as of the definition.
  const shared = schemas.every((schema) => equal(schema, schemas[0]));
  versions.forEach((version, i) => {
    const at = `spec.versions[${i}]`;
    errors.push(
      ...nameProblems(text(version, "name"), "label1035").map((problem) =>
        invalid(`${at}.name`, text(version, "name"), problem),
      ),
    );
    const schema = schemas[i];
    if (shared && i > 0) return;
    if (!isObject(schema)) errors.push(required(`${at}.schema.openAPIV3Schema`));
    else {
      const below = shared ? "spec.validation.openAPIV3Schema" : `${at}.schema.openAPIV3Schema`;
      if (schema.type !== "object")
        errors.push(
          schema.type === undefined
            ? required(`${below}.type`, "must not be empty at the root")
            : invalid(`${below}.type`, schema.type, "must be object at the root"),
        );
      schemaErrors(schema as unknown as Schema, below, errors);
    }
  });
  return errors;
}

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];

/** What keeps a schema from being structural, and what in it cannot be read. */
function schemaErrors(schema: Schema, at: string, errors: FieldError[]): void {
  if (errors.length >= MAX_ERRORS) return;
  const free = schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"];
  if (schema.type === undefined && !free)
    errors.push(required(`${at}.type`, "must not be empty for specified object fields"));
  if (schema.type !== undefined && !TYPES.includes(schema.type))
    errors.push(unsupported(`${at}.type`, schema.type, TYPES));
  if (schema.pattern !== undefined) {
    const problem = patternProblem(schema.pattern);
    const why = `must be a valid regular expression, but isn't: ${problem}`;
    if (problem !== null) errors.push(invalid(`${at}.pattern`, schema.pattern, why));
  }
  if (schema.properties && schema.additionalProperties)
    errors.push(forbidden(`${at}.additionalProperties`, "additionalProperties and properties are mutual exclusive"));
  listErrors(schema, at, errors);
  if (schema.default !== undefined)
    for (const error of validateSchema(schema.default, schema))
      errors.push({ ...error, field: error.field === "" ? `${at}.default` : `${at}.default.${error.field}` });
  (schema["x-kubernetes-validations"] ?? []).forEach((rule, i) => {
    const problem = ruleProblem(rule);
    if (problem !== null)
      errors.push(invalid(`${at}.x-kubernetes-validations[${i}].rule`, rule.rule, `compilation failed: ${problem}`));
  });
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    schemaErrors(child, `${at}.properties[${name}]`, errors);
  if (schema.items) schemaErrors(schema.items, `${at}.items`, errors);
  if (typeof schema.additionalProperties === "object")
    schemaErrors(schema.additionalProperties, `${at}.additionalProperties`, errors);
}

function listErrors(schema: Schema, at: string, errors: FieldError[]): void {
  const list = schema["x-kubernetes-list-type"];
  if (list !== undefined && schema.type !== "array")
    errors.push(invalid(`${at}.type`, schema.type ?? "", "must be array if x-kubernetes-list-type is specified"));
  if (list === "map" && (schema["x-kubernetes-list-map-keys"] ?? []).length === 0)
    errors.push(required(`${at}.x-kubernetes-list-map-keys`, "must not be empty if x-kubernetes-list-type is map"));
  if (list === "map" && !schema.items)
    errors.push(required(`${at}.items`, "must have a schema if x-kubernetes-list-type is map"));
  else if (schema.type === "array" && !schema.items) errors.push(required(`${at}.items`, "must be specified"));
}
