import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Child, findProgram, startChild, until } from "#base";
import type { Place } from "#network";
import { apiServerCommand, controllerManagerCommand, etcdCommand } from "./commands.ts";
import { logTo } from "./log.ts";
import type { KubernetesPrograms } from "./programs.ts";
import { kubeconfigText, type Secrets, writeSecrets } from "./secrets.ts";

/** A running Kubernetes API with the real programs. */
export interface ControlPlane {
  readonly kind: "real";
  /** Such as `https://127.0.0.1:6443`. */
  readonly url: string;
  readonly port: number;
  /** A file with the credentials of an administrator. */
  readonly kubeconfig: string;
  /** Its processes, in the order of their start. */
  readonly children: readonly Child[];
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly programs: KubernetesPrograms;
  /** For data, certificates, kubeconfig and logs; made here, and left by `close`. What an earlier run left there is taken up again. */
  readonly folder: string;
  /** Told what is being waited for. */
  readonly progress?: (text: string) => void;
}

/** Milliseconds; a loaded machine of two cores takes ten seconds. */
const LIMIT = 90_000;
const PORT_ATTEMPTS = 3;

/**
 * Starts etcd, kube-apiserver and, where it is there, kube-controller-manager on free ports of
 * 127.0.0.1, as any user, and waits until the API is ready. They end with this process, however it
 * ends. Rejects with the last lines of what failed.
 */
export async function startRealControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { folder, programs, progress = () => {} } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const secrets = await writeSecrets(folder);
  const children: Child[] = [];
  const close = async () => {
    // What writes ends before what it writes to.
    for (const child of children.toReversed()) await child.stop();
  };
  const start = async (name: string, argv: readonly string[]) => {
    const child = await startChild({ name, argv, onLine: logTo(join(folder, `${name}.log`)), grace: 8_000 });
    children.push(child);
    return child;
  };
  try {
    progress("starting etcd");
    const etcdUrl = await onFreePort(2, async ([client = 0, peer = 0]) => {
      await start("etcd", etcdCommand(programs, folder, client, peer));
      const url = `https://127.0.0.1:${client}`;
      await ready(children, url, "/health", secrets);
      return url;
    });
    progress("starting kube-apiserver");
    const port = await onFreePort(1, async ([port = 0]) => {
      await start("kube-apiserver", apiServerCommand(programs, folder, port, etcdUrl));
      await ready(children, `https://127.0.0.1:${port}`, "/readyz", secrets);
      return port;
    });
    const url = `https://127.0.0.1:${port}`;
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, kubeconfigText(url, secrets), { mode: 0o600 });
    if (programs.controllerManager !== null) {
      await start("kube-controller-manager", controllerManagerCommand(programs.controllerManager, kubeconfig));
    }
    return { kind: "real", url, port, kubeconfig, children, close };
  } catch (error) {
    await close();
    throw error;
  }

  /** Ports are free when looked at; another program may be quicker. */
  async function onFreePort<T>(count: number, attempt: (ports: readonly number[]) => Promise<T>): Promise<T> {
    for (let number = 1; ; number++) {
      try {
        return await attempt(await freePorts(count));
      } catch (error) {
        const last = children.at(-1);
        const taken = last?.tail().some((line) => line.includes("address already in use")) === true;
        if (!taken || number === PORT_ATTEMPTS) throw error;
        await last?.stop();
        children.pop();
      }
    }
  }
}

export interface KubeProxyOptions {
  readonly programs: KubernetesPrograms;
  readonly kubeconfig: string;
  /** Where it forwards, a network namespace; the kubeconfig's address must be reachable there. */
  readonly node: Place;
  /** The blocks that hold all pods, at most one of each family. */
  readonly clusterCidrs: readonly string[];
  /** For its log. */
  readonly folder: string;
}

/** Starts a node's kube-proxy. Rejects where there is none; what it forwards comes by and by. */
export async function startKubeProxy(options: KubeProxyOptions): Promise<Child> {
  const { programs, kubeconfig, node, clusterCidrs, folder } = options;
  if (programs.kubeProxy === null) throw new Error(`there is no kube-proxy in ${programs.folder}`);
  const mode = findProgram("nft") !== null ? "nftables" : "iptables";
  const name = `kube-proxy-${node.name}`;
  return await startChild({
    name,
    argv: node.command([
      programs.kubeProxy,
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${node.name}`,
      `--proxy-mode=${mode}`,
      `--cluster-cidr=${clusterCidrs.join(",")}`,
      // These would need the limits of the whole machine.
      "--conntrack-max-per-core=0",
      "--conntrack-tcp-timeout-established=0",
      "--conntrack-tcp-timeout-close-wait=0",
    ]),
    onLine: logTo(join(folder, `${name}.log`)),
  });
}

/** Asks until the answer is 200. Rejects with its last lines when the last program has ended. */
async function ready(children: readonly Child[], url: string, path: string, secrets: Secrets): Promise<void> {
  const child = children.at(-1);
  const lastLines = () => child?.tail().slice(-8).join("\n") ?? "";
  await until(
    async () => {
      const ending = child?.ending() ?? null;
      if (ending !== null) throw new Error(`${child?.name} ended (${ending}); its last lines:\n${lastLines()}`);
      return (await statusOf(`${url}${path}`, secrets)) === 200 ? true : null;
    },
    { limit: LIMIT, pause: 100, late: () => `${child?.name} is not ready after ${LIMIT / 1000} s:\n${lastLines()}` },
  );
}

function statusOf(url: string, { ca, cert, key, token }: Secrets): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const headers = { authorization: `Bearer ${token}` };
  const asked = request(url, { ca, cert, key, headers, timeout: 2_000, agent: false }, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
  asked.on("timeout", () => asked.destroy());
  asked.on("error", () => resolve(0));
  asked.end();
  return promise;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map((server) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
      return promise;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
