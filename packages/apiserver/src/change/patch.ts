import { ApiError, badRequest, notFound } from "../base/errors.ts";
import { clone, type Json, text } from "../base/json.ts";
import { checkDepth } from "../base/limits.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { subjectOf } from "../kinds/resource.ts";
import { served } from "../kinds/served.ts";
import { objectKey } from "../store/storage.ts";
import { checkKind } from "./decode.ts";
import { trackUpdate } from "./managers.ts";
import { applyPatch, goText, type PatchKind, unfitPatch } from "./patch-types.ts";
import { decode, managerOf, type Write, type WriteRequest, type Written } from "./request.ts";
import { update } from "./update.ts";

export function* patch(
  cluster: Cluster,
  request: WriteRequest,
  kind: Exclude<PatchKind, "apply">,
  body: Json,
): Write<Written> {
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
  return yield* update(cluster, request, entry, next, (old, changed, time) =>
    trackUpdate(resource, old, changed, managerOf(request), time),
  );
}
