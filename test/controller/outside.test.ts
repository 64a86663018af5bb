import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, projectFile } from "../support/programs.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** An API that answers by `answer`, and how to reach it. */
async function api(answer: RequestListener): Promise<{ kubeconfig: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const folder = await mkdtemp(join(tmpdir(), "metallb-outside-"));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, "kubeconfig");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
    clusters: [{ name: "k", cluster: { server: url } }],
    users: [{ name: "u", user: { token: "wrong" } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return { kubeconfig, asked: () => asked };
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify({ kind: "Status", status: "Failure", reason, message: reason, code }));
}

/** An API that knows nobody. */
const strangersApi = () => api((_, response) => refuse(response, 401, "Unauthorized"));

/** An API without any object but a Deployment of two, and without the right to Leases: upstream's, scaled up. */
const leaselessApi = () =>
  api(({ url = "" }, response) => {
    if (url.includes("/leases")) return refuse(response, 403, "Forbidden");
    if (url.includes("/secrets/")) return refuse(response, 404, "NotFound");
    if (url.includes("watch=true")) return response.writeHead(200).flushHeaders();
    const deployment = { kind: "Deployment", spec: { replicas: 2 }, status: { replicas: 2 } };
    const nothing = { kind: "List", metadata: { resourceVersion: "1" }, items: [] };
    response.end(JSON.stringify(url.includes("/deployments/controller") ? deployment : nothing));
  });

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The process, with its lines going where `redirect` of a shell says. */
function start(
  kind: "controller" | "speaker",
  kubeconfig: string,
  health: number,
  redirect = "",
  more: readonly string[] = [],
) {
  const flags = ["--namespace=metallb-system", "--port=0", `--health-probe-port=${health}`, ...more];
  if (kind === "controller") flags.push("--webhook-mode=disabled");
  const child = spawn(
    "sh",
    ["-c", `exec "$@" ${redirect}`, "sh", projectFile(`packages/metallb/bin/${kind}`), ...flags],
    {
      env: { ...process.env, KUBECONFIG: kubeconfig, METALLB_NODE_NAME: "node-1" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => {
      output += part;
    });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  undo.push(() => {
    child.kill("SIGKILL");
    return ended;
  });
  return { child, ended, output: () => output };
}

/** Readiness, once it speaks of `what`. */
const readiness = (port: number, what: string) =>
  eventually(
    () => get(port, "/readyz"),
    ({ text }) => text.includes(what),
    { what: `readiness does not speak of ${what}` },
  );

const get = async (port: number, path: string) => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  return { status: answer.status, text: await answer.text() };
};

describe.each(["controller", "speaker"] as const)("a %s whose token is wrong", (kind) => {
  it("lives, is not ready, and names what it may not do, in readiness and log", async () => {
    const [{ kubeconfig, asked }, port] = [await strangersApi(), await freePort()];
    const program = start(kind, kubeconfig, port);
    const ready = await readiness(port, "ipaddresspools");
    expect(ready.status).toBe(503);
    expect(ready.text).toContain(
      "does not accept the credentials, to list ipaddresspools.metallb.io in namespace metallb-system",
    );
    expect((await get(port, "/healthz")).status).toBe(200);
    expect(program.output()).toContain("does not accept the credentials");
    // It does not hammer the API that refuses it.
    expect(asked()).toBeLessThan(200);
    program.child.kill("SIGTERM");
    expect(await program.ended).toBe(0);
  });

  it("serves profiles where it is asked to", async () => {
    const [{ kubeconfig }, port, profiles] = [await strangersApi(), await freePort(), await freePort()];
    const program = start(kind, kubeconfig, port, "", [`--pprof-bind-address=:${profiles}`]);
    const profile = await eventually(
      () => get(profiles, "/debug/pprof/profile?seconds=1"),
      ({ status }) => status === 200,
      { what: "there is no profile" },
    );
    expect(JSON.parse(profile.text)).toHaveProperty("nodes");
    program.child.kill("SIGTERM");
    expect(await program.ended).toBe(0);
    const wrong = start(kind, kubeconfig, port, "", ["--pprof-bind-address=6060"]);
    expect(await wrong.ended).toBe(1);
    expect(wrong.output()).toContain('--pprof-bind-address: \\"6060\\" is no host:port');
  });

  it("lives where no line can be written", async () => {
    const [{ kubeconfig, asked }, port] = [await strangersApi(), await freePort()];
    const program = start(kind, kubeconfig, port, ">/dev/full");
    await eventually(asked, (count) => count > 10, { what: "it does not work" });
    expect((await get(port, "/healthz")).status).toBe(200);
    program.child.kill("SIGTERM");
    expect(await program.ended).toBe(0);
  });
});

it("a controller of two that may not hold Leases does not lead, and names the right in readiness and log", async () => {
  const [{ kubeconfig }, port] = [await leaselessApi(), await freePort()];
  const program = start("controller", kubeconfig, port, "", ["--deployment=controller"]);
  const ready = await readiness(port, "leases");
  const words = "missing right: get, create and update leases.coordination.k8s.io: no election can be held";
  expect(ready.status).toBe(503);
  expect(ready.text).toContain(`${words}, and there shall be 2 replicas, so none of them leads`);
  expect(JSON.parse((await get(port, "/state")).text)).toMatchObject({ leading: false });
  expect(program.output()).toContain(words);
});
