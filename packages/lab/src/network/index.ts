export { createLoopbackNetwork } from "./loopback.ts";
export { BACKEND_PORT, createNamespaceNetwork } from "./namespaces.ts";
export type { LabNetwork, NodePlace, Place } from "./network.ts";
