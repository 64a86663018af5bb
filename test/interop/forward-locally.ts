import type { TestCluster } from "../support/cluster.ts";
import { runWith } from "../support/programs.ts";

/** What kube-proxy would do for policy Local: the node's own backend answers for these addresses. */
export async function forwardLocally(cluster: TestCluster, ipv4: string, ipv6?: string): Promise<void> {
  for (const { name } of cluster.network.nodes) {
    const node = cluster.node(name);
    const rules = `
      table inet interop {
        chain prerouting {
          type nat hook prerouting priority dstnat
          ip daddr ${ipv4} tcp dport 80 dnat ip to ${node.pod.address}:8080
          ${ipv6 === undefined ? "" : `ip6 daddr ${ipv6} tcp dport 80 dnat ip6 to [${node.pod.address6}]:8080`}
        }
      }`;
    await runWith(node, ["nft", "-f", "-"], { input: rules });
  }
}
