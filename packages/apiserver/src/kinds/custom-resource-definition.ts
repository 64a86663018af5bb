import { text } from "../base/json.ts";
import { define } from "./define.ts";
import { column, NAME, nameOf, printer } from "./printer.ts";
import type { Resource, Strategy } from "./resource.ts";

const definitionPrinter = printer([NAME, { ...column("Created At"), type: "date" }], (definition) => [
  nameOf(definition),
  text(definition, "metadata", "creationTimestamp"),
]);

/** CustomResourceDefinitions. The strategy knows what they define (`custom/`). */
export const customResourceDefinition = (strategy: Strategy): Resource =>
  define({
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    namespaced: false,
    hasStatus: true,
    definition: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    printer: definitionPrinter,
    strategy,
  });
