import { type FieldError, invalid, required } from "./errors.ts";
import { get, isObject, type Json, type JsonObject, list, object, text } from "./json.ts";

const DNS_1123_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_1123_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

/** How names of a kind are written. */
export type NameRule = "subdomain" | "label" | "label1035" | "path";

const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
export const CONFIG_KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** What is wrong with the name, in Kubernetes' words; empty when nothing is. */
export function nameProblems(name: string, rule: NameRule): string[] {
  if (rule === "path")
    return name === "." || name === ".."
      ? [`may not be '${name}'`]
      : /[/%]/.test(name)
        ? [`may not contain '${/\//.test(name) ? "/" : "%"}'`]
        : [];
  const limit = rule === "subdomain" ? 253 : 63;
  const problems = name.length > limit ? [`must be no more than ${limit} bytes`] : [];
  if (rule === "subdomain" && !DNS_1123_SUBDOMAIN.test(name)) problems.push(SUBDOMAIN_TEXT);
  if (rule === "label" && !DNS_1123_LABEL.test(name)) problems.push(LABEL_TEXT);
  if (rule === "label1035" && !DNS_1035_LABEL.test(name)) problems.push(LABEL_1035_TEXT);
  return problems;
}

export const isConfigKey = (key: string): boolean =>
  key.length <= 253 && CONFIG_KEY.test(key) && key !== "." && key !== "..";

/** `prefix/name` with both parts checked, as label and annotation keys are. */
export function qualifiedNameProblems(key: string): string[] {
  const parts = key.split("/");
  if (parts.length > 2)
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ];
  const problems: string[] = [];
  const [first = "", second] = parts;
  const name = second ?? first;
  if (second !== undefined) {
    if (first === "") problems.push("prefix part must be non-empty");
    else problems.push(...nameProblems(first, "subdomain").map((problem) => `prefix part ${problem}`));
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push("name part must be no more than 63 bytes");
  if (!QUALIFIED_NAME.test(name)) problems.push(QUALIFIED_TEXT);
  return problems;
}

export function labelErrors(labels: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    errors.push(...qualifiedNameProblems(key).map((problem) => invalid(field, key, problem)));
    const problem = labelValueProblem(typeof value === "string" ? value : "");
    if (problem !== null) errors.push(invalid(field, value, problem));
  }
  return errors;
}

export function labelValueProblem(value: string): string | null {
  if (value.length > 63) return "must be no more than 63 bytes";
  return value === "" || QUALIFIED_NAME.test(value) ? null : LABEL_VALUE_TEXT;
}

const ANNOTATIONS_LIMIT = 256 * 1024;

/** Checks `metadata` of a new or changed object. */
export function metadataErrors(value: JsonObject, rule: NameRule): FieldError[] {
  const metadata = object(value, "metadata");
  const errors: FieldError[] = [];
  const generateName = text(metadata, "generateName");
  const name = text(metadata, "name");
  if (name === "") errors.push(required("metadata.name", "name or generateName is required"));
  else {
    if (generateName !== "" && rule !== "path") {
      // The suffix makes a trailing dash valid.
      const base = generateName.replace(/-+$/, "-x");
      errors.push(
        ...nameProblems(base, rule).map((problem) => invalid("metadata.generateName", generateName, problem)),
      );
    }
    errors.push(...nameProblems(name, rule).map((problem) => invalid("metadata.name", name, problem)));
  }
  errors.push(...labelErrors(object(metadata, "labels"), "metadata.labels"));
  let size = 0;
  for (const [key, item] of Object.entries(object(metadata, "annotations"))) {
    errors.push(
      ...qualifiedNameProblems(key.toLowerCase()).map((problem) => invalid("metadata.annotations", key, problem)),
    );
    size += key.length + (typeof item === "string" ? item.length : 0);
  }
  if (size > ANNOTATIONS_LIMIT)
    errors.push({
      type: "tooLong",
      field: "metadata.annotations",
      detail: `may not be more than ${ANNOTATIONS_LIMIT} bytes`,
    });
  for (const finalizer of list(metadata, "finalizers")) errors.push(...finalizerErrors(finalizer));
  list(metadata, "ownerReferences").forEach((owner, i) => {
    for (const member of ["apiVersion", "kind", "name", "uid"])
      if (!isObject(owner) || get(owner, member) === undefined || get(owner, member) === "")
        errors.push(
          member === "apiVersion"
            ? invalid(`metadata.ownerReferences[${i}].apiVersion`, "", "version must not be empty")
            : invalid(`metadata.ownerReferences[${i}].${member}`, "", "must not be empty"),
        );
  });
  return errors;
}

function finalizerErrors(finalizer: Json): FieldError[] {
  const name = typeof finalizer === "string" ? finalizer : "";
  const known = name === "kubernetes" || name === "orphan" || name === "foregroundDeletion";
  const field = "metadata.finalizers";
  const errors = qualifiedNameProblems(name).map((problem) => invalid(field, name, problem));
  if (!known && !name.includes("/"))
    errors.push(invalid(field, name, "name is neither a standard finalizer name nor is it fully qualified"));
  return errors;
}

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** The name for a `generateName`: five random characters that make no words. */
export function generateName(prefix: string, random: () => number = Math.random): string {
  let suffix = "";
  for (let i = 0; i < 5; i += 1) suffix += ALPHABET[Math.floor(random() * ALPHABET.length)];
  return prefix.slice(0, 58) + suffix;
}
