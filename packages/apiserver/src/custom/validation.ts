import { isCidr, isIpv4, isIpv6 } from "../base/addresses.ts";
import { duplicate, type FieldError, invalid, MAX_ERRORS, required } from "../base/errors.ts";
import { canonical, equal, isObject, type Json, type JsonObject, own, put } from "../base/json.ts";
import { fieldSchema, isStruct, itemSchema, type Schema } from "../kinds/schema.ts";
import { matchesPattern } from "./patterns.ts";

/** Fills the defaults of a structural schema, and drops the nulls of members that may not be null. */
export function applySchemaDefaults(value: Json, schema: Schema | null, copy: (value: Json) => Json): void {
  if (!schema) return;
  if (Array.isArray(value)) {
    for (const item of value) applySchemaDefaults(item, itemSchema(schema), copy);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (child.default === undefined) continue;
    const given = own(value, key);
    if (given === undefined || (given === null && !child.nullable)) put(value, key, copy(child.default));
  }
  for (const [key, item] of Object.entries(value)) {
    const child = fieldSchema(schema, key);
    if (item === null && child && !child.nullable) delete value[key];
    else applySchemaDefaults(item, child, copy);
  }
}

/** What in the value breaks the schema, in the words of the API server. CEL rules are not looked at. */
export function validateSchema(value: Json, schema: Schema | null, path = ""): FieldError[] {
  const errors: FieldError[] = [];
  check(value, schema, path, errors);
  return errors;
}

const TYPE_NAMES = { string: "string", number: "number", boolean: "boolean", object: "object" } as const;

function typeName(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return TYPE_NAMES[typeof value as keyof typeof TYPE_NAMES];
}

function check(value: Json, schema: Schema | null, path: string, errors: FieldError[]): void {
  if (!schema || errors.length >= MAX_ERRORS) return;
  if (value === null && schema.nullable) return;
  const type = typeName(value);
  if (schema["x-kubernetes-int-or-string"]) {
    if (type !== "integer" && type !== "string") errors.push(typeError(path, "integer,string", type));
  } else if (schema.type !== undefined && schema.type !== type && !(schema.type === "number" && type === "integer")) {
    errors.push(typeError(path, schema.type, type));
    return;
  }
  if (schema.enum && !schema.enum.some((one) => equal(one, value)))
    errors.push({
      type: "unsupported",
      field: path,
      value,
      detail: `supported values: ${schema.enum.map((one) => JSON.stringify(one)).join(", ")}`,
    });
  if (typeof value === "string") checkString(value, schema, path, errors);
  if (typeof value === "number") checkNumber(value, schema, path, errors);
  if (Array.isArray(value)) checkArray(value, schema, path, errors);
  if (isObject(value)) checkObject(value, schema, path, errors);
  checkCombinations(value, schema, path, errors);
}

const inBody = (path: string, rest: string) => `${path} in body ${rest}`;

const typeError = (path: string, wanted: string, found: string): FieldError => ({
  type: "typeInvalid",
  field: path,
  value: found,
  detail: inBody(path, `must be of type ${wanted}: ${JSON.stringify(found)}`),
});

function checkString(value: string, schema: Schema, path: string, errors: FieldError[]): void {
  const length = Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    errors.push({ type: "tooLong", field: path, detail: `may not be more than ${schema.maxLength} bytes` });
    return;
  }
  if (schema.minLength !== undefined && length < schema.minLength)
    errors.push(invalid(path, value, inBody(path, `should be at least ${schema.minLength} chars long`)));
  if (schema.pattern !== undefined && !matchesPattern(schema.pattern, value))
    errors.push(invalid(path, value, inBody(path, `should match '${schema.pattern}'`)));
  const format = schema.format === undefined ? undefined : FORMATS.get(schema.format);
  if (format && !format(value))
    errors.push(invalid(path, value, inBody(path, `must be of type ${schema.format}: ${JSON.stringify(value)}`)));
}

const DURATION = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)(\d+(\.\d*)?(ns|us|µs|μs|ms|s|m|h))*$/;

const FORMATS: ReadonlyMap<string, (value: string) => boolean> = new Map(
  Object.entries<(value: string) => boolean>({
    "date-time": (value) =>
      /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value)),
    date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
    duration: (value) => value === "0" || DURATION.test(value),
    ipv4: isIpv4,
    ipv6: isIpv6,
    cidr: isCidr,
    mac: (value) => /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(value),
    uuid: (value) => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(value),
    byte: (value) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
    uri: (value) => URL.canParse(value),
    email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  }),
);

