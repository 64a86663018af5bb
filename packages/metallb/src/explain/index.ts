export { clusterView } from "./cluster.ts";
export { type Explanation, explain, type Step } from "./explain.ts";
export {
  type ClusterFacts,
  FACT_KINDS,
  type FactKind,
  flagOf,
  metaOf,
  type OwnPod,
  ownPods,
  poolHolding,
} from "./facts.ts";
