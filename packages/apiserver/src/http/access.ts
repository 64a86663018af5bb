import { type JsonObject, object, objects, text, texts } from "../base/json.ts";
import { objectKey, type Storage } from "../store/storage.ts";

/** Who asks: a name and the groups that it is in. */
interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

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
