import { type FieldError, invalid, required, unsupported } from "../base/errors.ts";
import { equal, type JsonObject, object, objects, text } from "../base/json.ts";
import { define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { type Column, PLAIN, type Printer, type Resource, type Strategy } from "./resource.ts";

const GROUP = "rbac.authorization.k8s.io";

const CREATED: Column = { ...column("Created At"), type: "date" };
const rolePrinter = printer([NAME, CREATED], (role) => [nameOf(role), text(role, "metadata", "creationTimestamp")]);

const subjects = (binding: JsonObject, kind: string): string =>
  objects(binding, "subjects")
    .filter((subject) => text(subject, "kind") === kind)
    .map((one) => (kind === "ServiceAccount" ? `${text(one, "namespace")}/${text(one, "name")}` : text(one, "name")))
    .join(", ");

const bindingPrinter: Printer = printer(
  [NAME, column("Role"), AGE, column("Users", 1), column("Groups", 1), column("ServiceAccounts", 1)],
  (binding, now) => [
    nameOf(binding),
    `${text(binding, "roleRef", "kind")}/${text(binding, "roleRef", "name")}`,
    created(binding, now),
    subjects(binding, "User"),
    subjects(binding, "Group"),
    subjects(binding, "ServiceAccount"),
  ],
);

const bindingStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (binding) => {
    const role = object(binding, "roleRef");
    if (text(role, "apiGroup") === "") role.apiGroup = GROUP;
    for (const subject of objects(binding, "subjects"))
      if (subject.apiGroup === undefined && subject.kind !== "ServiceAccount") subject.apiGroup = GROUP;
  },
  validate: (binding, old) => {
    const errors: FieldError[] = [];
    const kind = text(binding, "roleRef", "kind");
    const kinds = text(binding, "metadata", "namespace") === "" ? ["ClusterRole"] : ["Role", "ClusterRole"];
    if (!kinds.includes(kind)) errors.push(unsupported("roleRef.kind", kind, kinds));
    if (text(binding, "roleRef", "name") === "") errors.push(required("roleRef.name"));
    if (old && !equal(binding.roleRef, old.roleRef))
      errors.push(invalid("roleRef", binding.roleRef ?? null, "cannot change roleRef"));
    return errors;
  },
};

function rbac(kind: string, namespaced: boolean): Resource {
  const isBinding = kind.endsWith("Binding");
  return define({
    group: GROUP,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
    names: "path",
    definition: `io.k8s.api.rbac.v1.${kind}`,
    printer: isBinding ? bindingPrinter : rolePrinter,
    strategy: isBinding ? bindingStrategy : PLAIN,
  });
}

/** Roles and bindings: kept, so that manifests can be applied. Whoever holds the token may do everything. */
export const rbacKinds: readonly Resource[] = [
  rbac("Role", true),
  rbac("RoleBinding", true),
  rbac("ClusterRole", false),
  rbac("ClusterRoleBinding", false),
];
