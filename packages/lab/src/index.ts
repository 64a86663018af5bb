export { type Progress, runningLabs, type Step } from "./base/index.ts";
export { type Lab, type LabOptions, readLabOptions, startLab } from "./processes/index.ts";
