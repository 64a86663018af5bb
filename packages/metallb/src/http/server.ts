import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { err, ok, type Result } from "#net";
import { type Connections, limitConnections } from "./connections.ts";

/** A listening server. `close` ends open connections too. */
export interface HttpServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Nothing that these servers answer needs a body or large headers. */
export const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  /** How often the two limits are looked at. */
  connectionsCheckingInterval: 1_000,
};

/** Listens (on both families where `host` is empty), or tells in one sentence why not, naming the port and the flag that sets it. */
export function listen(server: Server, host: string, port: number, flag: string): Promise<Result<HttpServer>> {
  const connections = limitConnections(server);
  return new Promise((resolve) => {
    const refuse = (error: NodeJS.ErrnoException) => resolve(err(explain(error, host, port, flag)));
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      // Later errors, such as a lack of file descriptors in accept, must not end the process.
      server.on("error", () => {});
      resolve(ok({ port: (server.address() as AddressInfo).port, close: () => closeServer(server, connections) }));
    });
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number, flag: string): string {
  const where = `${host === "" ? "" : `${host} `}port ${port}`;
  if (error.code === "EADDRINUSE") return `${where} is taken by another process: choose another one with ${flag}`;
  if (error.code === "EACCES") return `${where} needs more rights: choose one above 1023 with ${flag}`;
  if (error.code === "EADDRNOTAVAIL") return `${where} (${flag}): this machine does not have that address`;
  return `${where} (${flag}): ${error.message}`;
}

const closeServer = (server: Server, connections: Connections): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    connections.closeAll();
  });

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Routes by exact path; GET and HEAD only. A handler that fails answers 500 and tells no details. */
export function router(routes: ReadonlyMap<string, Handler>): RequestListener {
  return (request, response) => {
    request.resume();
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    const handler = routes.get(path);
    if (!handler) return send(response, 404, "text/plain; charset=utf-8", "404 page not found\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return send(response, 405, "text/plain; charset=utf-8", "405 method not allowed\n");
    }
    Promise.try(handler, request, response).catch(() => {
      if (!response.headersSent) send(response, 500, "text/plain; charset=utf-8", "500 internal error\n");
      else response.destroy();
    });
  };
}

export function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(body);
}
