export { BUILD, type Build } from "./build.ts";
export {
  type Flag,
  type FlagTable,
  type FlagValues,
  type Parsed,
  parseFlags,
  type UsageError,
} from "./flags.ts";
export { createLogger, errorText, type LogFields, type Logger, type LogLevel } from "./logger.ts";
export { MemoryKeeper } from "./memory-keeper.ts";
export { ownNamespace } from "./namespace.ts";
export { shutdownSignal } from "./signals.ts";
export { type Startup, startUp } from "./startup.ts";
export { CONTROLLER_FLAGS, laterNotice, SPEAKER_FLAGS } from "./tables.ts";
export { Trouble } from "./trouble.ts";
