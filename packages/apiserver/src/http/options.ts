import { badRequest, type FieldError, forbidden, invalidObject, unsupported } from "../base/errors.ts";
import type { FieldValidation } from "../change/decode.ts";

/** The options that a request's query gives, checked as the API checks them. */

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject({ group: "meta.k8s.io", kind, name: "" }, errors);
}

/** @throws ApiError 422 for options of a list or a watch that do not go together */
export function checkListOptions(query: URLSearchParams, watching: boolean): void {
  const errors: FieldError[] = [];
  const version = query.get("resourceVersion") ?? "";
  const match = query.get("resourceVersionMatch") ?? "";
  const initial = query.get("sendInitialEvents");
  const at = "resourceVersionMatch";
  if (watching) {
    if (initial !== null && match !== "NotOlderThan")
      errors.push(forbidden(at, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    else if (initial === null && match !== "")
      errors.push(forbidden(at, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  } else {
    if (initial !== null) errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    if (match !== "" && version === "")
      errors.push(forbidden(at, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (match !== "" && query.get("continue"))
      errors.push(forbidden(at, "resourceVersionMatch is forbidden when continue is provided"));
    if (!["", "Exact", "NotOlderThan"].includes(match))
      errors.push(unsupported(at, match, ["Exact", "NotOlderThan", ""]));
    else if (match === "Exact" && version === "0")
      errors.push(forbidden(at, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  refuse("ListOptions", errors);
}

/** `?fieldValidation=`. @param kind such as CreateOptions */
export function fieldValidationOf(query: URLSearchParams, kind: string): FieldValidation {
  const given = query.get("fieldValidation") ?? "";
  switch (given) {
    case "":
      return "Warn";
    case "Ignore":
    case "Strict":
    case "Warn":
      return given;
    default:
      refuse(kind, [unsupported("fieldValidation", given, ["", "Ignore", "Strict", "Warn"])]);
      throw badRequest("fieldValidation");
  }
}

export function isDryRun(query: URLSearchParams, kind: string): boolean {
  const asked = query.getAll("dryRun").filter((one) => one !== "");
  if (asked.some((one) => one !== "All")) refuse(kind, [unsupported("dryRun", asked, ["All"])]);
  return asked.length > 0;
}
