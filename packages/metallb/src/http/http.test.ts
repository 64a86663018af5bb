import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { request } from "node:https";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gauge, Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { createLogger } from "#process";
import { limitConnections } from "./connections.ts";
import {
  createGuard,
  type HttpServer,
  type Reviews,
  selfSignedKeyPair,
  startHealthServer,
  startMetricsServer,
} from "./index.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function opened(server: { ok: true; value: HttpServer } | { ok: false; error: string }): HttpServer {
  if (!server.ok) throw new Error(server.error);
  closers.push(server.value.close);
  return server.value;
}

const health = (port: number, ready = () => true) =>
  startHealthServer({ host: "127.0.0.1", port, ready, routes: { "/state": () => ({ pools: [] }) } });

describe("the health server", () => {
  it("answers health, readiness and state", async () => {
    let ready = false;
    const { port } = opened(await health(0, () => ready));
    const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    expect((await get("/healthz")).status).toBe(200);
    expect((await get("/readyz?verbose")).status).toBe(503);
    ready = true;
    expect((await get("/readyz")).status).toBe(200);
    expect(await (await get("/state")).json()).toEqual({ pools: [] });
    expect((await get("/other")).status).toBe(404);
    expect((await get("/healthz", { method: "POST", body: "x" })).status).toBe(405);
    expect((await get("/healthz", { headers: { x: "y".repeat(20_000) } })).status).toBe(431);
  });

  it("names the port and the flag when the port is taken", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    closers.push(() => new Promise((resolve) => blocker.close(resolve)));
    const { port } = blocker.address() as { port: number };
    const refused = await health(port);
    expect(!refused.ok && refused.error).toContain(`port ${port} is taken`);
    expect(!refused.ok && refused.error).toContain("--health-probe-port");
  });
});

/** Connections that say nothing. */
async function idle(port: number, count: number, localAddress = "127.0.0.1"): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect({ host: "127.0.0.1", port, localAddress }));
  for (const socket of sockets) {
    socket.resume().on("error", () => {});
    closers.push(() => socket.destroy());
  }
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  return sockets;
}

describe("probes", () => {
  it("are answered whatever else connects, from there or elsewhere", async () => {
    const { port } = opened(await health(0));
    for (let i = 2; i < 12; i++) await idle(port, 40, `127.0.0.${i}`);
    const own = await idle(port, 300);
    for (let i = 0; i < 20; i++)
      expect((await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: "close" } })).status).toBe(200);
    // The others made room.
    await expect.poll(() => own.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(32);
  });

  it("do not cost the connection of a request that is under way", async () => {
    const waiting = Promise.withResolvers<void>();
    const server = createHttpServer((_, response) => void waiting.promise.then(() => response.end("late")));
    limitConnections(server, { total: 3, perSource: 2 });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const asked = new Promise((resolve) => server.once("request", resolve));
    const answer = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    await asked;
    await idle(port, 5);
    waiting.resolve();
    expect(await (await answer).text()).toBe("late");
  });
});

function registry(): Registry {
  const made = new Registry();
  made.registerMetric(new Gauge({ name: "one", help: "one", registers: [] }));
  return made;
}

const reviews = (calls: string[] = []): Reviews => ({
  authenticate: async (token) => {
    calls.push(token);
    if (token === "down") throw new Error("API down");
    return token === "bad" ? null : { username: token, groups: [], uid: "", extra: {} };
  },
  mayGet: async (user) => user.username === "good",
});

function scrape(
  port: number,
  token?: string,
  host = "127.0.0.1",
): Promise<{ status: number; body: string; cert: string }> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const call = request({
      host,
      port,
      path: "/metrics",
      headers,
      rejectUnauthorized: false,
      agent: false,
    });
    call.on("error", reject).on("response", (response) => {
      const cert = (response.socket as import("node:tls").TLSSocket).getPeerCertificate().fingerprint256;
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, cert }));
    });
    call.end();
  });
}

const metrics = (certFolder: string, calls?: string[]) =>
  startMetricsServer({
    host: "127.0.0.1",
    port: 0,
    certFolder,
    registry: registry(),
    guard: createGuard(reviews(calls)),
    log: createLogger("none"),
  });

describe("the metrics server", () => {
  it("shows metrics to those whom the API allows, over TLS with a certificate of its own", async () => {
    const calls: string[] = [];
    const { port } = opened(await metrics("", calls));
    expect((await scrape(port)).status).toBe(401);
    expect((await scrape(port, "bad")).status).toBe(401);
    expect((await scrape(port, "weak")).status).toBe(403);
    expect((await scrape(port, "down")).status).toBe(500);
    const good = await scrape(port, "good");
    expect([good.status, good.body]).toEqual([200, expect.stringContaining("one 0")]);
    await scrape(port, "good");
    expect(calls.filter((token) => token === "good")).toHaveLength(1);
    await scrape(port, "down");
    expect(calls.filter((token) => token === "down")).toHaveLength(2);
  });

  it("asks the API no more than now and then, whatever tokens are made up", async () => {
    const calls: string[] = [];
    const { port } = opened(await metrics("", calls));
    const statuses = [];
    for (let i = 0; i < 30; i++) statuses.push((await scrape(port, `made-up-${i}`)).status);
    expect([calls.length <= 11, statuses.at(0), statuses.at(-1)]).toEqual([true, 403, 429]);
  });

  it("listens on both families", async () => {
    const server = opened(
      await startMetricsServer({
        host: "",
        port: 0,
        certFolder: "",
        registry: registry(),
        guard: createGuard(reviews()),
        log: createLogger("none"),
      }),
    );
    expect((await scrape(server.port, "good", "127.0.0.1")).status).toBe(200);
    expect((await scrape(server.port, "good", "::1")).status).toBe(200);
  });

  it("serves the certificate of the folder, and the new one after a change", { timeout: 20_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "metrics-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const write = async () => {
      const pair = selfSignedKeyPair();
      writeFileSync(join(folder, "tls.key"), pair.key);
      writeFileSync(join(folder, "tls.crt"), pair.cert);
    };
    await write();
    const { port } = opened(await metrics(folder));
    const before = await scrape(port, "good");
    await write();
    await expect
      .poll(async () => (await scrape(port, "good")).cert, { timeout: 15_000, interval: 500 })
      .not.toBe(before.cert);
  });

  it("says what is wrong with the folder", async () => {
    const missing = await metrics("/nonexistent");
    expect(!missing.ok && missing.error).toContain("--metrics-cert-dir");
    const folder = mkdtempSync(join(tmpdir(), "metrics-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    execFileSync("sh", ["-c", `echo x > ${folder}/tls.crt; echo y > ${folder}/tls.key`]);
    const bad = await metrics(folder);
    expect(!bad.ok && bad.error).toContain("cannot be used");
  });
});
