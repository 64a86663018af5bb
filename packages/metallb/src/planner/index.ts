export { WATCH_ALL } from "./layer2.ts";
export { placements, placerOf } from "./layer2-placement.ts";
export type { PeerProblem } from "./peers.ts";
export type * from "./plan.ts";
export { Planner, type PlannerOptions, plan } from "./planner.ts";
export { type Facts, REASONS, type Reason, type ReasonCode, sentence } from "./reasons.ts";
