import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, startApiServer } from "@metallb-ts/apiserver";
import { createClient, type KubeClient, loadCluster, RESOURCES, watch } from "metallb/kube";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { describeWith } from "../support/parts.ts";
import { eventually, HERE, type Program, startProgram } from "../support/programs.ts";

/** The real proxy of Debian's package between a client and the API. */
describeWith(["microsocks"], "an API behind a SOCKS5 proxy", () => {
  let api: ApiServer;
  let proxy: Program;
  let folder: string;
  let port: number;
  const clients: KubeClient[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-socks-"));
    api = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
    port = await freePort();
    proxy = await startProgram(HERE, ["microsocks", "-i", "127.0.0.1", "-p", String(port), "-u", "jane", "-P", "p@ss"]);
    await eventually(
      () => accepts(port),
      (does) => does,
      { what: "the proxy does not listen" },
    );
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await proxy?.stop();
    await api?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** By the kubeconfig of the API, with a `proxy-url`; or without one, by the environment. */
  async function open(proxyUrl: string | null, env: Record<string, string> = {}): Promise<KubeClient> {
    const kubeconfig = parse(api.kubeconfig) as { clusters: { cluster: Record<string, string> }[] };
    for (const { cluster } of kubeconfig.clusters) if (proxyUrl !== null) cluster["proxy-url"] = proxyUrl;
    const file = join(folder, "kubeconfig");
    await writeFile(file, JSON.stringify(kubeconfig), { mode: 0o600 });
    const cluster = loadCluster({ kubeconfig: file, env });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "test" });
    clients.push(client);
    return client;
  }

  it("is read, written and watched", async () => {
    const client = await open(`socks5://jane:p%40ss@127.0.0.1:${port}`);
    const where = { namespace: "default" };
    const reflector = watch(client, RESOURCES.services, { project: (object) => object });
    reflector.start();
    await reflector.synced;
    const metadata = { name: "seen", namespace: "default" };
    await client.create(RESOURCES.services, where, {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { ports: [{ port: 80 }] },
    });
    await eventually(
      () => reflector.store.get("default/seen"),
      (object) => object !== undefined,
      { what: "the watch does not tell" },
    );
    reflector.stop();
  });

  it("is not reached with another password, and it is said whose fault that is", async () => {
    const client = await open(`socks5://jane:wrong@127.0.0.1:${port}`);
    await expect(client.request("GET", "/version")).rejects.toThrow(
      `the SOCKS proxy 127.0.0.1:${port}: it does not accept user and password`,
    );
  });

  it("is asked directly where the environment names the proxy, since it is on this machine", async () => {
    const client = await open(null, { HTTPS_PROXY: `socks5://jane:wrong@127.0.0.1:${port}` });
    expect(await client.request("GET", "/version")).toMatchObject({ major: "1" });
  });
});

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).on("error", () => resolve(false));
  });

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === "object" && bound !== null ? bound.port : 0));
    });
  });
}
