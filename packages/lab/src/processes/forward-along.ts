import type { Child } from "#base";
import type { LabCluster, LabControlPlane } from "#kubernetes";
import { POD_BLOCKS } from "#kubernetes";
import type { LabNetwork } from "#network";
import { Forwarding } from "./forwarding.ts";

/** By the control plane's own proxies where it has them, else by rules that follow the cluster. */
export async function startForwarding(
  network: LabNetwork,
  plane: LabControlPlane,
  cluster: LabCluster,
  kubeconfig: string,
): Promise<readonly Child[]> {
  const { startProxy } = plane;
  if (startProxy === null) {
    forwardAlong(network, cluster);
    return [];
  }
  return await Promise.all(network.nodes.map((node) => startProxy(node, kubeconfig, POD_BLOCKS)));
}

function forwardAlong(network: LabNetwork, cluster: LabCluster): void {
  const forwarding = new Forwarding(network.nodes);
  let last = Promise.resolve();
  const apply = () => {
    last = last.then(() => forwarding.apply(cluster.forwards())).catch(() => {});
  };
  cluster.onChange(apply);
  apply();
}
