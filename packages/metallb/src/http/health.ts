import { createServer, type ServerResponse } from "node:http";
import type { Result } from "#net";
import { type Handler, type HttpServer, LIMITS, listen, router, send } from "./server.ts";

export interface HealthOptions {
  /** Address to bind; empty: all interfaces. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly ready: () => boolean;
  /** What is waited for while it is not ready: one reason a line. Kubelet shows it in the event of a failed probe. */
  readonly why?: () => readonly string[];
  /** Further GET routes, path → JSON value. They answer callers on this machine only. */
  readonly routes: Readonly<Record<string, () => unknown>>;
  /** The same for what takes a moment and comes as text that is JSON already. */
  readonly texts?: Readonly<Record<string, () => Promise<string>>>;
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
          : send(response, 503, "text/plain; charset=utf-8", notReady(options.why?.() ?? [])),
    ],
  ]);
  const local = (path: string, answer: (response: ServerResponse) => unknown): void => {
    routes.set(path, (request, response) => {
      if (!isLoopback(request.socket.remoteAddress))
        return send(response, 403, "text/plain; charset=utf-8", "only from this machine\n");
      answer(response);
    });
  };
  for (const [path, value] of Object.entries(options.routes))
    local(path, (response) => send(response, 200, "application/json", `${JSON.stringify(value())}\n`));
  for (const [path, text] of Object.entries(options.texts ?? {}))
    local(path, (response) =>
      text().then(
        (answer) => send(response, 200, "application/json", answer),
        () => send(response, 500, "text/plain; charset=utf-8", "it cannot be told now\n"),
      ),
    );
  return listen(createServer(LIMITS, router(routes)), options.host, options.port, "--health-probe-port");
}

const MAX_REASONS = 20;

/** Kubelet asks for no longer text than some kilobytes; each reason is one line. */
const notReady = (reasons: readonly string[]): string =>
  ["not ready: the cluster's state is still being read", ...new Set(reasons.slice(0, MAX_REASONS))]
    .map((line) => line.slice(0, 1_000))
    .join("\n");

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
