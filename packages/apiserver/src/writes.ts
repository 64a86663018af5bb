import { type Manager, sameContent, trackUpdate } from "./apply/managers.ts";
import { mergeConfig, trackApply } from "./apply/server-side.ts";
import type { Cluster } from "./cluster.ts";
import { checkKind, decodeBody, type FieldValidation } from "./decode.ts";
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  forbidden,
  forbiddenRequest,
  invalidObject,
  MODIFIED,
  notFound,
} from "./errors.ts";
import { clone, ensure, isObject, type Json, type JsonObject, list, object, text, texts } from "./json.ts";
import { checkDepth } from "./media.ts";
import { generateName, metadataErrors } from "./names.ts";
import { applyPatch, goText, type PatchKind, unfitPatch } from "./patch.ts";
import { served } from "./reads.ts";
import { kindSubject, type Resource, subjectOf } from "./resource.ts";
import { Entry, MAX_OBJECT, objectKey } from "./storage.ts";

/** A write as its request describes it. */
export interface WriteRequest {
  readonly resource: Resource;
  /** "" where the kind has none. */
  readonly namespace: string;
  readonly name: string | null;
  readonly subresource: "" | "status" | "finalize";
  readonly manager: string;
  readonly validation: FieldValidation;
  readonly dryRun: boolean;
  /** For server-side apply. */
  readonly force: boolean;
  /** Gets the texts for the Warning header. */
  readonly warn: (text: string) => void;
}

export interface Written {
  readonly entry: Entry;
  readonly created: boolean;
}

const MAX_NAME_TRIES = 8;

export function create(cluster: Cluster, request: WriteRequest, body: JsonObject): Written {
  checkKind(request.resource, body);
  decode(request, body);
  return insert(cluster, request, body, (next, time) =>
    trackUpdate(request.resource, null, next, managerOf(request), time),
  );
}

