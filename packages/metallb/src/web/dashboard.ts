import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { View } from "#view";
import { bundleClient } from "./bundle.ts";
import { Feed, type Told } from "./feed.ts";
import { PAGE } from "./page.ts";

export interface Dashboard {
  /** Where a browser finds it. */
  readonly url: string;
  close(): Promise<void>;
}

export interface DashboardOptions {
  /** On 127.0.0.1; 0: any that is free. */
  readonly port: number;
  /** Asked once a second while somebody looks. */
  readonly view: () => Promise<View>;
  /** What the address must hold for an answer; null: whoever can reach the port may look. */
  readonly key?: string | null;
}

/** More listeners than this are turned away: each holds a connection. */
const MAX_LISTENERS = 64;
/** Connections in all; beyond it the one that has asked nothing for longest is dropped. */
const MAX_CONNECTIONS = 256;

/** Nothing that is asked here needs a body or large headers. */
const LIMITS = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 5_000 };

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

const HTML = "text/html; charset=utf-8";
const TEXT = "text/plain; charset=utf-8";

/** A page that only shows. Serves on loopback alone; rejects with the system's error when the port is taken. */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const feed = new Feed(options.view);
  const server = createServer(LIMITS, (request, response) => {
    request.resume();
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, 503, TEXT, `${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  dropIdle(server, MAX_CONNECTIONS);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A foreign page may make its own name lead here (DNS rebinding): only our own names are answered.
    if (!ownNames(server.address()).has(request.headers.host ?? "")) {
      return send(response, 403, TEXT, "This dashboard answers only under its own address.\n");
    }
    if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, TEXT, "Only GET.\n");
    if (options.key && !hasKey(request, options.key)) {
      return send(response, 403, TEXT, "Open the address that 'metallb dashboard' printed, with its key.\n");
    }
    // The browser keeps the key for the page's own requests, out of the reach of scripts and of other sites.
    if (options.key) response.setHeader("set-cookie", `${COOKIE}=${options.key}; HttpOnly; SameSite=Strict; Path=/`);
    switch ((request.url ?? "/").split("?", 1)[0]) {
      case "/":
        return send(response, 200, HTML, PAGE);
      case "/client.js":
        return send(response, 200, "text/javascript; charset=utf-8", (await bundleClient()).script);
      case "/client.css":
        return send(response, 200, "text/css; charset=utf-8", (await bundleClient()).style);
      case "/api/state":
        return send(response, 200, "application/json", JSON.stringify(await options.view()));
      case "/api/events":
        return listen(request, response);
      default:
        return send(response, 404, TEXT, "There is no such page.\n");
    }
  }

  function listen(request: IncomingMessage, response: ServerResponse): void {
    if (feed.listeners >= MAX_LISTENERS) {
      response.setHeader("retry-after", "5");
      return send(response, 503, TEXT, "Too many pages are open: close one.\n");
    }
    response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream; charset=utf-8" });
    // HEAD asks what a GET would answer; it listens to nothing.
    if (request.method === "HEAD") return void response.end();
    response.flushHeaders();
    follow(feed, response);
  }

  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(options.port, "127.0.0.1", () => {
    server.off("error", reject);
    server.on("error", () => {});
    resolve();
  });
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${options.key ? `/?key=${options.key}` : ""}`,
    async close() {
      feed.close();
      const { promise: closed, resolve: gone } = Promise.withResolvers<void>();
      server.close(() => gone());
      server.closeAllConnections();
      await closed;
    },
  };
}

const COOKIE = "metallb-dashboard";

/** Others on this machine can reach the port, and must not look with the operator's rights. */
function hasKey(request: IncomingMessage, key: string): boolean {
  const cookies = (request.headers.cookie ?? "").split(/; */);
  const asked = URL.parse(request.url ?? "/", "http://page")?.searchParams.get("key") ?? "";
  return cookies.some((cookie) => same(cookie, `${COOKIE}=${key}`)) || same(asked, key);
}

/** Takes as long whatever differs. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Tells one page what is new. A page that does not read gets everything once it does, not all that it missed. */
function follow(feed: Feed, response: ServerResponse): void {
  let full = false;
  let missed = false;
  const write = ({ kind, data }: Told) => {
    full = !response.write(`event: ${kind}\ndata: ${data}\n\n`);
  };
  response.on("drain", () => {
    full = false;
    const whole = missed ? feed.whole() : null;
    missed = false;
    if (whole !== null) write(whole);
  });
  const leave = feed.join({
    tell: (told) => {
      if (full) missed = true;
      else write(told);
    },
    end: () => response.end(),
  });
  response.on("close", leave);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...HEADERS, "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** Connections that ask nothing must not keep a page out: of too many, the oldest without a request goes. */
function dropIdle(server: Server, most: number): void {
  const idle = new Set<Socket>();
  let open = 0;
  server.on("connection", (socket) => {
    open++;
    idle.add(socket);
    socket.on("close", () => {
      open--;
      idle.delete(socket);
    });
    if (open <= most) return;
    for (const oldest of idle) {
      oldest.destroy();
      break;
    }
  });
  server.on("request", ({ socket }, response) => {
    idle.delete(socket);
    response.on("close", () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
}

function ownNames(address: AddressInfo | string | null): ReadonlySet<string> {
  if (address === null || typeof address === "string") return new Set();
  return new Set(["127.0.0.1", "localhost"].map((name) => `${name}:${address.port}`));
}
