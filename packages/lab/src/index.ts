export { controlsOf } from "./control.ts";
export { type Lab, startLab } from "./lab.ts";
export {
  KUBERNETES,
  type LabOptions,
  type LabOptionTexts,
  MAX_NODES,
  NETWORKS,
  ROUTERS,
  readLabOptions,
} from "./options.ts";
export type { Progress, Step, StepKey } from "./progress.ts";
export { type LabRecord, runningLabs, stillRuns } from "./runtime.ts";
