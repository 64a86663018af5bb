import { createServer } from "node:http";
import type { Result } from "#net";
import { type Handler, type HttpServer, LIMITS, listen, router, send } from "./server.ts";

export interface HealthOptions {
  /** Address to bind; empty: all interfaces. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly ready: () => boolean;
  /** Further GET routes, path → JSON value. They answer callers on this machine only. */
  readonly routes: Readonly<Record<string, () => unknown>>;
}

/** Plain HTTP: /healthz says that the process runs, /readyz that it has read what it decides from. */
export function startHealthServer(options: HealthOptions): Promise<Result<HttpServer>> {
  const routes = new Map<string, Handler>([
    ["/healthz", (_, response) => send(response, 200, "text/plain; charset=utf-8", "ok")],
    [
      "/readyz",
      (_, response) =>
        options.ready()
          ? send(response, 200, "text/plain; charset=utf-8", "ok")
          : send(response, 503, "text/plain; charset=utf-8", "not ready: the cluster's state is still being read"),
    ],
  ]);
  for (const [path, value] of Object.entries(options.routes)) {
    routes.set(path, (request, response) => {
      if (!isLoopback(request.socket.remoteAddress))
        return send(response, 403, "text/plain; charset=utf-8", "only from this machine\n");
      send(response, 200, "application/json", `${JSON.stringify(value())}\n`);
    });
  }
  return listen(createServer(LIMITS, router(routes)), options.host, options.port, "--health-probe-port");
}

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
