export { customResources, POOL_KINDS } from "./custom-resources.ts";
export { ProblemLog } from "./problem-log.ts";
export { type Overrides, WatchedWorld } from "./watched-world.ts";
