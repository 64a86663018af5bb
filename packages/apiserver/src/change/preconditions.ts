import { conflict, type FieldError, forbidden, forbiddenRequest, MODIFIED, notFound } from "../base/errors.ts";
import { type JsonObject, text, texts } from "../base/json.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { subjectOf } from "../kinds/resource.ts";
import type { WriteRequest } from "./request.ts";

export function checkPreconditions({ resource }: WriteRequest, old: JsonObject, next: JsonObject): void {
  const name = text(old, "metadata", "name");
  const uid = text(next, "metadata", "uid");
  if (uid !== "" && uid !== text(old, "metadata", "uid"))
    throw conflict(
      subjectOf(resource, name),
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${text(old, "metadata", "uid")}`,
    );
  const version = text(next, "metadata", "resourceVersion");
  if (version !== "" && version !== "0" && version !== text(old, "metadata", "resourceVersion"))
    throw conflict(subjectOf(resource, name), MODIFIED);
}

export function finalizerErrors(next: JsonObject, old: JsonObject): FieldError[] {
  if (text(old, "metadata", "deletionTimestamp") === "") return [];
  const held = texts(old, "metadata", "finalizers");
  const added = texts(next, "metadata", "finalizers").filter((one) => !held.includes(one));
  if (added.length === 0) return [];
  return [
    forbidden(
      "metadata.finalizers",
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(", ")}}`,
    ),
  ];
}

export function checkNamespace(cluster: Cluster, request: WriteRequest, name: string): void {
  const { resource, namespace } = request;
  if (!resource.namespaced) return;
  const entry = cluster.storage.collection("namespaces").get(namespace);
  if (!entry) throw notFound({ group: "", kind: "namespaces", name: namespace });
  if (text(entry.object, "metadata", "deletionTimestamp") === "") return;
  throw forbiddenRequest(
    subjectOf(resource, name),
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ],
  );
}
