import { canonical, type Json, type JsonObject } from "./json.ts";

/** What is wrong with one field, in the words of Kubernetes' own field errors. */
export interface FieldError {
  readonly type: keyof typeof FIELD_ERRORS;
  /** As users write it: `spec.ports[0].port`. */
  readonly field: string;
  /** Left out of the message where the type does not show values. */
  readonly value?: Json;
  readonly detail: string;
}

const FIELD_ERRORS = {
  required: { text: "Required value", reason: "FieldValueRequired", showsValue: false },
  invalid: { text: "Invalid value", reason: "FieldValueInvalid", showsValue: true },
  typeInvalid: { text: "Invalid value", reason: "FieldValueTypeInvalid", showsValue: true },
  unsupported: { text: "Unsupported value", reason: "FieldValueNotSupported", showsValue: true },
  duplicate: { text: "Duplicate value", reason: "FieldValueDuplicate", showsValue: true },
  forbidden: { text: "Forbidden", reason: "FieldValueForbidden", showsValue: false },
  tooLong: { text: "Too long", reason: "FieldValueTooLong", showsValue: false },
  tooMany: { text: "Too many", reason: "FieldValueTooMany", showsValue: true },
  notFound: { text: "Not found", reason: "FieldValueNotFound", showsValue: true },
} as const;

export const required = (field: string, detail = ""): FieldError => ({ type: "required", field, detail });
export const invalid = (field: string, value: Json, detail: string): FieldError => ({
  type: "invalid",
  field,
  value,
  detail,
});
export const forbidden = (field: string, detail: string): FieldError => ({ type: "forbidden", field, detail });
export const duplicate = (field: string, value: Json): FieldError => ({ type: "duplicate", field, value, detail: "" });
export const unsupported = (field: string, value: Json, allowed: readonly string[]): FieldError => ({
  type: "unsupported",
  field,
  value,
  detail: `supported values: ${allowed.map((one) => JSON.stringify(one)).join(", ")}`,
});

/** What an error says is for people: no object, however large, makes it longer than this. */
const MAX_MESSAGE = 8 * 1024;
const MAX_VALUE = 1024;
/** More errors than anybody reads at once. Who collects them may stop here. */
export const MAX_ERRORS = 100;

/** The text, cut where it is longer than the limit. */
export const cut = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, limit)}... (${text.length - limit} more characters)`;

/** `Invalid value: 0: must be greater than zero`: the field error without its path. */
function fieldErrorBody(error: FieldError): string {
  const { text, showsValue } = FIELD_ERRORS[error.type];
  const shown = showsValue && error.value !== undefined ? `${text}: ${cut(canonical(error.value), MAX_VALUE)}` : text;
  return error.detail === "" ? shown : `${shown}: ${error.detail}`;
}

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** A refusal as the client sees it: the HTTP status and the Status object in one. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject;
  /** For `metadata.continue` of an expired list. */
  readonly resumeAt: string | null;

  constructor(code: number, reason: string, message: string, details: JsonObject = {}, resumeAt: string | null = null) {
    super(cut(message, MAX_MESSAGE));
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.resumeAt = resumeAt;
  }

  /** The `Status` object of the response's body. */
  status(): JsonObject {
    const status: JsonObject = {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.resumeAt === null ? {} : { continue: this.resumeAt },
      status: "Failure",
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
    if (Object.keys(this.details).length === 0 && this.code !== 404) delete status.details;
    if (this.reason === "") delete status.reason;
    return status;
  }
}

/** What an error is about: `kind` is the plural for everything but validation, as in Kubernetes. */
export interface Subject {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

function details(subject: Subject): JsonObject {
  const found: JsonObject = {};
  if (subject.name !== "") found.name = subject.name;
  if (subject.group !== "") found.group = subject.group;
  if (subject.kind !== "") found.kind = subject.kind;
  return found;
}

const qualified = (subject: Subject) => (subject.group === "" ? subject.kind : `${subject.kind}.${subject.group}`);

export const badRequest = (message: string) => new ApiError(400, "BadRequest", message);

export const unknownPath = () => new ApiError(404, "NotFound", "the server could not find the requested resource");

export const notFound = (subject: Subject) =>
  new ApiError(404, "NotFound", `${qualified(subject)} "${subject.name}" not found`, details(subject));

export const alreadyExists = (subject: Subject) =>
  new ApiError(409, "AlreadyExists", `${qualified(subject)} "${subject.name}" already exists`, details(subject));

export const conflict = (subject: Subject, why: string) =>
  new ApiError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualified(subject)} "${subject.name}": ${why}`,
    details(subject),
  );

export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

export const forbiddenRequest = (subject: Subject, why: string, causes: readonly Cause[] = []) =>
  new ApiError(403, "Forbidden", `${qualified(subject)} "${subject.name}" is forbidden: ${why}`, {
    ...details(subject),
    ...(causes.length > 0 ? { causes: causes.map((cause) => ({ ...cause })) } : {}),
  });

export function invalidObject(subject: Subject, errors: readonly FieldError[]): ApiError {
  const causes = errors.slice(0, MAX_ERRORS).map((error) => ({
    reason: FIELD_ERRORS[error.type].reason,
    message: cut(fieldErrorBody(error), 2 * MAX_VALUE),
    field: cut(error.field, MAX_VALUE),
  }));
  const lines = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))];
  const what = lines.length === 1 ? lines[0] : `[${lines.join(", ")}]`;
  return new ApiError(422, "Invalid", `${qualified(subject)} "${subject.name}" is invalid: ${what}`, {
    ...details(subject),
    causes,
  });
}

export const expired = (message: string, resumeAt: string | null = null) =>
  new ApiError(410, "Expired", message, {}, resumeAt);

export const methodNotAllowed = () =>
  new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

export const unsupportedMediaType = (accepted: readonly string[]) =>
  new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );

export const notAcceptable = (accepted: readonly string[]) =>
  new ApiError(406, "NotAcceptable", `only the following media types are accepted: ${accepted.join(", ")}`);

export const tooLarge = (limit: number) =>
  new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);

export const unauthorized = () => new ApiError(401, "Unauthorized", "Unauthorized");
