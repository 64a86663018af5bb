import type { IncomingMessage } from "node:http";
import { ApiError, badRequest, methodNotAllowed } from "../base/errors.ts";
import { clone, isObject, type Json, type JsonObject, object, text } from "../base/json.ts";
import { apply } from "../change/apply.ts";
import { create } from "../change/create.ts";
import { type DeleteOptions, type Removed, remove } from "../change/delete.ts";
import { patch } from "../change/patch.ts";
import { type PatchKind, patchKind } from "../change/patch-types.ts";
import type { Write, WriteRequest, Written } from "../change/request.ts";
import { replace } from "../change/update.ts";
import { type Resource, subjectOf } from "../kinds/resource.ts";
import { objectKey } from "../store/storage.ts";
import { makeShowable } from "../webhooks/conversion.ts";
import { type Exchange, type HandlerOptions, readBody } from "./exchange.ts";
import { filterOf } from "./filter.ts";
import { negotiate, parseBody } from "./media.ts";
import { fieldValidationOf, isDryRun } from "./options.ts";
import { getEntry, listJson } from "./pages.ts";
import { showablePage } from "./read.ts";
import type { RequestInfo } from "./request-info.ts";
import { sendBytes, sendEntry, sendJson, warn } from "./respond.ts";

const VERBS = { POST: "Create", PUT: "Update", PATCH: "Patch", DELETE: "Delete" } as const;

function writeRequest(exchange: Exchange, info: RequestInfo, resource: Resource): WriteRequest {
  const { query, request, response, method } = exchange;
  const kind = `${VERBS[method as keyof typeof VERBS]}Options`;
  const agent = (request.headers["user-agent"] ?? "").split("/")[0] ?? "";
  return {
    resource,
    user: exchange.user,
    namespace: resource.namespaced ? (info.namespace ?? "") : "",
    name: info.name,
    subresource: info.subresource === "status" || info.subresource === "finalize" ? info.subresource : "",
    manager: query.get("fieldManager") || (info.name !== null && isApply(request) ? "" : agent.slice(0, 128)),
    validation: fieldValidationOf(query, kind),
    dryRun: isDryRun(query, kind),
    force: query.get("force") === "true",
    warn: (message) => warn(response, message),
  };
}

const isApply = (request: IncomingMessage) => mediaType(request) === "application/apply-patch+yaml";

const mediaType = (request: IncomingMessage) => (request.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";

export async function write(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  const { request, method } = exchange;
  negotiate(request.headers.accept);
  const described = writeRequest(exchange, info, resource);
  const kind = method === "PATCH" ? patchKind(resource, mediaType(request)) : null;
  const body = parseBody(await readBody(request), request.headers["content-type"] ?? "");
  const key = info.name === null ? null : objectKey(described.namespace, info.name);
  const written = await options.performer.perform(described, key, starter(described, kind, method, body, options));
  await makeShowable(options.cluster.storage, resource, [written.entry]);
  sendEntry(exchange, written.created ? 201 : 200, resource, written.entry, options);
}

/** How the write is started: with a body of its own each time where it may have to start anew. */
function starter(
  request: WriteRequest,
  kind: PatchKind | null,
  method: string,
  body: Json,
  { cluster, performer }: HandlerOptions,
): () => Write<Written> {
  const mayWait = performer.mayWait(request.resource);
  const fresh = () => (mayWait ? clone(body) : body);
  if (kind !== null && kind !== "apply") return () => patch(cluster, request, kind, fresh());
  if (!isObject(body)) throw badRequest("the request's body is not an object");
  const start = kind === "apply" ? apply : method === "PUT" ? replace : create;
  return () => start(cluster, request, fresh() as JsonObject);
}

async function deleteOptions(exchange: Exchange): Promise<DeleteOptions> {
  const bytes = await readBody(exchange.request);
  const body = bytes.length === 0 ? {} : parseBody(bytes, exchange.request.headers["content-type"] ?? "");
  const preconditions = object(body, "preconditions");
  const dry = isObject(body) && Array.isArray(body.dryRun) && body.dryRun.includes("All");
  return {
    uid: text(preconditions, "uid") || null,
    resourceVersion: text(preconditions, "resourceVersion") || null,
    dryRun: dry || isDryRun(exchange.query, "DeleteOptions"),
  };
}

/** These answer with the object itself, others with a Status. */
const RETURNS_OBJECT = ["pods", "services"];

export async function removeOne(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  const deletion = await deleteOptions(exchange);
  const [namespace, name] = [info.namespace ?? "", info.name ?? ""];
  const { entry: last, gone } = await removeEntry(
    exchange,
    info,
    resource,
    options,
    objectKey(namespace, name),
    deletion,
  );
  await makeShowable(options.cluster.storage, resource, [last]);
  if (!gone || (!resource.isCustom && RETURNS_OBJECT.includes(resource.plural))) {
    sendEntry(exchange, 200, resource, last, options);
    return;
  }
  const subject = subjectOf(resource, info.name ?? "");
  const details: JsonObject = { name: subject.name, kind: subject.kind, uid: text(last.object, "metadata", "uid") };
  if (subject.group !== "") details.group = subject.group;
  sendJson(exchange.response, 200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details });
}

function removeEntry(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  { cluster, performer }: HandlerOptions,
  key: string,
  deletion: DeleteOptions,
): Promise<Removed> {
  const request = { ...writeRequest(exchange, info, resource), dryRun: deletion.dryRun };
  const [name = "", namespace = ""] = key.split("/").reverse();
  return performer.perform({ ...request, namespace }, key, () =>
    remove(cluster, resource, getEntry(cluster, resource, namespace, name), deletion),
  );
}

export async function removeMany(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  if (resource.plural === "namespaces" && resource.group === "") throw methodNotAllowed();
  const deletion = await deleteOptions(exchange);
  const filter = filterOf(resource, info.namespace, null, exchange.query);
  const page = await showablePage(options, resource, filter, exchange.query);
  const each = { ...deletion, uid: null, resourceVersion: null };
  for (const { key } of page.entries)
    await removeEntry(exchange, info, resource, options, key, each).catch((error: unknown) => {
      // Somebody else was faster, which is as good.
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    });
  sendBytes(exchange.response, 200, "application/json", listJson(resource, page));
}
