import type { JsonObject } from "../base/json.ts";
import { forTerminal } from "../base/texts.ts";
import type { Resource } from "../kinds/resource.ts";

/** `includeObject` of a request for a table. */
export type IncludeObject = "None" | "Metadata" | "Object";

/** The object that a row carries. */
function rowObject(value: JsonObject, include: IncludeObject): JsonObject {
  if (include === "Object") return { object: value };
  if (include === "None") return {};
  return { object: partialMetadata(value) };
}

export const partialMetadata = (value: JsonObject): JsonObject => ({
  kind: "PartialObjectMetadata",
  apiVersion: "meta.k8s.io/v1",
  metadata: value.metadata ?? {},
});

/** A `meta.k8s.io/v1` Table of the objects. */
export function tableOf(
  resource: Resource,
  values: readonly JsonObject[],
  metadata: JsonObject,
  include: IncludeObject,
  now: number,
): JsonObject {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: resource.printer.columns.map((column) => ({ ...column })),
    rows: values.map((value) => ({
      cells: resource.printer.cells(value, now).map((cell) => (typeof cell === "string" ? forTerminal(cell) : cell)),
      ...rowObject(value, include),
    })),
  };
}
