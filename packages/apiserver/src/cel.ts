import { Environment } from "@marcbachmann/cel-js";
import { byElement } from "./apply/field-set.ts";
import type { FieldError } from "./errors.ts";
import { canonical, isObject, type Json } from "./json.ts";
import { fieldSchema, itemSchema, type Schema, type ValidationRule } from "./schema.ts";
import { compilePattern } from "./schema-validation.ts";

type Program = (context: Record<string, unknown>) => unknown;
type Rule = {
  readonly rule: ValidationRule;
  readonly test: Program;
  readonly message: Program | null;
  readonly transition: boolean;
};

const LIMITS = { maxAstNodes: 2_000, maxDepth: 100, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 32 };
/** Rules evaluated for one write; CEL has no loops but over lists, so the work is bounded by size × rules. */
const MAX_EVALUATIONS = 20_000;

const DURATION = /([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)/g;
const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** The functions that Kubernetes adds to CEL and rules here use. */
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: LIMITS,
})
  .registerFunction("isURL(string): bool", (value: string) => URL.canParse(value))
  .registerFunction(
    "string.find(string): string",
    (value: string, pattern: string) => compilePattern(pattern)?.exec(value)?.[0] ?? "",
  );

const compiled = new WeakMap<Schema, readonly Rule[]>();

/** The first rule of the schema that CEL cannot read; null when all are fine. */
export function ruleProblem(rule: ValidationRule): string | null {
  try {
    environment.parse(rule.rule);
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "invalid") : "invalid";
  }
}

function rulesOf(schema: Schema): readonly Rule[] {
  let known = compiled.get(schema);
  if (!known) {
    known = (schema["x-kubernetes-validations"] ?? []).map((rule) => ({
      rule,
      test: environment.parse(rule.rule) as unknown as Program,
      message: rule.messageExpression ? (environment.parse(rule.messageExpression) as unknown as Program) : null,
      transition: /\boldSelf\b/.test(rule.rule),
    }));
    compiled.set(schema, known);
  }
  return known;
}

const ruled = new WeakMap<Schema, boolean>();

/** Whether the schema or anything below has rules: nothing else is walked. */
export function hasRules(schema: Schema | null): boolean {
  if (!schema) return false;
  const known = ruled.get(schema);
  if (known !== undefined) return known;
  ruled.set(schema, false);
  const children = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  const found =
    (schema["x-kubernetes-validations"]?.length ?? 0) > 0 ||
    children.some((child) => typeof child === "object" && hasRules(child));
  ruled.set(schema, found);
  return found;
}

/** Evaluates the rules of a structural schema. `old` is undefined for what was not there before. */
export function validateRules(value: Json, old: Json | undefined, schema: Schema): FieldError[] {
  const errors: FieldError[] = [];
  walk(value, old, schema, "", { errors, left: MAX_EVALUATIONS });
  return errors;
}

interface Progress {
  readonly errors: FieldError[];
  left: number;
}

function walk(value: Json, old: Json | undefined, schema: Schema | null, path: string, progress: Progress): void {
  if (!schema || !hasRules(schema) || value === null) return;
  for (const rule of rulesOf(schema)) evaluate(rule, value, old, schema, path, progress);
  if (Array.isArray(value)) {
    const type = schema["x-kubernetes-list-type"];
    // Only items that can be told apart have an old self.
    const before = type === "map" ? byElement(old, schema, "keyed") : null;
    const now = type === "map" ? [...byElement(value, schema, "keyed").keys()] : [];
    value.forEach((item, i) => {
      walk(item, before?.get(now[i] ?? ""), itemSchema(schema), `${path}[${i}]`, progress);
    });
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value))
      walk(
        item,
        isObject(old) ? old[key] : undefined,
        fieldSchema(schema, key),
        path === "" ? key : `${path}.${key}`,
        progress,
      );
  }
}

function evaluate(
  { rule, test, message, transition }: Rule,
  value: Json,
  old: Json | undefined,
  schema: Schema,
  path: string,
  progress: Progress,
): void {
  if (transition && old === undefined && !rule.optionalOldSelf) return;
  progress.left -= 1;
  const field = rule.fieldPath ? path + rule.fieldPath : path;
  const scalar = isObject(value) || Array.isArray(value) ? {} : { value };
  if (progress.left < 0) {
    progress.errors.push({
      type: "invalid",
      field,
      ...scalar,
      detail: "validation failed due to running out of cost budget, no further validation rules will be run",
    });
    return;
  }
  const context = { self: toCel(value, schema), oldSelf: old === undefined ? null : toCel(old, schema) };
  try {
    if (test(context) === true) return;
    progress.errors.push({
      type: reasonType(rule.reason),
      field,
      ...scalar,
      detail: messageOf(rule, message, context),
    });
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    progress.errors.push({
      type: "invalid",
      field,
      value: Array.isArray(value) ? "array" : typeof value,
      detail: `${conversionProblem(why)} evaluating rule: ${rule.message ?? rule.rule}`,
    });
  }
}

/** cel-go's words for the one conversion that users meet. */
const conversionProblem = (why: string): string =>
  why.startsWith("Invalid duration string") ? "type conversion error from 'string' to 'google.protobuf.Duration'" : why;

function messageOf(rule: ValidationRule, message: Program | null, context: Record<string, unknown>): string {
  if (message) {
    try {
      const text = message(context);
      if (typeof text === "string" && text.trim() !== "" && !text.includes("\n")) return text;
    } catch {
      // Kubernetes falls back to the fixed message too.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

function reasonType(reason: string | undefined): FieldError["type"] {
  if (reason === "FieldValueForbidden") return "forbidden";
  if (reason === "FieldValueRequired") return "required";
  return reason === "FieldValueDuplicate" ? "duplicate" : "invalid";
}

/** Whole numbers are integers where the schema says so; durations and dates become CEL's own types. */
function toCel(value: Json, schema: Schema | null): unknown {
  if (typeof value === "number")
    return schema?.type === "number" ? value : Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === "string") {
    if (schema?.format === "date-time" || schema?.format === "date") return new Date(value);
    return schema?.format === "duration" ? toDuration(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, itemSchema(schema)));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item, fieldSchema(schema, key))]));
}

function toDuration(text: string): unknown {
  let milliseconds = 0;
  for (const [, amount = "0", unit = "s"] of text.matchAll(DURATION))
    milliseconds += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return environment.evaluate(`duration(${canonical(`${milliseconds / 1000}s`)})`);
}
