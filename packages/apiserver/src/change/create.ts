import { alreadyExists, badRequest } from "../base/errors.ts";
import { ensure, type JsonObject, text } from "../base/json.ts";
import { generateName, metadataErrors } from "../base/names.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { subjectOf } from "../kinds/resource.ts";
import { Entry, objectKey } from "../store/storage.ts";
import { checkKind } from "./decode.ts";
import { trackUpdate } from "./managers.ts";
import { checkNamespace } from "./preconditions.ts";
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

const MAX_NAME_TRIES = 8;

export function* create(cluster: Cluster, request: WriteRequest, body: JsonObject): Write<Written> {
  checkKind(request.resource, body);
  decode(request, body);
  return yield* insert(cluster, request, body, (next, time) =>
    trackUpdate(request.resource, null, next, managerOf(request), time),
  );
}

export function* insert(
  cluster: Cluster,
  request: WriteRequest,
  given: JsonObject,
  track: (next: JsonObject, time: string) => void,
): Write<Written> {
  const { resource } = request;
  const { revision } = cluster.storage;
  let body = given;
  placeIn(request, body);
  const metadata = ensure(body, "metadata");
  if (text(metadata, "resourceVersion") !== "")
    throw badRequest("resourceVersion should not be set on objects to be created");
  for (const key of [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
    "resourceVersion",
  ])
    delete metadata[key];
  const collection = cluster.storage.collection(resource.collection);
  const prefix = text(metadata, "generateName");
  if (text(metadata, "name") === "" && prefix !== "") {
    for (let i = 0; i < MAX_NAME_TRIES; i += 1) {
      metadata.name = generateName(prefix);
      if (!collection.get(objectKey(request.namespace, text(metadata, "name")))) break;
    }
  }
  const name = text(metadata, "name");
  checkNamespace(cluster, request, name);
  resource.strategy.setDefaults(body);
  body = yield { kind: "mutate", operation: "CREATE", object: body, old: null };
  if (body !== given) resource.strategy.setDefaults(body);
  // What the server fills in from here on belongs to nobody.
  const time = cluster.timestamp();
  track(body, time);
  resource.strategy.prepareCreate(body);
  if (resource.isCustom) resource.strategy.setDefaults(body);
  refuse(resource, name, [...metadataErrors(body, resource.names), ...resource.strategy.validate(body, null)]);
  const key = objectKey(request.namespace, name);
  if (collection.get(key)) throw alreadyExists(subjectOf(resource, name));
  for (const warning of resource.strategy.warnings(body)) request.warn(warning);
  yield { kind: "validate", operation: "CREATE", object: body, old: null };
  const stored = yield* storedForm(resource, body);
  if (collection.get(key)) throw alreadyExists(subjectOf(resource, name));
  // What was given out in the meantime (addresses, ports) may be what this one was to get.
  if (!resource.isCustom && cluster.storage.revision !== revision) throw new Stale();
  if (request.dryRun) {
    const made = ensure(stored, "metadata");
    made.uid = crypto.randomUUID();
    made.creationTimestamp = time;
    return { entry: new Entry(key, 0, stored), created: true };
  }
  return { entry: cluster.create(collection, stored).entry, created: true };
}
