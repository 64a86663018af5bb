import { ApiError, badRequest, conflict, notFound } from "../base/errors.ts";
import { clone, ensure, type JsonObject, list, text } from "../base/json.ts";
import { checkDepth } from "../base/limits.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { subjectOf } from "../kinds/resource.ts";
import { served } from "../kinds/served.ts";
import { objectKey } from "../store/storage.ts";
import { insert } from "./create.ts";
import { checkKind } from "./decode.ts";
import type { Manager } from "./managers.ts";
import { decode, type Write, type WriteRequest, type Written } from "./request.ts";
import { mergeConfig, trackApply } from "./server-side-apply.ts";
import { update } from "./update.ts";

/** Server-side apply: creates what is not there. */
export function* apply(cluster: Cluster, request: WriteRequest, config: JsonObject): Write<Written> {
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
    return yield* insert(cluster, request, next, (made, time) =>
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
  return yield* update(cluster, request, entry, next, (old, changed, time) =>
    trackApply(resource, old, own, changed, manager, { ...options, time }),
  );
}
