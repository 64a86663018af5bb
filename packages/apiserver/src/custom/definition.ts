import { type FieldError, invalid, required, unsupported } from "../base/errors.ts";
import { ensure, get, isObject, type JsonObject, object, objects, text, texts } from "../base/json.ts";
import { nameProblems } from "../base/names.ts";
import { PLAIN, type Strategy } from "../kinds/resource.ts";
import type { Schema } from "../kinds/schema.ts";
import { bumpGeneration } from "../kinds/strategy.ts";
import { patternProblem } from "./patterns.ts";
import { ruleProblem } from "./rules.ts";

/** CustomResourceDefinition itself. */
export const definitionStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (definition) => {
    const spec = ensure(definition, "spec");
    const names = ensure(spec, "names");
    if (text(names, "singular") === "") names.singular = text(names, "kind").toLowerCase();
    if (text(names, "listKind") === "" && text(names, "kind") !== "") names.listKind = `${text(names, "kind")}List`;
    const conversion = ensure(spec, "conversion");
    conversion.strategy ??= "None";
    if (spec.preserveUnknownFields === false) delete spec.preserveUnknownFields;
  },
  prepareCreate: (definition) => {
    ensure(definition, "metadata").generation = 1;
    const stored = objects(definition, "spec", "versions").find((version) => version.storage === true);
    definition.status = {
      acceptedNames: { kind: "", plural: "" },
      conditions: [],
      storedVersions: stored ? [text(stored, "name")] : [],
    };
  },
  prepareUpdate: (definition, old) => {
    definition.status = object(old, "status");
    bumpGeneration(definition, old);
    const stored = objects(definition, "spec", "versions").find((version) => version.storage === true);
    const known = texts(definition, "status", "storedVersions");
    const name = stored ? text(stored, "name") : "";
    if (name !== "" && !known.includes(name))
      definition.status = { ...object(definition, "status"), storedVersions: [...known, name] };
  },
  prepareStatus: (definition, old) => {
    definition.spec = object(old, "spec");
  },
  validate: validateDefinition,
};

function validateDefinition(definition: JsonObject, old: JsonObject | null): FieldError[] {
  const errors: FieldError[] = [];
  const spec = object(definition, "spec");
  const names = object(spec, "names");
  const group = text(spec, "group");
  const name = text(definition, "metadata", "name");
  if (group === "") errors.push(required("spec.group"));
  else errors.push(...nameProblems(group, "subdomain").map((problem) => invalid("spec.group", group, problem)));
  if (name !== `${text(names, "plural")}.${group}`)
    errors.push(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'));
  if (!["Cluster", "Namespaced"].includes(text(spec, "scope"))) {
    errors.push(
      text(spec, "scope") === ""
        ? required("spec.scope")
        : unsupported("spec.scope", text(spec, "scope"), ["Cluster", "Namespaced"]),
    );
  }
  for (const member of ["plural", "singular", "kind", "listKind"] as const) {
    const value = text(names, member);
    if (value === "") errors.push(required(`spec.names.${member}`));
    else
      errors.push(
        ...nameProblems(member.toLowerCase().endsWith("kind") ? value.toLowerCase() : value, "label1035").map(
          (problem) => invalid(`spec.names.${member}`, value, problem),
        ),
      );
  }
  errors.push(...versionErrors(objects(spec, "versions")));
  if (old) {
    const before = object(old, "spec");
    for (const path of [["group"], ["scope"], ["names", "kind"], ["names", "plural"]])
      if (get(spec, ...path) !== get(before, ...path))
        errors.push(invalid(`spec.${path.join(".")}`, get(spec, ...path) ?? "", "field is immutable"));
  }
  return errors;
}

function versionErrors(versions: readonly JsonObject[]): FieldError[] {
  const errors: FieldError[] = [];
  if (versions.length === 0) return [required("spec.versions")];
  const stored = versions.filter((version) => version.storage === true).length;
  if (stored !== 1)
    errors.push(invalid("spec.versions", versions.length, "must have exactly one version marked as storage version"));
  versions.forEach((version, i) => {
    const at = `spec.versions[${i}]`;
    errors.push(
      ...nameProblems(text(version, "name"), "label1035").map((problem) =>
        invalid(`${at}.name`, text(version, "name"), problem),
      ),
    );
    const schema = get(version, "schema", "openAPIV3Schema");
    if (!isObject(schema)) errors.push(required(`${at}.schema.openAPIV3Schema`));
    else {
      const below = `${at}.schema.openAPIV3Schema`;
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

/** What keeps a schema from being structural, and rules that cannot be read. */
function schemaErrors(schema: Schema, at: string, errors: FieldError[]): void {
  const free = schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"];
  if (schema.type === undefined && !free)
    errors.push(required(`${at}.type`, "must not be empty for specified object fields"));
  if (schema.pattern !== undefined) {
    const problem = patternProblem(schema.pattern);
    if (problem !== null)
      errors.push(
        invalid(`${at}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${problem}`),
      );
  }
  if (schema["x-kubernetes-list-type"] === "map" && (schema["x-kubernetes-list-map-keys"] ?? []).length === 0)
    errors.push(required(`${at}.x-kubernetes-list-map-keys`, "must not be empty if x-kubernetes-list-type is map"));
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
