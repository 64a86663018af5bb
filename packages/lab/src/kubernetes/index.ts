export type { BuildProgress } from "./build.ts";
export { type LabCluster, openCluster } from "./cluster.ts";
export {
  type ControlPlane,
  type ControlPlaneOptions,
  type KubeProxyOptions,
  startKubeProxy,
  startRealControlPlane,
} from "./control-plane.ts";
export type { Forward } from "./facts.ts";
export { findGo, readGoDirective } from "./go.ts";
export {
  clusterObjects,
  HOLD_TIME,
  helloService,
  type LabMode,
  NAMESPACE,
  namespaceObject,
  ownPodName,
  POD_BLOCKS,
  ROUTER_ASN,
  reachabilityObjects,
  SIX,
  SPEAKER_ASN,
  sampleObjects,
} from "./objects.ts";
export { type ControlPlane as LabControlPlane, startControlPlane } from "./plane.ts";
export { type FindOptions, findBuilt, findOrBuild, type KubernetesPrograms } from "./programs.ts";
export { KubernetesUnavailable } from "./unavailable.ts";
