import { parseFieldSelector, parseLabelSelector } from "../base/selectors.ts";
import { fieldsOf, labelsOf, type Resource } from "../kinds/resource.ts";
import { served } from "../kinds/served.ts";
import type { Entry } from "../store/storage.ts";

/** Which objects of a kind a list or a watch is about. */
export interface Filter {
  readonly namespace: string | null;
  readonly matches: (entry: Entry) => boolean;
  /** The one name it can be; null for any. */
  readonly name: string | null;
}

export function filterOf(
  resource: Resource,
  namespace: string | null,
  name: string | null,
  query: URLSearchParams,
): Filter {
  const labels = parseLabelSelector(query.get("labelSelector") ?? "");
  const offered = new Set([
    "metadata.name",
    ...(resource.namespaced ? ["metadata.namespace"] : []),
    ...resource.fields,
  ]);
  const fields = parseFieldSelector(query.get("fieldSelector") ?? "", offered);
  const prefix = namespace === null ? "" : `${namespace}/`;
  const hasLabels = (query.get("labelSelector") ?? "") !== "";
  const hasFields = (query.get("fieldSelector") ?? "") !== "";
  const only = name ?? fields.name;
  return {
    namespace,
    name: only,
    matches: (entry) =>
      entry.key.startsWith(prefix) &&
      (!hasLabels || labels(labelsOf(entry.object))) &&
      (!hasFields || fields.matches(fieldsOf(resource, served(resource, entry)))) &&
      (name === null || fieldsOf(resource, entry.object)["metadata.name"] === name),
  };
}
