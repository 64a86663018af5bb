import { createClient, type KubeClient, loadCluster } from "#kube";
import { Unreachable } from "./exit-codes.ts";

export interface Connection {
  readonly client: KubeClient;
  readonly server: string;
}

/** Connects as kubectl would: the named kubeconfig, KUBECONFIG, the Pod's own account, ~/.kube/config. */
export function connect(kubeconfig: string | undefined): Connection {
  const env = process.env;
  const cluster = loadCluster({ env, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  if (!cluster.ok) throw new Unreachable(cluster.error);
  return { client: createClient(cluster.value, { userAgent: "metallb-cli" }), server: cluster.value.server };
}
