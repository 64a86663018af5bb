import type { IncomingMessage, ServerResponse } from "node:http";
import { stringify } from "yaml";
import type { Cluster } from "./cluster.ts";
import type { FieldValidation } from "./decode.ts";
import { type ApiError, badRequest, methodNotAllowed, tooLarge, unauthorized, unknownPath } from "./errors.ts";
import { isObject, type Json, type JsonObject, object, text } from "./json.ts";
import { type Accepted, negotiate, parseBody } from "./media.ts";
import { patchKind } from "./patch.ts";
import { type Filter, filterOf, getEntry, listJson, listMetadata, listPage, served, servedJson } from "./reads.ts";
import type { RequestInfo } from "./request-info.ts";
import { apiVersionOf, type Resource, subjectOf } from "./resource.ts";
import { sameToken } from "./reviews.ts";
import { type Entry, MAX_OBJECT } from "./storage.ts";
import { type IncludeObject, partialMetadata, tableOf } from "./table.ts";
import { withoutControls } from "./texts.ts";
import { Watch } from "./watch.ts";
import {
  apply,
  create,
  type DeleteOptions,
  patch,
  remove,
  replace,
  type WriteRequest,
  type Written,
} from "./writes.ts";

/** One request on its way. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface HandlerOptions {
  readonly cluster: Cluster;
  readonly now: () => number;
  readonly bookmarkInterval: number;
  /** Watches that live, so that closing the server ends them. */
  readonly watches: Set<Watch>;
}

/** Reads the whole body, up to 3 MiB. @throws ApiError 413 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > MAX_OBJECT) throw tooLarge(MAX_OBJECT);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

export function sendBytes(response: ServerResponse, code: number, type: string, bytes: Buffer): void {
  response.writeHead(code, {
    "content-type": type,
    "content-length": bytes.length,
    "cache-control": "no-cache, private",
  });
  response.end(bytes);
}

export function sendJson(response: ServerResponse, code: number, value: Json, accepted: Accepted | null = null): void {
  if (accepted?.format === "yaml") sendBytes(response, code, "application/yaml", Buffer.from(stringify(value)));
  else sendBytes(response, code, accepted?.type ?? "application/json", Buffer.from(`${JSON.stringify(value)}\n`));
}

export function sendError(response: ServerResponse, error: ApiError): void {
  const retry = error.details.retryAfterSeconds;
  if (typeof retry === "number") response.setHeader("retry-after", retry);
  sendJson(response, error.code, error.status());
}

/** Refuses whoever has not the one token. @throws ApiError 401 */
export function authenticate(request: IncomingMessage, token: string): void {
  const given = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  if (!sameToken(given, token)) throw unauthorized();
}

/** Serves what a path under /api or /apis asks for. @throws ApiError */
export async function handleResource(exchange: Exchange, info: RequestInfo, options: HandlerOptions): Promise<void> {
  const resource = options.cluster.registry.find(info.group, info.version, info.plural);
  if (!resource && info.group !== "") {
    // The real server has no handler for a group that it does not know, so this is no Status.
    sendBytes(exchange.response, 404, "text/plain; charset=utf-8", Buffer.from("404 page not found\n"));
    return;
  }
  if (!resource || !isServed(resource, info)) throw unknownPath();
  const { method, response } = exchange;
  if (resource.deprecation !== null) warn(response, resource.deprecation);
  if (info.name === null) {
    if (method === "GET" || method === "HEAD") return readMany(exchange, info, resource, options);
    if (method === "POST" && (info.namespace !== null || !resource.namespaced))
      return write(exchange, info, resource, options);
    if (method === "DELETE") return removeMany(exchange, info, resource, options);
    throw methodNotAllowed();
  }
  if ((method === "GET" || method === "HEAD") && isWatch(exchange)) return readMany(exchange, info, resource, options);
  if (method === "GET" || method === "HEAD") return readOne(exchange, info, resource, options);
  if (method === "PUT" || method === "PATCH") return write(exchange, info, resource, options);
  if (method === "DELETE" && info.subresource === null) return removeOne(exchange, info, resource, options);
  throw methodNotAllowed();
}

function isServed(resource: Resource, info: RequestInfo): boolean {
  if (resource.namespaced ? info.name !== null && info.namespace === null : info.namespace !== null) return false;
  if (info.subresource === null) return true;
  return (
    (info.subresource === "status" && resource.hasStatus) ||
    (info.subresource === "finalize" && resource.plural === "namespaces")
  );
}

/** HEAD has no body, so it would never end. */
const isWatch = ({ query, method }: Exchange) => method === "GET" && ["true", "1"].includes(query.get("watch") ?? "");

