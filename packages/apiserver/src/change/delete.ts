import { conflict, forbiddenRequest } from "../base/errors.ts";
import { ensure, list, object, text } from "../base/json.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type Resource, subjectOf } from "../kinds/resource.ts";
import { served } from "../kinds/served.ts";
import type { Entry } from "../store/storage.ts";
import { Stale, type Write } from "./request.ts";

export interface DeleteOptions {
  readonly uid: string | null;
  readonly resourceVersion: string | null;
  readonly dryRun: boolean;
}

export interface Removed {
  readonly entry: Entry;
  readonly gone: boolean;
}

/** Deletes one object, or marks it where finalizers remain. Returns its last state and whether it is gone. */
export function* remove(cluster: Cluster, resource: Resource, entry: Entry, options: DeleteOptions): Write<Removed> {
  const name = text(entry.object, "metadata", "name");
  const uid = text(entry.object, "metadata", "uid");
  const resourceVersion = text(entry.object, "metadata", "resourceVersion");
  if (options.uid !== null && options.uid !== uid)
    throw conflict(
      subjectOf(resource, name),
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`,
    );
  if (options.resourceVersion !== null && options.resourceVersion !== resourceVersion)
    throw conflict(
      subjectOf(resource, name),
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  const collection = cluster.storage.collection(resource.collection);
  const isNamespace = resource.collection === "namespaces";
  if (isNamespace && ["default", "kube-system", "kube-public"].includes(name))
    throw forbiddenRequest(subjectOf(resource, name), "this namespace may not be deleted");
  yield { kind: "validate", operation: "DELETE", object: null, old: served(resource, entry) };
  if (collection.get(entry.key) !== entry) throw new Stale();
  const stays = isNamespace || list(entry.object, "metadata", "finalizers").length > 0;
  if (options.dryRun) return { entry, gone: !stays };
  if (!stays) return { entry: cluster.remove(collection, entry.key).entry, gone: true };
  if (text(entry.object, "metadata", "deletionTimestamp") !== "") return { entry, gone: false };
  const marked = cluster.marked(entry.object);
  if (isNamespace) {
    marked.status = { ...object(marked, "status"), phase: "Terminating" };
    delete ensure(marked, "metadata").deletionGracePeriodSeconds;
  }
  return { entry: cluster.storage.commit(collection, entry.key, marked).entry, gone: false };
}
