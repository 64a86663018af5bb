export { announcementsOf, type NodeVoice } from "./announcements.ts";
export { clusterView } from "./cluster.ts";
export { type Explanation, explain, type Step } from "./explain.ts";
export {
  type ClusterFacts,
  classOf,
  FACT_KINDS,
  type FactKind,
  flagOf,
  metaOf,
  type OwnPod,
  ownPods,
} from "./facts.ts";
export { problemText, troublesOf } from "./health.ts";
export { foreignTo, type ServiceFacts, serviceView } from "./services.ts";
export { type ControllerState, readControllerState, readSpeakerState, type SpeakerState } from "./states.ts";
export { processText, type ShownTable, tablesOf } from "./tables.ts";
export { spanText } from "./times.ts";
export type * from "./view.ts";
