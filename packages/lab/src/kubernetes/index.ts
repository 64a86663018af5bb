export type { BuildProgress } from "./build.ts";
export {
  type ControlPlane,
  type ControlPlaneOptions,
  type KubeProxyOptions,
  startKubeProxy,
  startRealControlPlane,
} from "./control-plane.ts";
export { findGo, readGoDirective } from "./go.ts";
export { type FindOptions, findBuilt, findOrBuild, type KubernetesPrograms } from "./programs.ts";
export { KubernetesUnavailable } from "./unavailable.ts";
