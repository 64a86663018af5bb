import { ensure, text } from "../base/json.ts";
import { CORE, define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import { keepSpec, keepStatus } from "./strategy.ts";

const namespaceStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (namespace) => {
    const metadata = ensure(namespace, "metadata");
    if (text(metadata, "name") !== "")
      ensure(metadata, "labels")["kubernetes.io/metadata.name"] = text(metadata, "name");
  },
  prepareCreate: (namespace) => {
    namespace.spec = { finalizers: ["kubernetes"] };
    namespace.status = { phase: "Active" };
  },
  prepareUpdate: (namespace, old) => {
    keepSpec(namespace, old);
    keepStatus(namespace, old);
  },
  prepareStatus: keepSpec,
};

const namespacePrinter = printer([NAME, column("Status"), AGE], (namespace, now) => [
  nameOf(namespace),
  text(namespace, "status", "phase"),
  created(namespace, now),
]);

/** Namespaces: what is in a deleted one goes before it does (`cluster/`). */
export const namespace: Resource = define({
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  namespaced: false,
  names: "label",
  hasStatus: true,
  fields: ["status.phase"],
  definition: `${CORE}.Namespace`,
  printer: namespacePrinter,
  strategy: namespaceStrategy,
});