function checkNumber(value: number, schema: Schema, path: string, errors: FieldError[]): void {
  const { minimum, maximum } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    errors.push(
      invalid(
        path,
        value,
        inBody(path, `should be greater than ${schema.exclusiveMinimum ? "" : "or equal to "}${minimum}`),
      ),
    );
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    errors.push(
      invalid(
        path,
        value,
        inBody(path, `should be less than ${schema.exclusiveMaximum ? "" : "or equal to "}${maximum}`),
      ),
    );
  if (schema.multipleOf !== undefined && value % schema.multipleOf !== 0)
    errors.push(invalid(path, value, inBody(path, `should be a multiple of ${schema.multipleOf}`)));
  if (schema.format === "int32" && Number.isInteger(value) && Math.abs(value) > 2 ** 31)
    errors.push(invalid(path, value, inBody(path, `must be of type int32: ${JSON.stringify(typeName(value))}`)));
}

function checkArray(value: readonly Json[], schema: Schema, path: string, errors: FieldError[]): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    errors.push({
      type: "tooMany",
      field: path,
      value: value.length,
      detail: `must have at most ${schema.maxItems} items`,
    });
    return;
  }
  if (schema.minItems !== undefined && value.length < schema.minItems)
    errors.push(invalid(path, value.length, inBody(path, `should have at least ${schema.minItems} items`)));
  value.forEach((item, i) => {
    check(item, itemSchema(schema), `${path}[${i}]`, errors);
  });
  const keys = schema["x-kubernetes-list-type"] === "map" ? (schema["x-kubernetes-list-map-keys"] ?? []) : null;
  if (keys === null && schema["x-kubernetes-list-type"] !== "set" && !schema.uniqueItems) return;
  const seen = new Set<string>();
  value.forEach((item, i) => {
    const identity: Json =
      keys === null || !isObject(item)
        ? item
        : Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(item, key) ? [[key, item[key] as Json]] : [])));
    const text = canonical(identity);
    if (seen.has(text)) errors.push(duplicate(`${path}[${i}]`, identity));
    seen.add(text);
  });
}

function checkObject(value: JsonObject, schema: Schema, path: string, errors: FieldError[]): void {
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties)
    errors.push({
      type: "tooMany",
      field: path,
      value: size,
      detail: `must have at most ${schema.maxProperties} items`,
    });
  if (schema.minProperties !== undefined && size < schema.minProperties)
    errors.push(invalid(path, size, inBody(path, `should have at least ${schema.minProperties} properties`)));
  if (schema["x-kubernetes-embedded-resource"])
    for (const key of ["apiVersion", "kind"])
      if (typeof value[key] !== "string" || value[key] === "") errors.push(required(at(key)));
  for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) errors.push(required(at(key)));
  for (const [key, item] of Object.entries(value)) {
    const child = fieldSchema(schema, key);
    // The value of a map is named like a member of a struct.
    if (child) check(item, child, isStruct(schema) ? at(key) : at(key), errors);
  }
}

function checkCombinations(value: Json, schema: Schema, path: string, errors: FieldError[]): void {
  const fits = (one: Schema) => validateSchema(value, one, path).length === 0;
  for (const one of schema.allOf ?? []) check(value, one, path, errors);
  if (schema.anyOf && !schema["x-kubernetes-int-or-string"] && !schema.anyOf.some(fits))
    errors.push(invalid(path, shown(value), inBody(path, "must validate at least one schema (anyOf)")));
  if (schema.oneOf) {
    const count = schema.oneOf.filter(fits).length;
    if (count !== 1)
      errors.push(
        invalid(
          path,
          shown(value),
          inBody(
            path,
            count === 0
              ? "must validate one and only one schema (oneOf). Found none valid"
              : `must validate one and only one schema (oneOf). Found ${count} valid alternatives`,
          ),
        ),
      );
  }
  if (schema.not && fits(schema.not))
    errors.push(invalid(path, shown(value), inBody(path, "must not validate the schema (not)")));
}

const shown = (value: Json): Json => (isObject(value) ? "" : value);
