export type { ConfigText } from "./config-text.ts";
export { configuration } from "./configuration.ts";
export { ConfigurationStateWriter } from "./configuration-state-writer.ts";
export { POOL_KINDS } from "./custom-resources.ts";
export { KINDS, leanService } from "./kinds.ts";
export { findOwnPod, type OwnPod, ownedBy } from "./own-pod.ts";
export { ProblemLog } from "./problem-log.ts";
export { type Overrides, WatchedWorld } from "./watched-world.ts";
