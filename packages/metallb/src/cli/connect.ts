import { createClient, type KubeClient, loadCluster } from "#kube";
import { Unreachable } from "./exit-codes.ts";

export interface Connection {
  readonly client: KubeClient;
  readonly server: string;
}

/** As typed at the command line. */
export interface ConnectOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** Connects as kubectl would: the named kubeconfig, KUBECONFIG, the Pod's own account, ~/.kube/config. */
export function connect({ kubeconfig, context }: ConnectOptions): Connection {
  const cluster = loadCluster({
    env: process.env,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  if (!cluster.ok) throw new Unreachable(cluster.error);
  return { client: createClient(cluster.value, { userAgent: "metallb-cli" }), server: cluster.value.server };
}
