export { controlsOf } from "./control.ts";
export { type Lab, startLab } from "./lab.ts";
export {
  KUBERNETES,
  type LabOptions,
  type LabOptionTexts,
  MAX_NODES,
  MODES,
  NETWORKS,
  ROUTERS,
  readLabOptions,
} from "./options.ts";
export { ownCommand } from "./own-command.ts";
