import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { createLogger } from "#process";
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

const registry = new Registry();
registry.registerMetric(new (await import("prom-client")).Gauge({ name: "one", help: "one", registers: [] }));

const reviews = (calls: string[] = []): Reviews => ({
  authenticate: async (token) => {
    calls.push(token);
    if (token === "down") throw new Error("API down");
    return token === "bad" ? null : { username: token, groups: [], uid: "", extra: {} };
  },
  mayGet: async (user) => user.username === "good",
});

function scrape(port: number, token?: string): Promise<{ status: number; body: string; cert: string }> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const call = request({
      host: "127.0.0.1",
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
    registry,
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

  it("serves the certificate of the folder, and the new one after a change", { timeout: 20_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "metrics-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const write = async () => {
      const pair = await selfSignedKeyPair();
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
