import type { IncomingMessage } from "node:http";
import { methodNotAllowed, unauthorized, unknownPath } from "../base/errors.ts";
import type { Resource } from "../kinds/resource.ts";
import { type Exchange, type HandlerOptions, isWatch } from "./exchange.ts";
import { readMany, readOne } from "./read.ts";
import type { RequestInfo } from "./request-info.ts";
import { sendBytes, warn } from "./respond.ts";
import { sameToken } from "./reviews.ts";
import { removeMany, removeOne, write } from "./write.ts";

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
