import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ApiError, createClient, loadCluster } from "#kube";
import { PAIRS } from "./testing.ts";

let folder: string;
const undo: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  undo.push(() => rmSync(folder, { recursive: true }));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const step of undo.splice(0).reverse()) await step();
});

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
}

function write({ cluster, user, context }: Parts, name = "config"): string {
  const file = join(folder, name);
  const config = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "k", user: "u", ...context } }],
    clusters: [{ name: "k", cluster: { server: "https://127.0.0.1:1", ...cluster } }],
    users: [{ name: "u", user: user ?? {} }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

function refusal(parts: Parts): string {
  const loaded = loadCluster({ kubeconfig: write(parts), env: {} });
  return loaded.ok ? "accepted" : loaded.error;
}

it("takes the context that is named, in place of the current one", () => {
  const kubeconfig = write({});
  const named = (context: string) => loadCluster({ kubeconfig, context, env: {} });
  expect(named("c").ok).toBe(true);
  const other = named("other");
  expect(other.ok ? "" : other.error).toContain('context "other" is not among contexts');
});

/** A server that keeps the headers of each request, and answers with the status. */
async function serve(options: { pair?: (typeof PAIRS)[number]; ca?: string; status?: number } = {}) {
  const seen: IncomingHttpHeaders[] = [];
  const certificates: string[] = [];
  const state = { status: options.status ?? 200 };
  const listener = (request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => {
    seen.push(request.headers);
    const peer = (request.socket as import("node:tls").TLSSocket).getPeerCertificate?.();
    if (peer?.subject) certificates.push(String(peer.subject.CN));
    response.writeHead(state.status, { connection: "close" }).end("{}");
  };
  const { pair, ca } = options;
  const server: Server = pair
    ? (createSecureServer(
        { cert: pair.cert, key: pair.key, ...(ca ? { ca, requestCert: true, rejectUnauthorized: false } : {}) },
        listener,
      ) as unknown as Server)
    : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return { url: `${pair ? "https" : "http"}://127.0.0.1:${port}`, port, seen, certificates, state, server };
}

function open(kubeconfig: string, env: Record<string, string> = {}) {
  const cluster = loadCluster({ kubeconfig, env });
  if (!cluster.ok) throw new Error(cluster.error);
  const client = createClient(cluster.value, { userAgent: "test" });
  undo.push(() => client.close());
  return client;
}

describe("a kubeconfig is refused by name", () => {
  it.each<[string, Parts, string]>([
    ["a context without cluster", { context: { cluster: "x" } }, 'cluster "x" is not among clusters'],
    ["an unknown user", { context: { user: "x" } }, 'user "x" is not among users'],
    ["no URL", { cluster: { server: "here" } }, "clusters[k].cluster.server is not a URL"],
    [
      "a CA that is none",
      { cluster: { "certificate-authority-data": Buffer.from("hello").toString("base64") } },
      "certificate-authority-data: there is no certificate in it",
    ],
    ["a CA that is not there", { cluster: { "certificate-authority": "ca.crt" } }, "certificate-authority "],
    [
      "insecure with a CA",
      {
        cluster: {
          "insecure-skip-tls-verify": true,
          "certificate-authority-data": Buffer.from(PAIRS[0].cert).toString("base64"),
        },
      },
      "exclude each other",
    ],
    [
      "a certificate without key",
      { user: { "client-certificate-data": Buffer.from(PAIRS[0].cert).toString("base64") } },
      "without a client-key",
    ],
    [
      "the key of another",
      {
        user: {
          "client-certificate-data": Buffer.from(PAIRS[0].cert).toString("base64"),
          "client-key-data": Buffer.from(PAIRS[1].key).toString("base64"),
        },
      },
      "cannot be used together",
    ],
    [
      "another proxy",
      { cluster: { "proxy-url": "socks4://x:1" } },
      'only http, https and socks5 proxies are supported, not "socks4"',
    ],
    ["auth-provider", { user: { "auth-provider": { name: "gcp" } } }, "auth-provider is no longer supported"],
    ["a token and a password", { user: { token: "t", username: "u", password: "p" } }, "only one may be given"],
    ["groups without a user", { user: { "as-groups": ["g"] } }, "need users[].user.as"],
    ["a token file that is not there", { user: { tokenFile: "/nonexistent/token" } }, "tokenFile /nonexistent/token"],
    ["exec without version", { user: { exec: { command: "x" } } }, "exec.apiVersion must be"],
    [
      "exec.env as a map",
      { user: { exec: { command: "x", apiVersion: "client.authentication.k8s.io/v1", env: { A: "b" } } } },
      "exec.env must be a list of pairs",
    ],
    [
      "exec that needs a terminal",
      { user: { exec: { command: "x", apiVersion: "client.authentication.k8s.io/v1", interactiveMode: "Always" } } },
      "there is no terminal",
    ],
  ])("%s", (_, parts, words) => {
    expect(refusal(parts)).toContain(words);
    expect(refusal(parts)).toContain(join(folder, "config"));
  });
});

describe("a kubeconfig is honoured", () => {
  it("says on whose behalf it asks, and gives a password", async () => {
    const { url, seen } = await serve();
    const user = {
      username: "user",
      password: "pass",
      as: "jane",
      "as-uid": "7",
      "as-groups": ["a", "b"],
      "as-user-extra": { Scope: ["x"] },
    };
    await open(write({ cluster: { server: url }, user })).request("GET", "/");
    expect(seen[0]).toMatchObject({
      authorization: `Basic ${Buffer.from("user:pass").toString("base64")}`,
      "impersonate-user": "jane",
      "impersonate-uid": "7",
      "impersonate-group": "a, b",
      "impersonate-extra-scope": "x",
    });
  });

  it("merges several files: the first that says something counts", async () => {
    const { url, seen } = await serve();
    const first = join(folder, "first");
    writeFileSync(first, JSON.stringify({ users: [{ name: "u", user: { token: "first" } }] }));
    const second = write({ cluster: { server: url }, user: { token: "second" } });
    const cluster = loadCluster({ env: { KUBECONFIG: `${join(folder, "missing")}:${first}:${second}` } });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "test" });
    await client.request("GET", "/");
    client.close();
    expect(seen[0]?.authorization).toBe("Bearer first");
  });

  it("reads an absolute tokenFile, and again after a 401", async () => {
    const { url, seen, state } = await serve();
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "one\n");
    const client = open(write({ cluster: { server: url }, user: { tokenFile } }));
    await client.request("GET", "/");
    writeFileSync(tokenFile, "second\n");
    state.status = 401;
    await expect(client.request("GET", "/")).rejects.toMatchObject({ status: 401 });
    state.status = 200;
    await client.request("GET", "/");
    expect(seen.map(({ authorization }) => authorization)).toEqual(["Bearer one", "Bearer one", "Bearer second"]);
  });

  it("trusts a new CA as soon as the old one does not do, and takes up a new certificate of its own after a 401", async () => {
    const [first, second] = [
      await serve({ pair: PAIRS[0], ca: PAIRS[0].cert }),
      await serve({ pair: PAIRS[1], ca: PAIRS[0].cert }),
    ];
    const put = (name: string, content: string) => writeFileSync(join(folder, name), content);
    put("ca.crt", PAIRS[0].cert);
    for (const part of ["cert", "key"] as const) put(`client.${part}`, PAIRS[0][part]);
    const client = open(
      write({
        cluster: { server: first.url, "certificate-authority": "ca.crt" },
        user: { "client-certificate": "client.cert", "client-key": "client.key" },
      }),
    );
    await client.request("GET", "/");
    first.server.closeAllConnections();
    await new Promise((resolve) => first.server.close(resolve));
    await new Promise<void>((resolve) => second.server.close(() => resolve()));
    await new Promise<void>((resolve) => second.server.listen(first.port, "127.0.0.1", resolve));
    put("ca.crt", `${PAIRS[1].cert}\n`);
    await expect(client.request("GET", "/")).rejects.toMatchObject({ reason: "Unreachable" });
    await client.request("GET", "/");
    for (const part of ["cert", "key"] as const) put(`client.${part}`, `${PAIRS[1][part]}\n`);
    second.state.status = 401;
    await expect(client.request("GET", "/")).rejects.toMatchObject({ status: 401 });
    second.state.status = 200;
    await client.request("GET", "/");
    expect(second.certificates).toEqual(["test 1", "test 1", "test 2"]);
  });

  it("looks at its files once a minute anyway", async () => {
    const { url, seen } = await serve();
    writeFileSync(join(folder, "token"), "one");
    const client = open(write({ cluster: { server: url }, user: { tokenFile: "token" } }));
    await client.request("GET", "/");
    writeFileSync(join(folder, "token"), "second");
    const now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now + 61_000);
    await client.request("GET", "/");
    expect(seen.map(({ authorization }) => authorization)).toEqual(["Bearer one", "Bearer second"]);
  });

  it("goes through the proxy that it names", async () => {
    const { url, seen, port } = await serve({ pair: PAIRS[0] });
    const asked: string[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      asked.push(request.url ?? "");
      const through = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        through.pipe(socket).pipe(through);
      });
      for (const end of [through, socket]) end.on("error", () => {});
      undo.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    undo.push(() => new Promise((resolve) => proxy.close(resolve)));
    const cluster = {
      server: url,
      "certificate-authority-data": Buffer.from(PAIRS[0].cert).toString("base64"),
      "proxy-url": `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    };
    await open(write({ cluster, user: { token: "t" } })).request("GET", "/");
    expect([asked, seen[0]?.authorization]).toEqual([[`127.0.0.1:${port}`], "Bearer t"]);
  });
});

describe("a credential plugin", () => {
  const program = (body: string): string => {
    mkdirSync(join(folder, "bin"), { recursive: true });
    const file = join(folder, "bin/plugin");
    writeFileSync(file, `#!${execPath}\n${body}`, { mode: 0o755 });
    return "bin/plugin";
  };
  const exec = (body: string, more: object = {}) => ({
    exec: { command: program(body), apiVersion: "client.authentication.k8s.io/v1", ...more },
  });
  const answer = (status: string) =>
    `console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: ${status} }));`;

  it("is found beside the kubeconfig, gets its variables, and is run again after a 401", async () => {
    const { url, seen, state } = await serve();
    const body = `const fs = require("node:fs");
      fs.appendFileSync(process.env.COUNT, "x");
      const { spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      ${answer("{ token: fs.readFileSync(process.env.COUNT, 'utf8') + spec.cluster.server + spec.interactive }")}`;
    const env = [{ name: "COUNT", value: join(folder, "count") }];
    const client = open(write({ cluster: { server: url }, user: exec(body, { env, provideClusterInfo: true }) }));
    await Promise.all([client.request("GET", "/"), client.request("GET", "/")]);
    state.status = 401;
    const now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now + 10_000);
    await client.request("GET", "/").catch(() => {});
    state.status = 200;
    await client.request("GET", "/");
    const tokens = seen.map(({ authorization }) => authorization);
    expect(tokens).toEqual(["x", "x", "x", "xx"].map((count) => `Bearer ${count}${url}false`));
  });

  it("may give a certificate", async () => {
    const { url, certificates } = await serve({ pair: PAIRS[0], ca: PAIRS[1].cert });
    const status = JSON.stringify({ clientCertificateData: PAIRS[1].cert, clientKeyData: PAIRS[1].key });
    const cluster = { server: url, "certificate-authority-data": Buffer.from(PAIRS[0].cert).toString("base64") };
    await open(write({ cluster, user: exec(answer(status)) })).request("GET", "/");
    expect(certificates).toEqual(["test 2"]);
  });

  it.each([
    ["fails", 'console.error("secret"); process.exit(3)', "failed: 3 (install it)"],
    ["gives no JSON", 'console.log("secret")', "did not answer with JSON"],
    ["gives nothing", answer("{}"), "gave neither a token nor a certificate"],
  ])("that %s is an error in words, without what it said", async (_, body, words) => {
    const { url } = await serve();
    const client = open(write({ cluster: { server: url }, user: exec(body, { installHint: "install it" }) }));
    const error = await client.request("GET", "/").catch((reason: ApiError) => reason);
    expect((error as ApiError).message).toContain(words);
    expect((error as ApiError).message).not.toContain("secret");
  });
});
