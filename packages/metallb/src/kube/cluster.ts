import { statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { err, ok, type Result } from "#net";
import type { Cluster } from "./cluster-access.ts";
import { rereadFile } from "./credential-files.ts";
import { fromKubeconfig } from "./kubeconfig.ts";
import { proxyFor } from "./proxy.ts";

export type { Cluster, ClusterTls } from "./cluster-access.ts";

export interface ClusterSources {
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** The context of the kubeconfig, in place of its current one. */
  readonly context?: string;
  /** KUBECONFIG may name several files, which are merged: the first that says something counts. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inClusterFolder?: string;
}

const IN_CLUSTER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** A named kubeconfig, else KUBECONFIG, else the Pod's service account, else ~/.kube/config. Errors name file and field. */
export function loadCluster(sources: ClusterSources): Result<Cluster> {
  const { kubeconfig, context, env, inClusterFolder = IN_CLUSTER } = sources;
  if (kubeconfig) return fromKubeconfig(kubeconfig.split(delimiter), env, context);
  if (env.KUBECONFIG) return fromKubeconfig(env.KUBECONFIG.split(delimiter), env, context);
  // A Pod's account has no contexts.
  if (env.KUBERNETES_SERVICE_HOST && context === undefined) return inCluster(env, inClusterFolder);
  const home = join(env.HOME ?? homedir(), ".kube/config");
  if (statSync(home, { throwIfNoEntry: false })) return fromKubeconfig([home], env, context);
  return err("no cluster: set KUBECONFIG, or run in a Pod with a service account");
}

function inCluster(env: ClusterSources["env"], folder: string): Result<Cluster> {
  const ca = rereadFile(join(folder, "ca.crt"), "the service account's", "certificates");
  if (!ca.ok) return ca;
  const token = rereadFile(join(folder, "token"), "the service account's", "text");
  if (!token.ok) return token;
  const namespace = rereadFile(join(folder, "namespace"), "the service account's", "text");
  const host = env.KUBERNETES_SERVICE_HOST ?? "";
  const port = env.KUBERNETES_SERVICE_PORT ?? "443";
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const proxy = proxyFor(server, null, env);
  if (!proxy.ok) return proxy;
  return ok({
    server,
    proxy: proxy.value,
    namespace: namespace.ok ? namespace.value.text.trim() : null,
    get tls() {
      return { ca: ca.value.text };
    },
    token: async () => token.value.text.trim(),
    refused: () => token.value.forget(),
    distrusted: () => ca.value.forget(),
  });
}
