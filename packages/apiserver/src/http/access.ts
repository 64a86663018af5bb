import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "../base/errors.ts";
import { type JsonObject, object, objects, text, texts } from "../base/json.ts";
import { ADMINISTRATOR, type User } from "../base/user.ts";
import { objectKey, type Storage } from "../store/storage.ts";
import { type Exchange, isWatch } from "./exchange.ts";
import type { RequestInfo } from "./request-info.ts";

/** Whether Roles and their bindings let the user do what a SubjectAccessReview asks about. */
export function isAllowed(storage: Storage, user: User, spec: JsonObject): boolean {
  if (user.groups.includes("system:masters")) return true;
  const asked = object(spec, "resourceAttributes");
  const namespace = text(asked, "namespace");
  const bindings = [
    ...storage.collection("clusterrolebindings").values(),
    ...[...storage.collection("rolebindings").values()].filter(
      ({ key }) => namespace !== "" && key.startsWith(`${namespace}/`),
    ),
  ];
  return bindings.some(({ object: binding }) => {
    if (!objects(binding, "subjects").some((subject) => isSubject(subject, user))) return false;
    const kind = text(binding, "roleRef", "kind") === "ClusterRole" ? "clusterroles" : "roles";
    const key = objectKey(kind === "roles" ? namespace : "", text(binding, "roleRef", "name"));
    return objects(storage.collection(kind).get(key)?.object, "rules").some((rule) => allows(rule, spec));
  });
}

/** The administrator, or whom the request acts as (`Impersonate-User`, `Impersonate-Group`). */
export function userOf(headers: IncomingHttpHeaders): User {
  const name = headers["impersonate-user"];
  if (typeof name !== "string" || name === "") return ADMINISTRATOR;
  const given = headers["impersonate-group"];
  const groups = typeof given === "string" ? given.split(",").map((one) => one.trim()) : (given ?? []);
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name) ?? [];
  const own = namespace === undefined ? [] : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  return { name, groups: [...(groups.length > 0 ? groups : own), "system:authenticated"] };
}

/** What everybody may read who is somebody. */
const DISCOVERY = /^\/(api|apis|openapi|version|healthz|livez|readyz)?(\/|$)/;

/** What everybody may ask about themselves. */
const isAboutSelf = ({ group, plural }: RequestInfo): boolean =>
  /^auth(entication|orization)\.k8s\.io$/.test(group) && plural.startsWith("selfsubject");

/** Holds a request to what Roles allow its user. @throws ApiError 403 */
export function authorize(storage: Storage, user: User, exchange: Exchange, info: RequestInfo | null): void {
  if (user.groups.includes("system:masters")) return;
  if (info === null ? DISCOVERY.test(exchange.path) : isAboutSelf(info)) return;
  const { method, path } = exchange;
  const who = `User ${JSON.stringify(user.name)}`;
  if (info === null) {
    const verb = method.toLowerCase();
    if (isAllowed(storage, user, { nonResourceAttributes: { verb, path } })) return;
    throw new ApiError(403, "Forbidden", `forbidden: ${who} cannot ${verb} path ${JSON.stringify(path)}`);
  }
  const verb = verbOf(exchange, info);
  const { group, plural: resource, name, subresource } = info;
  const namespace = info.namespace ?? (resource === "namespaces" ? (name ?? "") : "");
  const attributes = { verb, group, resource, namespace, name: name ?? "", subresource: subresource ?? "" };
  if (isAllowed(storage, user, { resourceAttributes: attributes })) return;
  const what = subresource === null ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const about = group === "" ? resource : `${resource}.${group}`;
  throw new ApiError(
    403,
    "Forbidden",
    `${about}${name === null ? "" : ` ${JSON.stringify(name)}`} is forbidden: ${who} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`,
    { kind: resource, ...(name === null ? {} : { name }), ...(group === "" ? {} : { group }) },
  );
}

function verbOf(exchange: Exchange, { name }: RequestInfo): string {
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      return isWatch(exchange) ? "watch" : name === null ? "list" : "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "DELETE":
      return name === null ? "deletecollection" : "delete";
    default:
      return exchange.method.toLowerCase();
  }
}

function isSubject(subject: JsonObject, user: User): boolean {
  const name = text(subject, "name");
  switch (text(subject, "kind")) {
    case "User":
      return name === user.name;
    case "Group":
      return user.groups.includes(name);
    case "ServiceAccount":
      return user.name === `system:serviceaccount:${text(subject, "namespace")}:${name}`;
    default:
      return false;
  }
}

function allows(rule: JsonObject, spec: JsonObject): boolean {
  const has = (member: string, value: string) => texts(rule, member).some((one) => one === "*" || one === value);
  const path = object(spec, "nonResourceAttributes");
  if (spec.nonResourceAttributes !== undefined)
    return (
      has("verbs", text(path, "verb")) &&
      texts(rule, "nonResourceURLs").some((url) =>
        url.endsWith("*") ? text(path, "path").startsWith(url.slice(0, -1)) : url === text(path, "path"),
      )
    );
  const asked = object(spec, "resourceAttributes");
  const subresource = text(asked, "subresource");
  const resource = subresource === "" ? text(asked, "resource") : `${text(asked, "resource")}/${subresource}`;
  const names = texts(rule, "resourceNames");
  return (
    has("verbs", text(asked, "verb")) &&
    has("apiGroups", text(asked, "group")) &&
    (has("resources", resource) || (subresource !== "" && texts(rule, "resources").includes(`*/${subresource}`))) &&
    (names.length === 0 || names.includes(text(asked, "name")))
  );
}
