export { bgpParts } from "./bgp-difference.ts";
export { EngineThread } from "./engine-thread.ts";
export { runSpeaker } from "./run.ts";
