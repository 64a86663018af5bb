import { badRequest } from "./errors.ts";
import { type Json, objects, strings, text, texts } from "./json.ts";
import { labelValueProblem, qualifiedNameProblems } from "./names.ts";

export type Labels = Readonly<Record<string, string>>;

interface Requirement {
  readonly key: string;
  readonly operator: "in" | "notin" | "exists" | "absent" | "gt" | "lt";
  readonly values: readonly string[];
}

/** Whether a set of labels (or of fields) is selected. */
export type Selector = (labels: Labels) => boolean;

const everything: Selector = () => true;

/** Reads a `labelSelector` parameter: `a=b,c!=d,e in (x,y),f notin (z),g,!h`. @throws ApiError 400 */
export function parseLabelSelector(text: string): Selector {
  const requirements = splitRequirements(text).map((part) => parseRequirement(part, text));
  if (requirements.length === 0) return everything;
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

/** Splits at commas that are not within parentheses. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let inside = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === "(" || letter === ")") inside = letter === "(";
    else if (letter === "," && !inside) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return text.trim() === "" ? [] : [...parts, text.slice(start).trim()];
}

const SET = /^([^\s!=<>(),]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const BINARY = /^([^\s!=<>(),]+)\s*(==|=|!=|>|<)\s*([^\s!=<>(),]*)$/;
const UNARY = /^(!?)\s*([^\s!=<>(),]+)$/;

function parseRequirement(part: string, whole: string): Requirement {
  const set = SET.exec(part);
  if (set) {
    const [, key = "", operator, values = ""] = set;
    return checked({
      key,
      operator: operator === "in" ? "in" : "notin",
      values: values.split(",").map((v) => v.trim()),
    });
  }
  const binary = BINARY.exec(part);
  if (binary) {
    const [, key = "", sign, value = ""] = binary;
    const operator = sign === "!=" ? "notin" : sign === ">" ? "gt" : sign === "<" ? "lt" : "in";
    return checked({ key, operator, values: [value] });
  }
  const unary = UNARY.exec(part);
  if (unary) return checked({ key: unary[2] ?? "", operator: unary[1] === "!" ? "absent" : "exists", values: [] });
  throw badRequest(
    `unable to parse requirement: found '${part}' in "${whole}", expected: a key, an operator and values`,
  );
}

function checked(requirement: Requirement): Requirement {
  const problem = qualifiedNameProblems(requirement.key)[0];
  if (problem !== undefined)
    throw badRequest(
      `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(requirement.key)}: ${problem}`,
    );
  for (const value of requirement.values) {
    const wrong = labelValueProblem(value);
    if (wrong !== null)
      throw badRequest(
        `unable to parse requirement: values[0][${requirement.key}]: Invalid value: ${JSON.stringify(value)}: ${wrong}`,
      );
  }
  return requirement;
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "lt":
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

/** Kinds without fields of their own say what there is. */
const notOffered = (field: string, offered: ReadonlySet<string>): string =>
  [...offered].every((one) => one.startsWith("metadata."))
    ? `${JSON.stringify(field)} is not a known field selector: only ${[...offered].map((one) => JSON.stringify(one)).join(", ")}`
    : `field label not supported: ${field}`;

export interface FieldSelector {
  readonly matches: Selector;
  /** The name that `metadata.name=` asks for; null without one. */
  readonly name: string | null;
}

/** Reads a `fieldSelector` parameter: `a=b,c!=d`. @throws ApiError 400 for a field that the kind does not offer */
export function parseFieldSelector(text: string, offered: ReadonlySet<string>): FieldSelector {
  const terms = text
    .split(/(?<!\\),/)
    .filter((part) => part !== "")
    .map((part) => {
      const match = /^(.*?)(==|!=|=)(.*)$/.exec(part);
      if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
      const [, field = "", sign, value = ""] = match;
      if (!offered.has(field)) throw badRequest(notOffered(field, offered));
      return { field, equal: sign !== "!=", value: value.replaceAll(/\\([\\,=])/g, "$1") };
    });
  if (terms.length === 0) return { matches: everything, name: null };
  const named = terms.find((term) => term.field === "metadata.name" && term.equal);
  return {
    matches: (fields) => terms.every((term) => ((fields[term.field] ?? "") === term.value) === term.equal),
    name: named?.value ?? null,
  };
}

/** A `LabelSelector` as objects have it; an empty one selects everything. */
export function labelSelector(selector: Json | undefined): Selector {
  const requirements: Requirement[] = Object.entries(strings(selector, "matchLabels")).map(([key, value]) => ({
    key,
    operator: "in",
    values: [value],
  }));
  for (const one of objects(selector, "matchExpressions")) {
    const operator = OPERATORS[text(one, "operator") as keyof typeof OPERATORS];
    requirements.push({ key: text(one, "key"), operator, values: texts(one, "values") });
  }
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

const OPERATORS = { In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "absent" } as const;
