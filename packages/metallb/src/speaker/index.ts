export { EngineThread } from "./engine-thread.ts";
export { runSpeaker } from "./run.ts";
