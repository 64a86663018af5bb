import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { bundleClient } from "./bundle.ts";
import { Feed } from "./feed.ts";
import { PAGE } from "./page.ts";
import type { LabView } from "./view.ts";

export interface Dashboard {
  /** Where a browser finds it. */
  readonly url: string;
  close(): Promise<void>;
}

export interface DashboardOptions {
  /** On 127.0.0.1; 0: any that is free. */
  readonly port: number;
  /** Asked once a second while somebody looks. */
  readonly view: () => Promise<LabView>;
}

/** More listeners than this are turned away: each holds a connection. */
const MAX_LISTENERS = 64;

/** A page that only shows. Serves on loopback alone; rejects with the system's error when the port is taken. */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const feed = new Feed(options.view);
  const app = new Hono();
  const server = createServer(getRequestListener(app.fetch));

  app.use(async (context, next) => {
    // A foreign page may make its own name lead here (DNS rebinding): only our own names are answered.
    if (!ownNames(server.address()).has(context.req.header("host") ?? "")) {
      return context.text("This dashboard answers only under its own address.\n", 403);
    }
    if (context.req.method !== "GET" && context.req.method !== "HEAD") return context.text("Only GET.\n", 405);
    await next();
    context.header(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "no-referrer");
    context.header("Cache-Control", "no-store");
  });
  app.get("/", (context) => context.html(PAGE));
  app.get("/client.js", async (context) => {
    const { script } = await bundleClient();
    return context.body(script, 200, { "Content-Type": "text/javascript; charset=utf-8" });
  });
  app.get("/client.css", async (context) => {
    const { style } = await bundleClient();
    return context.body(style, 200, { "Content-Type": "text/css; charset=utf-8" });
  });
  app.get("/api/state", async (context) => context.json(await options.view()));
  app.get("/api/events", (context) => {
    if (feed.listeners >= MAX_LISTENERS) return context.text("Too many pages are open.\n", 503);
    return streamSSE(context, async (stream) => {
      const { promise: over, resolve: end } = Promise.withResolvers<void>();
      const leave = feed.join({ tell: (data) => void stream.writeSSE({ data }).catch(end), end });
      stream.onAbort(end);
      await over;
      leave();
    });
  });

  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(options.port, "127.0.0.1", resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      feed.close();
      const { promise: closed, resolve: gone } = Promise.withResolvers<void>();
      server.close(() => gone());
      server.closeAllConnections();
      await closed;
    },
  };
}

function ownNames(address: AddressInfo | string | null): ReadonlySet<string> {
  if (address === null || typeof address === "string") return new Set();
  return new Set(["127.0.0.1", "localhost"].map((name) => `${name}:${address.port}`));
}
