export { bgpParts } from "./bgp-difference.ts";
export { EngineThread } from "./engine-thread.ts";
export { createMetrics as speakerMetrics } from "./metrics.ts";
export { type NeighborSocketPorts, NeighborSockets } from "./neighbor-sockets.ts";
export { runSpeaker } from "./run.ts";
