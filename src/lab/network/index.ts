export { createLoopbackNetwork } from "./loopback.ts";
export type { LabNetwork, NodePlace, Place } from "./network.ts";
