import { type Json, type JsonObject, objects, text, texts } from "../base/json.ts";
import { labelSelector } from "../base/selectors.ts";
import { grantBudget, isSpent } from "../custom/cel-cost.ts";
import { type Program, parseExpression } from "../custom/cel-environment.ts";
import { toCel } from "../custom/rules.ts";
import { labelsOf, type Resource } from "../kinds/resource.ts";
import type { Storage } from "../store/storage.ts";

/** What a webhook may be asked about. */
export interface Asked {
  readonly resource: Resource;
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly subresource: string;
  readonly namespace: string;
  readonly object: JsonObject | null;
  readonly old: JsonObject | null;
}

/** Whether one of the webhook's rules names the resource in this version. */
export function rulesMatch(webhook: JsonObject, resource: Resource, asked: Asked): boolean {
  return objects(webhook, "rules").some((rule) => {
    const has = (member: string, value: string) => texts(rule, member).some((one) => one === "*" || one === value);
    const scope = text(rule, "scope");
    if (scope === "Cluster" && resource.namespaced) return false;
    if (scope === "Namespaced" && !resource.namespaced) return false;
    return (
      has("operations", asked.operation) &&
      has("apiGroups", resource.group) &&
      has("apiVersions", resource.version) &&
      texts(rule, "resources").some((one) => resourceMatches(one, resource.plural, asked.subresource))
    );
  });
}

/** `pods`, `pods/status`, `*`, `*` with a slash and a subresource, or with a second star. */
function resourceMatches(pattern: string, plural: string, subresource: string): boolean {
  const [kind = "", below = ""] = pattern.split("/");
  if (kind !== "*" && kind !== plural) return false;
  return below === subresource || below === "*";
}

/** Whether the labels of the namespace and of the object are selected. */
export function selectorsMatch(storage: Storage, webhook: JsonObject, asked: Asked): boolean {
  const inNamespace = labelSelector(webhook.namespaceSelector);
  const isNamespace = asked.resource.collection === "namespaces";
  const namespace = isNamespace
    ? (asked.object ?? asked.old)
    : storage.collection("namespaces").get(asked.namespace)?.object;
  if ((asked.resource.namespaced || isNamespace) && !inNamespace(labelsOf(namespace ?? {}))) return false;
  const selected = labelSelector(webhook.objectSelector);
  return [asked.object, asked.old].some((one) => one !== null && selected(labelsOf(one)));
}

const programs = new Map<string, Program>();
const MAX_PROGRAMS = 1_000;

/** Whether all `matchConditions` hold. @throws Error for one that cannot be evaluated */
export function conditionsHold(webhook: JsonObject, request: JsonObject): boolean {
  const conditions = objects(webhook, "matchConditions");
  if (conditions.length === 0) return true;
  grantBudget();
  const context = {
    object: cel(request.object),
    oldObject: cel(request.oldObject),
    request: cel({ ...request, object: null, oldObject: null }),
  };
  return conditions.every((condition) => {
    const expression = text(condition, "expression");
    let program = programs.get(expression);
    if (!program) {
      if (programs.size >= MAX_PROGRAMS) programs.clear();
      program = parseExpression(expression);
      programs.set(expression, program);
    }
    const holds = program(context) === true;
    if (isSpent()) throw new Error(`match condition ${text(condition, "name")}: out of cost budget`);
    return holds;
  });
}

const cel = (value: Json | undefined): unknown => toCel(value ?? null, null);