/** In characters: texts for people that no client is made to choke on, as the real API has them. */
const MAX_WARNING = 256;
const MAX_WARNINGS = 4 * 1024;

/** Adds a Warning header. It is bytes in UTF-8 there; what would break the header is left out. */
function warn(response: ServerResponse, message: string): void {
  const before = response.getHeader("warning");
  const lines = Array.isArray(before) ? before : before === undefined ? [] : [String(before)];
  const shown = Array.from(withoutControls(message)).slice(0, MAX_WARNING).join("");
  const line = Buffer.from(`299 - "${shown.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).toString("latin1");
  if (lines.includes(line) || lines.join("").length + line.length > MAX_WARNINGS) return;
  response.setHeader("warning", [...lines, line]);
}

const includeOf = (query: URLSearchParams): IncludeObject => {
  const asked = query.get("includeObject");
  return asked === "None" || asked === "Object" ? asked : "Metadata";
};

function sendEntry(exchange: Exchange, code: number, resource: Resource, entry: Entry, options: HandlerOptions): void {
  const accepted = negotiate(exchange.request.headers.accept);
  if (accepted.as === "object" && accepted.format === "json") {
    sendBytes(
      exchange.response,
      code,
      "application/json",
      Buffer.concat([servedJson(resource, entry), Buffer.from("\n")]),
    );
    return;
  }
  const value = served(resource, entry);
  if (accepted.as === "Table") {
    const metadata = { resourceVersion: text(value, "metadata", "resourceVersion") };
    sendJson(
      exchange.response,
      code,
      tableOf(resource, [value], metadata, includeOf(exchange.query), options.now()),
      accepted,
    );
  } else sendJson(exchange.response, code, accepted.as === "object" ? value : partialMetadata(value), accepted);
}

function readOne(exchange: Exchange, info: RequestInfo, resource: Resource, options: HandlerOptions): void {
  const entry = getEntry(options.cluster, resource, info.namespace ?? "", info.name ?? "");
  sendEntry(exchange, 200, resource, entry, options);
}

function readMany(exchange: Exchange, info: RequestInfo, resource: Resource, options: HandlerOptions): void {
  const { query, request, response } = exchange;
  const filter = filterOf(resource, info.namespace, info.name, query);
  const accepted = negotiate(request.headers.accept);
  if (isWatch(exchange)) {
    watch(exchange, resource, filter, accepted, options);
    return;
  }
  const page = listPage(options.cluster, resource, filter, query);
  if (accepted.as === "object" && accepted.format === "json") {
    sendBytes(response, 200, "application/json", listJson(resource, page));
    return;
  }
  const values = page.entries.map((entry) => served(resource, entry));
  const metadata = listMetadata(page);
  if (accepted.as === "Table") {
    sendJson(response, 200, tableOf(resource, values, metadata, includeOf(query), options.now()), accepted);
    return;
  }
  const partial = accepted.as === "PartialObjectMetadata";
  sendJson(
    response,
    200,
    {
      kind: partial ? "PartialObjectMetadataList" : `${resource.kind}List`,
      apiVersion: partial ? "meta.k8s.io/v1" : apiVersionOf(resource),
      metadata,
      items: partial ? values.map(partialMetadata) : values,
    },
    accepted,
  );
}

function watch(
  exchange: Exchange,
  resource: Resource,
  filter: Filter,
  accepted: Accepted,
  options: HandlerOptions,
): void {
  const { response, query } = exchange;
  if (query.get("sendInitialEvents") === "true" && query.get("resourceVersionMatch") !== "NotOlderThan")
    throw badRequest(
      "sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    );
  response.writeHead(200, {
    "content-type": accepted.as === "object" ? "application/json" : accepted.type,
    "cache-control": "no-cache, private",
  });
  response.flushHeaders();
  let first = true;
  const encode = (type: string, entry: Entry): Buffer => {
    if (accepted.as === "object")
      return Buffer.concat([
        Buffer.from(`{"type":"${type}","object":`),
        servedJson(resource, entry),
        Buffer.from("}\n"),
      ]);
    const value = served(resource, entry);
    let shown: JsonObject;
    if (accepted.as === "Table") {
      shown = tableOf(
        resource,
        [value],
        { resourceVersion: text(value, "metadata", "resourceVersion") },
        includeOf(query),
        options.now(),
      );
      // The columns are told once.
      if (!first) shown.columnDefinitions = null;
      first = false;
    } else shown = partialMetadata(value);
    return Buffer.from(`${JSON.stringify({ type, object: shown })}\n`);
  };
  const sink = {
    write: (bytes: Buffer) => response.write(bytes),
    onDrain: (listener: () => void) => {
      response.on("drain", listener);
    },
    end: () => {
      response.end();
    },
  };
  const started = new Watch(options.cluster, resource, filter, sink, {
    query,
    bookmarkInterval: options.bookmarkInterval,
    encode,
  });
  options.watches.add(started);
  response.on("close", () => {
    started.stop();
    options.watches.delete(started);
  });
  started.start();
}

const VALIDATIONS = ["Strict", "Warn", "Ignore"] as const;

function writeRequest(exchange: Exchange, info: RequestInfo, resource: Resource): WriteRequest {
  const { query, request, response } = exchange;
  const validation = query.get("fieldValidation") ?? "";
  const agent = (request.headers["user-agent"] ?? "").split("/")[0] ?? "";
  return {
    resource,
    namespace: resource.namespaced ? (info.namespace ?? "") : "",
    name: info.name,
    subresource: info.subresource === "status" || info.subresource === "finalize" ? info.subresource : "",
    manager: query.get("fieldManager") || (info.name !== null && isApply(request) ? "" : agent.slice(0, 128)),
    validation:
      validation === ""
        ? "Warn"
        : (VALIDATIONS.find((one): one is FieldValidation => one === validation) ?? refuseValidation(validation)),
    dryRun: isDryRun(query),
    force: query.get("force") === "true",
    warn: (message) => warn(response, message),
  };
}

const isApply = (request: IncomingMessage) => mediaType(request) === "application/apply-patch+yaml";

const mediaType = (request: IncomingMessage) => (request.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";

function refuseValidation(value: string): never {
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}

function isDryRun(query: URLSearchParams): boolean {
  const asked = query.getAll("dryRun").filter((one) => one !== "");
  if (asked.some((one) => one !== "All"))
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(asked)}: supported values: "All"`);
  return asked.length > 0;
}

async function write(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  const { request, method } = exchange;
  const described = writeRequest(exchange, info, resource);
  const kind = method === "PATCH" ? patchKind(resource, mediaType(request)) : null;
  const body = parseBody(await readBody(request), request.headers["content-type"] ?? "");
  // From here on nothing waits: two writes never mix.
  let written: Written;
  if (kind !== null && kind !== "apply") written = patch(options.cluster, described, kind, body);
  else {
    if (!isObject(body)) throw badRequest("the request's body is not an object");
    written =
      kind === "apply"
        ? apply(options.cluster, described, body)
        : method === "PUT"
          ? replace(options.cluster, described, body)
          : create(options.cluster, described, body);
  }
  sendEntry(exchange, written.created ? 201 : 200, resource, written.entry, options);
}

async function deleteOptions(exchange: Exchange): Promise<DeleteOptions> {
  const bytes = await readBody(exchange.request);
  const body = bytes.length === 0 ? {} : parseBody(bytes, exchange.request.headers["content-type"] ?? "");
  const preconditions = object(body, "preconditions");
  const dry = isObject(body) && Array.isArray(body.dryRun) && body.dryRun.includes("All");
  return {
    uid: text(preconditions, "uid") || null,
    resourceVersion: text(preconditions, "resourceVersion") || null,
    dryRun: dry || isDryRun(exchange.query),
  };
}

/** These answer with the object itself, others with a Status. */
const RETURNS_OBJECT = ["pods", "services"];

async function removeOne(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  const deletion = await deleteOptions(exchange);
  const entry = getEntry(options.cluster, resource, info.namespace ?? "", info.name ?? "");
  const { entry: last, gone } = remove(options.cluster, resource, entry, deletion);
  if (!gone || (!resource.isCustom && RETURNS_OBJECT.includes(resource.plural))) {
    sendEntry(exchange, 200, resource, last, options);
    return;
  }
  const subject = subjectOf(resource, info.name ?? "");
  const details: JsonObject = { name: subject.name, kind: subject.kind, uid: text(last.object, "metadata", "uid") };
  if (subject.group !== "") details.group = subject.group;
  sendJson(exchange.response, 200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details });
}

async function removeMany(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  if (resource.plural === "namespaces" && resource.group === "") throw methodNotAllowed();
  const deletion = await deleteOptions(exchange);
  const filter = filterOf(resource, info.namespace, null, exchange.query);
  const page = listPage(options.cluster, resource, filter, exchange.query);
  for (const entry of page.entries)
    remove(options.cluster, resource, entry, { ...deletion, uid: null, resourceVersion: null });
  sendBytes(exchange.response, 200, "application/json", listJson(resource, page));
}
