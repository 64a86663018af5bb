export { type ClusterVerdict, ClusterVerdicts, type Owner } from "./cluster-verdicts.ts";
export { WATCH_ALL } from "./layer2.ts";
export { placements, placerOf } from "./layer2-placement.ts";
export { foreign, unfit } from "./node-facts.ts";
export type { PeerProblem } from "./peers.ts";
export type * from "./plan.ts";
export { Planner, type PlannerOptions, plan } from "./planner.ts";
export { type Facts, REASONS, type Reason, type ReasonCode, sentence } from "./reasons.ts";
export { type Carried, decodeTold, encodeTold, TOLD } from "./told.ts";
