import { randomUUID } from "node:crypto";
import { ApiError } from "../base/errors.ts";
import { clone, type JsonObject, object, objects, text } from "../base/json.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { isShowable, keepConverted } from "../kinds/served.ts";
import type { Entry, Storage } from "../store/storage.ts";
import { callWebhook } from "./call.ts";

const SECONDS = 30;
/** Objects in one review. */
const BATCH = 500;

/** Has webhooks convert entries to the version of the resource; what they make of an entry is asked for once. */
export async function makeShowable(storage: Storage, resource: Resource, entries: readonly Entry[]): Promise<void> {
  const due = entries.filter((entry) => !isShowable(resource, entry));
  for (let at = 0; at < due.length; at += BATCH) {
    const batch = due.slice(at, at + BATCH);
    const made = await convert(
      storage,
      resource,
      batch.map((entry) => entry.object),
      apiVersionOf(resource),
    );
    batch.forEach((entry, i) => {
      keepConverted(entry, made[i] as JsonObject);
    });
  }
}

/** The objects in another version, in the same order. @throws ApiError 500 */
export async function convert(
  storage: Storage,
  resource: Resource,
  values: readonly JsonObject[],
  apiVersion: string,
): Promise<JsonObject[]> {
  const failed = (why: string) =>
    new ApiError(
      500,
      "InternalError",
      `conversion webhook for ${text(values[0], "apiVersion")}, Kind=${resource.kind} failed: ${why}`,
    );
  const uid = randomUUID();
  const review: JsonObject = {
    kind: "ConversionReview",
    apiVersion: "apiextensions.k8s.io/v1",
    request: { uid, desiredAPIVersion: apiVersion, objects: [...values] },
  };
  let answer: JsonObject;
  try {
    answer = await callWebhook(storage, object(resource.conversion, "clientConfig"), review, SECONDS);
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error));
  }
  const response = object(answer, "response");
  if (text(response, "uid") !== uid) throw failed(`expected response.uid=${uid}`);
  if (text(response, "result", "status") !== "Success")
    throw failed(text(response, "result", "message") || "the webhook says no more");
  const made = objects(response, "convertedObjects");
  if (made.length !== values.length) throw failed(`expected ${values.length} converted objects, got ${made.length}`);
  return made.map((one, i) => {
    if (text(one, "apiVersion") !== apiVersion) throw failed(`expected converted objects of ${apiVersion}`);
    const before = object(values[i], "metadata");
    for (const member of ["name", "namespace", "uid"])
      if (text(one, "metadata", member) !== text(before, member)) throw failed(`metadata.${member} must not change`);
    return { ...one, metadata: mergedMetadata(before, object(one, "metadata")) };
  });
}

/** A conversion may change labels and annotations alone. */
function mergedMetadata(before: JsonObject, after: JsonObject): JsonObject {
  const metadata = clone(before);
  for (const member of ["labels", "annotations"]) {
    delete metadata[member];
    if (after[member] !== undefined) metadata[member] = after[member];
  }
  return metadata;
}
