import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { err, ok, type Result } from "#net";

/** Where the API is and how to prove who asks. */
export interface Cluster {
  readonly server: string;
  readonly namespace: string | null;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
  /** The bearer token of now, read again when its file changed or it ran out; null when there is none. */
  token(): Promise<string | null>;
}

export interface ClusterSources {
  /** Path of a kubeconfig file, or several as in KUBECONFIG; the first that exists counts. */
  readonly kubeconfig?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inClusterFolder?: string;
}

const IN_CLUSTER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** A named kubeconfig, else KUBECONFIG, else the Pod's service account, else ~/.kube/config. Errors name file and field. */
export function loadCluster({ kubeconfig, env, inClusterFolder = IN_CLUSTER }: ClusterSources): Result<Cluster> {
  const named = kubeconfig || env.KUBECONFIG;
  if (named)
    return fromKubeconfig(named.split(delimiter).find((file) => exists(file)) ?? named.split(delimiter)[0] ?? named);
  if (env.KUBERNETES_SERVICE_HOST) return inCluster(env, inClusterFolder);
  const home = join(env.HOME ?? homedir(), ".kube/config");
  if (exists(home)) return fromKubeconfig(home);
  return err("no cluster: set KUBECONFIG, or run in a Pod with a service account");
}

const exists = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined;

function read(file: string, what: string): Result<string> {
  try {
    return ok(readFileSync(file, "utf8"));
  } catch (error) {
    return err(`${what} ${file} cannot be read: ${(error as Error).message}`);
  }
}

function inCluster(env: ClusterSources["env"], folder: string): Result<Cluster> {
  const ca = read(join(folder, "ca.crt"), "the service account's");
  if (!ca.ok) return ca;
  const token = read(join(folder, "token"), "the service account's");
  if (!token.ok) return token;
  const namespace = read(join(folder, "namespace"), "the service account's");
  const host = env.KUBERNETES_SERVICE_HOST ?? "";
  const port = env.KUBERNETES_SERVICE_PORT ?? "443";
  return ok({
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: namespace.ok ? namespace.value.trim() : null,
    tls: { ca: ca.value },
    token: fileToken(join(folder, "token")),
  });
}

/** Reads the file again once a minute: the kubelet renews a Pod's token in place. */
function fileToken(file: string): () => Promise<string | null> {
  let token: string | null = null;
  let until = 0;
  return async () => {
    if (performance.now() < until) return token;
    const fresh = read(file, "token file");
    if (fresh.ok) token = fresh.value.trim();
    until = performance.now() + 60_000;
    return token;
  };
}

interface Named<T> {
  readonly name?: string;
  readonly cluster?: T;
  readonly user?: T;
  readonly context?: T;
}

type Fields = Readonly<Record<string, unknown>>;

function fromKubeconfig(file: string): Result<Cluster> {
  const text = read(file, "kubeconfig");
  if (!text.ok) return text;
  let config: Fields;
  try {
    config = (parse(text.value) ?? {}) as Fields;
  } catch (error) {
    return err(`kubeconfig ${file} is not YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  if (typeof config !== "object" || Array.isArray(config)) return err(`kubeconfig ${file} is not a kubeconfig`);
  const problem = (what: string) => err(`kubeconfig ${file}: ${what}`);
  const find = (list: string, name: unknown): Named<Fields> | undefined =>
    (Array.isArray(config[list]) ? (config[list] as Named<Fields>[]) : []).find((entry) => entry?.name === name);
  const current = typeof config["current-context"] === "string" ? config["current-context"] : "";
  const context = find("contexts", current)?.context;
  if (!context)
    return problem(current ? `current-context "${current}" is not among contexts` : "current-context is not set");
  const clusterName = typeof context.cluster === "string" ? context.cluster : "";
  const cluster = find("clusters", clusterName)?.cluster;
  if (!cluster) return problem(`cluster "${clusterName}" is not among clusters`);
  const server = cluster.server;
  if (typeof server !== "string" || !URL.canParse(server) || !/^https?:/.test(server))
    return problem(`clusters[${clusterName}].cluster.server is not a URL`);
  const user = find("users", context.user)?.user ?? {};
  const folder = dirname(file);
  const data = (fields: Fields, name: string): Result<string | null> => {
    const inline = fields[`${name}-data`];
    if (typeof inline === "string") return ok(Buffer.from(inline, "base64").toString("utf8"));
    const path = fields[name];
    return typeof path === "string"
      ? read(isAbsolute(path) ? path : join(folder, path), `kubeconfig ${file}: ${name}`)
      : ok(null);
  };
  const ca = data(cluster, "certificate-authority");
  const cert = data(user, "client-certificate");
  const key = data(user, "client-key");
  for (const each of [ca, cert, key]) if (!each.ok) return each;
  if (!ca.ok || !cert.ok || !key.ok) return problem("unreadable");
  const token = tokenOf(user, folder);
  if (!token.ok) return problem(token.error);
  return ok({
    server: server.replace(/\/$/, ""),
    namespace: typeof context.namespace === "string" ? context.namespace : null,
    tls: {
      ...(ca.value === null ? {} : { ca: ca.value }),
      ...(cert.value === null ? {} : { cert: cert.value }),
      ...(key.value === null ? {} : { key: key.value }),
      ...(typeof cluster["tls-server-name"] === "string" ? { servername: cluster["tls-server-name"] } : {}),
      ...(cluster["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
    },
    token: token.value,
  });
}

function tokenOf(user: Fields, folder: string): Result<Cluster["token"]> {
  if (typeof user.token === "string") {
    const token = user.token;
    return ok(async () => token);
  }
  if (typeof user.tokenFile === "string") return ok(fileToken(join(folder, user.tokenFile)));
  if (user.exec !== undefined) return execToken(user.exec as Fields);
  if (user["auth-provider"] !== undefined) return err("users[].user.auth-provider is no longer supported; use exec");
  return ok(async () => null);
}

const run = promisify(execFile);

/** A credential plugin (client.authentication.k8s.io): run again when what it gave runs out. */
function execToken(exec: Fields): Result<Cluster["token"]> {
  const command = exec.command;
  if (typeof command !== "string") return err("users[].user.exec.command is missing");
  const args = Array.isArray(exec.args) ? exec.args.map(String) : [];
  const extra = Object.fromEntries(
    ((exec.env as { name: string; value: string }[] | null) ?? []).map(({ name, value }) => [name, value]),
  );
  const info = {
    apiVersion: exec.apiVersion ?? "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    spec: { interactive: false },
  };
  let token: string | null = null;
  let until = 0;
  return ok(async () => {
    if (token !== null && Date.now() < until) return token;
    const env = { ...process.env, ...extra, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
    const { stdout } = await run(command, args, { env, timeout: 30_000, maxBuffer: 1024 * 1024 });
    const { status } = JSON.parse(stdout) as { status?: { token?: string; expirationTimestamp?: string } };
    token = status?.token ?? null;
    until = status?.expirationTimestamp ? Date.parse(status.expirationTimestamp) - 60_000 : Number.POSITIVE_INFINITY;
    return token;
  });
}
