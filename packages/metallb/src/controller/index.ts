export { runController } from "./run.ts";
