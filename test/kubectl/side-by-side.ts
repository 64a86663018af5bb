import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runEndpointSlices, startApiServer } from "@metallb-ts/apiserver";
import { kubectlProgram } from "../support/probes.ts";

/** A cluster that kubectl can be pointed at. */
export interface Target {
  /** Runs a line of shell in which `kubectl` is the one to test; both outputs, in order. */
  run(line: string): Promise<string>;
  close(): Promise<void>;
}

const kubectl = kubectlProgram();

function target(kubeconfig: string, folder: string, stop: () => Promise<void>): Target {
  const config = join(folder, "kubeconfig");
  writeFileSync(config, kubeconfig, { mode: 0o600 });
  const run = (line: string) =>
    new Promise<string>((resolve, reject) => {
      const child = spawn("/bin/bash", ["-c", `kubectl() { command '${kubectl}' "$@"; }\n${line}`], {
        env: { ...process.env, KUBECONFIG: config, HOME: folder },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 30_000,
      });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (part) => {
          output += String(part);
        });
      child.on("error", reject);
      child.on("close", () => resolve(output));
    });
  return {
    run,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const folderOf = (name: string) => mkdtempSync(join(tmpdir(), `metallb-${name}-`));

/** The embedded API with its EndpointSlice controller. */
export async function startEmbedded(): Promise<Target> {
  const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
  const stopSlices = runEndpointSlices(server.cluster);
  return target(server.kubeconfig, folderOf("embedded"), async () => {
    stopSlices();
    await server.close();
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** A real control plane from the programs in the folder (etcd, kube-apiserver, kube-controller-manager). */
export async function startReal(programs: string): Promise<Target> {
  const folder = folderOf("real");
  const [client, peer, api, manager] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const children: ReturnType<typeof spawn>[] = [];
  const start = (program: string, args: readonly string[]) => {
    children.push(spawn(join(programs, program), args, { stdio: "ignore", cwd: folder }));
  };
  const etcd = `http://127.0.0.1:${client}`;
  const peers = `http://127.0.0.1:${peer}`;
  const { generateKeyPairSync } = await import("node:crypto");
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  writeFileSync(join(folder, "sa.key"), keys.privateKey, { mode: 0o600 });
  writeFileSync(join(folder, "sa.pub"), keys.publicKey);
  writeFileSync(join(folder, "tokens.csv"), 'test-token,admin,admin,"system:masters"\n', { mode: 0o600 });
  start("etcd", [
    "--data-dir",
    join(folder, "etcd"),
    "--unsafe-no-fsync",
    "--listen-client-urls",
    etcd,
    "--advertise-client-urls",
    etcd,
    "--listen-peer-urls",
    peers,
    "--initial-advertise-peer-urls",
    peers,
    "--initial-cluster",
    `default=${peers}`,
  ]);
  start("kube-apiserver", [
    "--etcd-servers",
    etcd,
    "--cert-dir",
    join(folder, "certs"),
    "--secure-port",
    String(api),
    "--bind-address",
    "127.0.0.1",
    "--service-account-issuer",
    "https://test",
    "--service-account-key-file",
    join(folder, "sa.pub"),
    "--service-account-signing-key-file",
    join(folder, "sa.key"),
    "--authorization-mode=RBAC",
    "--token-auth-file",
    join(folder, "tokens.csv"),
    "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112",
    "--disable-admission-plugins=ServiceAccount",
  ]);
  const kubeconfig = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "real", cluster: { server: `https://127.0.0.1:${api}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "real", user: { token: "test-token" } }],
    contexts: [{ name: "real", context: { cluster: "real", user: "real" } }],
    "current-context": "real",
  });
  const made = target(kubeconfig, folder, async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(
      children
        .filter((child) => child.exitCode === null && child.signalCode === null)
        .map((child) => new Promise((resolve) => child.once("exit", resolve))),
    );
  });
  const ready = await made.run(
    "for i in $(seq 120); do kubectl get namespace default >/dev/null 2>&1 && kubectl get --raw /readyz && break; sleep 0.25; done",
  );
  if (!ready.includes("ok")) {
    await made.close();
    throw new Error(`the real control plane in ${programs} does not get ready: ${ready}`);
  }
  start("kube-controller-manager", [
    "--kubeconfig",
    join(folder, "kubeconfig"),
    "--controllers=namespace-controller,garbage-collector-controller,endpointslice-controller",
    "--leader-elect=false",
    "--secure-port",
    String(manager),
    "--bind-address",
    "127.0.0.1",
    "--cert-dir",
    join(folder, "certs-manager"),
  ]);
  return made;
}

const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UID"],
  [/resourceVersion: "\d+"/g, "resourceVersion: RV"],
  [/Resource Version:\s+\d+/g, "Resource Version: RV"],
  [/\b(?:\d+m)?\d+s\b/g, "AGE"],
  [/10\.96\.\d+\.\d+/g, "CLUSTER-IP"],
  [/fd00:96::[0-9a-f]+/g, "CLUSTER-IP6"],
  [/\b3[0-2]\d{3}\b/g, "NODE-PORT"],
  [/ +/g, " "],
  [/ $/gm, ""],
];

/** What differs between any two clusters made the same: ages, uids, versions, given addresses. */
export const masked = (output: string): string =>
  MASKS.reduce((text, [mask, name]) => text.replaceAll(mask, name), output);
