import { createLoopbackNetwork, createNamespaceNetwork, type LabNetwork } from "#network";
import type { LabOptions } from "./options.ts";

export const createNetwork = (options: LabOptions): Promise<LabNetwork> =>
  options.network === "loopback" ? createLoopbackNetwork(options) : createNamespaceNetwork(options);

/** What it is, in words. */
export const networkText = (network: LabNetwork): string =>
  network.kind === "loopback"
    ? `${network.nodes.length} nodes on loopback, ${network.nodes[0]?.address} and following`
    : `${network.nodes.length} nodes in network namespaces, ${network.nodes[0]?.address} and following`;
