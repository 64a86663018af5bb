export { runSpeaker } from "./run.ts";
