import { badRequest, notFound } from "../base/errors.ts";
import { ensure, isObject, type JsonObject, list, object, text } from "../base/json.ts";
import { MAX_OBJECT } from "../base/limits.ts";
import { metadataErrors } from "../base/names.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { subjectOf } from "../kinds/resource.ts";
import { served } from "../kinds/served.ts";
import { Entry, objectKey } from "../store/storage.ts";
import { checkKind } from "./decode.ts";
import { sameContent, trackUpdate } from "./managers.ts";
import { checkPreconditions, finalizerErrors } from "./preconditions.ts";
import {
  decode,
  managerOf,
  placeIn,
  refuse,
  Stale,
  storedForm,
  type Write,
  type WriteRequest,
  type Written,
} from "./request.ts";

export function* replace(cluster: Cluster, request: WriteRequest, body: JsonObject): Write<Written> {
  const { resource, name } = request;
  checkKind(resource, body);
  decode(request, body);
  placeIn(request, body);
  const given = text(body, "metadata", "name");
  if (given !== name)
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name ?? ""})`);
  const entry = cluster.storage.collection(resource.collection).get(objectKey(request.namespace, given));
  if (!entry) throw notFound(subjectOf(resource, given));
  return yield* update(cluster, request, entry, body, (old, next, time) =>
    trackUpdate(resource, old, next, managerOf(request), time),
  );
}

export function* update(
  cluster: Cluster,
  request: WriteRequest,
  entry: Entry,
  given: JsonObject,
  track: (old: JsonObject, next: JsonObject, time: string) => void,
): Write<Written> {
  const { resource, subresource } = request;
  let next = given;
  const old = served(resource, entry);
  const name = text(old, "metadata", "name");
  checkPreconditions(request, old, next);
  const before = object(old, "metadata");
  keepIdentity(next, before);
  resource.strategy.setDefaults(next);
  next = yield { kind: "mutate", operation: "UPDATE", object: next, old };
  if (next !== given) {
    keepIdentity(next, before);
    resource.strategy.setDefaults(next);
  }
  const metadata = ensure(next, "metadata");
  track(old, next, cluster.timestamp());
  if (subresource === "status") {
    resource.strategy.prepareStatus(next, old);
    if (resource.isCustom)
      next.metadata = {
        ...before,
        ...(metadata.managedFields === undefined ? {} : { managedFields: metadata.managedFields }),
      };
    refuse(resource, name, resource.strategy.validateStatus(next, old));
  } else if (subresource === "finalize") {
    next = { ...old, spec: next.spec ?? {} };
  } else {
    resource.strategy.prepareUpdate(next, old);
    refuse(resource, name, [
      ...metadataErrors(next, resource.names),
      ...finalizerErrors(next, old),
      ...resource.strategy.validate(next, old),
    ]);
  }
  yield { kind: "validate", operation: "UPDATE", object: next, old };
  const stored = yield* storedForm(resource, next);
  if (cluster.storage.collection(resource.collection).get(entry.key) !== entry) throw new Stale();
  return finish(cluster, request, entry, old, next, stored);
}

const IDENTITY = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "resourceVersion",
  "namespace",
];

/** What a write never changes, whatever its body says. */
function keepIdentity(next: JsonObject, before: JsonObject): void {
  const metadata = ensure(next, "metadata");
  for (const key of IDENTITY) {
    const value = before[key];
    if (value === undefined) delete metadata[key];
    else metadata[key] = value;
  }
}

function finish(
  cluster: Cluster,
  request: WriteRequest,
  entry: Entry,
  old: JsonObject,
  next: JsonObject,
  stored: JsonObject,
): Written {
  const { resource, dryRun } = request;
  // Nothing to write: who owns what may still have changed.
  const sameOwners = managersWithoutTime(old) === managersWithoutTime(next);
  if (sameContent(old, next) && sameOwners) return { entry, created: false };
  const collection = cluster.storage.collection(resource.collection);
  if (dryRun) return { entry: new Entry(entry.key, entry.revision, stored), created: false };
  const { deletionTimestamp } = object(next, "metadata");
  const isNamespace = resource.collection === "namespaces";
  const lastFinalizer =
    deletionTimestamp !== undefined && !isNamespace && list(next, "metadata", "finalizers").length === 0;
  const change = cluster.storage.commit(collection, entry.key, stored, MAX_OBJECT);
  return { entry: lastFinalizer ? cluster.remove(collection, entry.key).entry : change.entry, created: false };
}

const managersWithoutTime = (value: JsonObject): string =>
  JSON.stringify(list(value, "metadata", "managedFields").map((one) => (isObject(one) ? { ...one, time: "" } : one)));
