import type { IncomingMessage, Server } from "node:http";
import { createSecureServer as createHttp2Server } from "node:http2";
import { createServer } from "node:https";
import { err, ok, type Result } from "#net";
import type { Logger } from "#process";
import { admit, type Judge } from "./admission.ts";
import { type Convert, convertReview } from "./conversion.ts";
import type { KeyPair } from "./key-pair.ts";
import { type HttpServer, LIMITS, listen, send } from "./server.ts";
import { type TlsSettings, tlsOptions } from "./tls-settings.ts";
import type { WebhookFigures } from "./webhook-figures.ts";

export interface WebhookOptions {
  /** Address to bind; empty: all interfaces. */
  readonly host: string;
  readonly port: number;
  readonly certificate: KeyPair;
  readonly tls?: TlsSettings;
  /** Offers HTTP/2 too. */
  readonly http2?: boolean;
  /** Path → who judges the objects that are sent there. */
  readonly judges: Readonly<Record<string, Judge>>;
  /** Who converts at /convert. */
  readonly convert: Convert;
  /** Told of each request at a path that is known. */
  readonly figures?: WebhookFigures;
  readonly log: Logger;
}

export interface WebhookServer extends HttpServer {
  /** Serves this certificate from now on, without a restart. */
  renew(certificate: KeyPair): void;
}

/** Two objects of etcd's largest size, and what is around them. */
const MAX_BODY = 8 * 1024 * 1024;

/** HTTPS for the API server: admission at the paths of `judges`, conversion at /convert. */
export async function startWebhookServer(options: WebhookOptions): Promise<Result<WebhookServer>> {
  const tls = tlsOptions(options.tls);
  const answer = async (path: string, body: unknown): Promise<unknown> => {
    const judge = Object.hasOwn(options.judges, path) ? options.judges[path] : undefined;
    return judge ? admit(body, judge) : convertReview(body, options.convert);
  };
  const isKnown = (path: string): boolean => path === "/convert" || Object.hasOwn(options.judges, path);
  const handle: import("node:http").RequestListener = (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    const refuse = (status: number, words: string) => {
      response.setHeader("connection", "close");
      send(response, status, "text/plain; charset=utf-8", `${words}\n`);
    };
    if (!isKnown(path)) return refuse(404, "404 page not found");
    const end = options.figures?.begin(path);
    if (end) response.once("close", () => end(response.statusCode));
    if (request.method !== "POST") return refuse(405, "405 method not allowed");
    Promise.try(async () => {
      const body = await readJson(request);
      if (!body.ok) return refuse(body.error === "too long" ? 413 : 400, `the body is ${body.error}`);
      const review = await answer(path, body.value);
      if (review === null) return refuse(400, "the body is no review that is known here");
      send(response, 200, "application/json", JSON.stringify(review));
    }).catch((error: unknown) => {
      options.log.error("a webhook request failed", {
        op: "webhook",
        error: error instanceof Error ? error.message : String(error),
      });
      if (!response.headersSent) refuse(500, "500 internal error");
      else response.destroy();
    });
  };
  const settings = { ...LIMITS, handshakeTimeout: LIMITS.headersTimeout, ...options.certificate, ...tls };
  let server: ReturnType<typeof createServer>;
  try {
    server = options.http2
      ? // It speaks HTTP/1.1 too, with the same requests and responses.
        (createHttp2Server({ ...settings, allowHTTP1: true }, handle as never) as unknown as typeof server)
      : createServer(settings, handle);
  } catch (error) {
    return err(`the webhook's certificate cannot be used: ${(error as Error).message}`);
  }
  const listening = await listen(server as unknown as Server, options.host, options.port, "the webhook's port");
  if (!listening.ok) return listening;
  return ok({
    port: listening.value.port,
    close: () => listening.value.close(),
    renew: (certificate) => {
      try {
        server.setSecureContext({ ...certificate, ...tls });
        options.log.info("webhook certificate renewed", { op: "webhook" });
      } catch (error) {
        options.log.warn("the new webhook certificate cannot be used; the old one stays", {
          op: "webhook",
          error: (error as Error).message,
        });
      }
    },
  });
}

async function readJson(request: IncomingMessage): Promise<Result<unknown>> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_BODY) return err("too long");
    pieces.push(piece);
  }
  try {
    return ok(JSON.parse(Buffer.concat(pieces).toString("utf8")));
  } catch {
    return err("not JSON");
  }
}