export function replace(cluster: Cluster, request: WriteRequest, body: JsonObject): Written {
  const { resource, name } = request;
  checkKind(resource, body);
  decode(request, body);
  placeIn(request, body);
  const given = text(body, "metadata", "name");
  if (given !== name)
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name ?? ""})`);
  const entry = cluster.storage.collection(resource.collection).get(objectKey(request.namespace, given));
  if (!entry) throw notFound(subjectOf(resource, given));
  return update(cluster, request, entry, body, (old, next, time) =>
    trackUpdate(resource, old, next, managerOf(request), time),
  );
}

export function patch(cluster: Cluster, request: WriteRequest, kind: Exclude<PatchKind, "apply">, body: Json): Written {
  const { resource, namespace } = request;
  const name = request.name ?? "";
  const entry = cluster.storage.collection(resource.collection).get(objectKey(namespace, name));
  if (!entry) throw notFound(subjectOf(resource, name));
  const current = served(resource, entry);
  const next = clone(applyPatch(kind, resource, current, body));
  checkDepth(next);
  checkKind(resource, next);
  const shown = kind === "strategic" ? goText(body) : JSON.stringify(next);
  try {
    decode(request, next);
  } catch (error) {
    if (resource.isCustom || !(error instanceof ApiError)) throw error;
    throw unfitPatch(shown, error.message.replace(/^.*? cannot be handled as a \w+: /, ""));
  }
  if (text(next, "metadata", "name") !== name || text(next, "metadata", "namespace") !== namespace)
    throw badRequest(
      `the name of the object (${text(next, "metadata", "name")}) does not match the name on the URL (${name})`,
    );
  return update(cluster, request, entry, next, (old, changed, time) =>
    trackUpdate(resource, old, changed, managerOf(request), time),
  );
}

/** Server-side apply: creates what is not there. */
export function apply(cluster: Cluster, request: WriteRequest, config: JsonObject): Written {
  const { resource, namespace } = request;
  const name = request.name ?? "";
  if (request.manager === "")
    throw new ApiError(
      422,
      "Invalid",
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      {
        group: "meta.k8s.io",
        kind: "PatchOptions",
        causes: [
          {
            reason: "FieldValueRequired",
            message: "Required value: is required for apply patch",
            field: "fieldManager",
          },
        ],
      },
    );
  checkKind(resource, config);
  if (list(config, "metadata", "managedFields").length > 0) throw badRequest("metadata.managedFields must be nil");
  decode(request, config);
  const given = text(config, "metadata", "name");
  if (given !== "" && given !== name)
    throw badRequest(`name in the apply configuration (${given}) does not match the name on the URL (${name})`);
  const metadata = ensure(config, "metadata");
  metadata.name = name;
  if (namespace !== "") metadata.namespace = namespace;
  const manager: Manager = { name: request.manager, subresource: request.subresource };
  const entry = cluster.storage.collection(resource.collection).get(objectKey(namespace, name));
  const options = { force: request.force };
  if (!entry) {
    if (request.subresource !== "") throw notFound(subjectOf(resource, name));
    if (text(metadata, "uid") !== "")
      throw conflict(
        subjectOf(resource, name),
        `uid mismatch: the provided object specified uid ${text(metadata, "uid")}, and no existing object was found`,
      );
    const next = mergeConfig(resource, null, config, manager);
    return insert(cluster, request, next, (made, time) =>
      trackApply(resource, null, config, made, manager, { ...options, time }),
    );
  }
  const live = served(resource, entry);
  const wantedVersion = text(metadata, "resourceVersion");
  const next = clone(mergeConfig(resource, live, config, manager));
  checkDepth(next);
  ensure(next, "metadata").resourceVersion = wantedVersion;
  const { resourceVersion: _, ...ownMetadata } = metadata;
  const own = { ...config, metadata: ownMetadata };
  return update(cluster, request, entry, next, (old, changed, time) =>
    trackApply(resource, old, own, changed, manager, { ...options, time }),
  );
}

function decode(request: WriteRequest, body: JsonObject): void {
  for (const warning of decodeBody(request.resource, body, request.validation)) request.warn(warning);
}

const managerOf = (request: WriteRequest): Manager => ({
  name: request.manager || "unknown",
  subresource: request.subresource === "finalize" ? "" : request.subresource,
});

/** The namespace of the path, which the body may repeat. */
function placeIn({ resource, namespace }: WriteRequest, body: JsonObject): void {
  const metadata = ensure(body, "metadata");
  const given = text(metadata, "namespace");
  if (!resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (given !== "" && given !== namespace)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  metadata.namespace = namespace;
}

function insert(
  cluster: Cluster,
  request: WriteRequest,
  body: JsonObject,
  track: (next: JsonObject, time: string) => void,
): Written {
  const { resource } = request;
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
  // What the server fills in from here on belongs to nobody.
  const time = cluster.timestamp();
  track(body, time);
  resource.strategy.prepareCreate(body);
  if (resource.isCustom) resource.strategy.setDefaults(body);
  refuse(resource, name, [...metadataErrors(body, resource.names), ...resource.strategy.validate(body, null)]);
  if (collection.get(objectKey(request.namespace, name))) throw alreadyExists(subjectOf(resource, name));
  for (const warning of resource.strategy.warnings(body)) request.warn(warning);
  const stored = resource.toStored ? resource.toStored(body) : body;
  if (request.dryRun) {
    const made = ensure(stored, "metadata");
    made.uid = crypto.randomUUID();
    made.creationTimestamp = time;
    return { entry: new Entry(objectKey(request.namespace, name), 0, stored), created: true };
  }
  return { entry: cluster.create(collection, stored).entry, created: true };
}

function checkNamespace(cluster: Cluster, request: WriteRequest, name: string): void {
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

function update(
  cluster: Cluster,
  request: WriteRequest,
  entry: Entry,
  next: JsonObject,
  track: (old: JsonObject, next: JsonObject, time: string) => void,
): Written {
  const { resource, subresource } = request;
  const old = served(resource, entry);
  const name = text(old, "metadata", "name");
  checkPreconditions(request, old, next);
  const metadata = ensure(next, "metadata");
  const before = object(old, "metadata");
  for (const key of [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "namespace",
  ]) {
    const value = before[key];
    if (value === undefined) delete metadata[key];
    else metadata[key] = value;
  }
  resource.strategy.setDefaults(next);
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
  return finish(cluster, request, entry, old, next);
}

function finish(cluster: Cluster, request: WriteRequest, entry: Entry, old: JsonObject, next: JsonObject): Written {
  const { resource, dryRun } = request;
  // Nothing to write: who owns what may still have changed.
  const sameOwners = managersWithoutTime(old) === managersWithoutTime(next);
  if (sameContent(old, next) && sameOwners) return { entry, created: false };
  const collection = cluster.storage.collection(resource.collection);
  const stored = resource.toStored ? resource.toStored(next) : next;
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

function checkPreconditions({ resource }: WriteRequest, old: JsonObject, next: JsonObject): void {
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

function finalizerErrors(next: JsonObject, old: JsonObject): FieldError[] {
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

function refuse(resource: Resource, name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject(kindSubject(resource, name), errors);
}

export interface DeleteOptions {
  readonly uid: string | null;
  readonly resourceVersion: string | null;
  readonly dryRun: boolean;
}

/** Deletes one object, or marks it where finalizers remain. Returns its last state and whether it is gone. */
export function remove(
  cluster: Cluster,
  resource: Resource,
  entry: Entry,
  options: DeleteOptions,
): { readonly entry: Entry; readonly gone: boolean } {
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
