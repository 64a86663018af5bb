export { runController } from "./run.ts";
export type { ControllerState } from "./state.ts";
