import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, projectFile } from "../support/programs.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** An API that knows nobody: every request is answered with 401. */
async function strangersApi(): Promise<{ kubeconfig: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.writeHead(401, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ kind: "Status", status: "Failure", reason: "Unauthorized", message: "Unauthorized", code: 401 }),
    );
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The process, with its lines going where `redirect` of a shell says. */
function start(kind: "controller" | "speaker", kubeconfig: string, health: number, redirect = "") {
  const flags = ["--namespace=metallb-system", "--port=0", `--health-probe-port=${health}`];
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

const get = async (port: number, path: string) => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  return { status: answer.status, text: await answer.text() };
};

describe.each(["controller", "speaker"] as const)("a %s whose token is wrong", (kind) => {
  it("lives, is not ready, and names what it may not do, in readiness and log", async () => {
    const [{ kubeconfig, asked }, port] = [await strangersApi(), await freePort()];
    const program = start(kind, kubeconfig, port);
    const ready = await eventually(
      () => get(port, "/readyz"),
      ({ text }) => text.includes("ipaddresspools"),
      {
        what: "readiness does not say what cannot be read",
      },
    );
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

  it("lives where no line can be written", async () => {
    const [{ kubeconfig, asked }, port] = [await strangersApi(), await freePort()];
    const program = start(kind, kubeconfig, port, ">/dev/full");
    await eventually(asked, (count) => count > 10, { what: "it does not work" });
    expect((await get(port, "/healthz")).status).toBe(200);
    program.child.kill("SIGTERM");
    expect(await program.ended).toBe(0);
  });
});
