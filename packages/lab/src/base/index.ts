export { type Child, type Ending, run, startChild, until } from "./child.ts";
export { Cleanup } from "./cleanup.ts";
export { freePort, portTrouble } from "./ports.ts";
export { diesWithUs, findIn, findProgram } from "./programs.ts";
export { both, type Progress, type Step, type StepKey, takeStep } from "./progress.ts";
export {
  type Claim,
  claimName,
  controlSocket,
  isLabName,
  type LabRecord,
  markProcess,
  type ProcessMark,
  runningLabs,
  stillRuns,
  sweepAbandoned,
} from "./runtime.ts";
