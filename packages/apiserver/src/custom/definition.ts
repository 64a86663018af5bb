import { type FieldError, forbidden, invalid, required, unsupported } from "../base/errors.ts";
import { ensure, get, isObject, type JsonObject, object, objects, text, texts } from "../base/json.ts";
import { nameProblems } from "../base/names.ts";
import { PLAIN, type Strategy } from "../kinds/resource.ts";
import { bumpGeneration } from "../kinds/strategy.ts";
import { clientConfigErrors } from "../kinds/webhook-configuration.ts";
import { versionErrors } from "./schema-errors.ts";

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
    const service = get(conversion, "webhook", "clientConfig", "service");
    if (isObject(service)) service.port ??= 443;
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
  errors.push(...conversionErrors(object(spec, "conversion")), ...versionErrors(objects(spec, "versions")));
  if (old) {
    const before = object(old, "spec");
    for (const path of [["group"], ["scope"], ["names", "kind"], ["names", "plural"]])
      if (get(spec, ...path) !== get(before, ...path))
        errors.push(invalid(`spec.${path.join(".")}`, get(spec, ...path) ?? "", "field is immutable"));
  }
  return errors;
}

/** The API names these fields as its older version did. */
function conversionErrors(conversion: JsonObject): FieldError[] {
  const at = "spec.conversion";
  const strategy = text(conversion, "strategy");
  const { webhook } = conversion;
  if (strategy !== "None" && strategy !== "Webhook")
    return [unsupported(`${at}.strategy`, strategy, ["None", "Webhook"])];
  if (strategy === "None") {
    if (webhook === undefined) return [];
    const why = "should not be set when strategy is not set to Webhook";
    return [forbidden(`${at}.webhookClientConfig`, why), forbidden(`${at}.conversionReviewVersions`, why)];
  }
  const config = get(webhook, "clientConfig");
  const errors = isObject(config)
    ? clientConfigErrors(config, `${at}.webhookClientConfig`)
    : [required(`${at}.webhookClientConfig`, "required when strategy is set to Webhook")];
  const versions = texts(webhook, "conversionReviewVersions");
  if (versions.length === 0) errors.push(required(`${at}.conversionReviewVersions`));
  else if (!versions.includes("v1"))
    errors.push(invalid(`${at}.conversionReviewVersions`, versions, "must include at least one of v1, v1beta1"));
  return errors;
}
