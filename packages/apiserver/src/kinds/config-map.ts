import { object } from "../base/json.ts";
import { dataErrors, immutableErrors } from "./data.ts";
import { CORE, define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";

const configMapStrategy: Strategy = {
  ...PLAIN,
  validate: (map, old) => [
    ...dataErrors(map, "data"),
    ...dataErrors(map, "binaryData"),
    ...immutableErrors(map, old, ["data", "binaryData"]),
  ],
};

const configMapPrinter = printer([NAME, column("Data"), AGE], (map, now) => [
  nameOf(map),
  Object.keys(object(map, "data")).length + Object.keys(object(map, "binaryData")).length,
  created(map, now),
]);

/** ConfigMaps. */
export const configMap: Resource = define({
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  definition: `${CORE}.ConfigMap`,
  printer: configMapPrinter,
  strategy: configMapStrategy,
});
