import { type FieldError, MAX_ERRORS } from "../base/errors.ts";
import { isObject, type Json, own } from "../base/json.ts";
import { fieldSchema, itemSchema, type Schema, type ValidationRule } from "../kinds/schema.ts";
import { byElement } from "../kinds/shape.ts";
import { grantBudget, isSpent, spend } from "./cel-cost.ts";
import { celDuration, type Program, parseExpression } from "./cel-environment.ts";

type Rule = {
  readonly rule: ValidationRule;
  readonly test: Program;
  readonly message: Program | null;
  readonly transition: boolean;
};

const compiled = new WeakMap<Schema, readonly Rule[]>();

/** The first rule of the schema that CEL cannot read; null when all are fine. */
export function ruleProblem(rule: ValidationRule): string | null {
  try {
    parseExpression(rule.rule);
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
      test: parseExpression(rule.rule),
      message: rule.messageExpression ? parseExpression(rule.messageExpression) : null,
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
  grantBudget();
  walk(value, old, schema, "", errors);
  return errors;
}

function walk(value: Json, old: Json | undefined, schema: Schema | null, path: string, errors: FieldError[]): void {
  if (!schema || !hasRules(schema) || value === null || isSpent() || errors.length >= MAX_ERRORS) return;
  for (const rule of rulesOf(schema)) evaluate(rule, value, old, schema, path, errors);
  if (Array.isArray(value)) {
    const type = schema["x-kubernetes-list-type"];
    // Only items that can be told apart have an old self.
    const before = type === "map" ? byElement(old, schema, "keyed") : null;
    const now = type === "map" ? [...byElement(value, schema, "keyed").keys()] : [];
    value.forEach((item, i) => {
      walk(item, before?.get(now[i] ?? ""), itemSchema(schema), `${path}[${i}]`, errors);
    });
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value))
      walk(
        item,
        isObject(old) ? own(old, key) : undefined,
        fieldSchema(schema, key),
        path === "" ? key : `${path}.${key}`,
        errors,
      );
  }
}

function evaluate(
  { rule, test, message, transition }: Rule,
  value: Json,
  old: Json | undefined,
  schema: Schema,
  path: string,
  errors: FieldError[],
): void {
  if (transition && old === undefined && !rule.optionalOldSelf) return;
  const field = rule.fieldPath ? path + rule.fieldPath : path;
  const scalar = isObject(value) || Array.isArray(value) ? {} : { value };
  const refuse = (type: FieldError["type"], detail: string) => errors.push({ type, field, ...scalar, detail });
  if (isSpent()) return;
  try {
    const context = { self: toCel(value, schema), oldSelf: old === undefined ? null : toCel(old, schema) };
    const holds = test(context) === true;
    if (isSpent()) refuse("invalid", OUT_OF_BUDGET);
    else if (!holds) refuse(reasonType(rule.reason), messageOf(rule, message, context));
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    if (isSpent()) refuse("invalid", OUT_OF_BUDGET);
    else
      errors.push({
        type: "invalid",
        field,
        value: Array.isArray(value) ? "array" : typeof value,
        detail: `${conversionProblem(why)} evaluating rule: ${rule.message ?? rule.rule}`,
      });
  }
}

const OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run";

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
export function toCel(value: Json, schema: Schema | null): unknown {
  spend(1);
  if (typeof value === "number")
    return schema?.type === "number" ? value : Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === "string") {
    if (schema?.format === "date-time" || schema?.format === "date") return new Date(value);
    return schema?.format === "duration" ? celDuration(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, itemSchema(schema)));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item, fieldSchema(schema, key))]));
}
