import { CONTROLLER_FLAGS, MemoryKeeper, startUp } from "#process";
import { ownIdentity } from "./own-identity.ts";
import { prepare } from "./parts.ts";
import { Controller, type Ending } from "./run.ts";

/**
 * Runs until a signal ends it. Who loses the lead begins anew in the same process, as a fresh one would:
 * an API that is away for longer than a Lease lasts ends nothing, also where nobody restarts what ends.
 * Exit codes: 0 ended on request, 1 cannot start, 2 wrong command line.
 */
export async function runController(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const started = startUp("controller", CONTROLLER_FLAGS, argv, env);
  if (typeof started === "number") return started;
  const { flags, log, stop } = started;
  const memory = new MemoryKeeper();
  // A container that restarts in its Pod, and who begins anew, takes its own Lease up again at once.
  const identity = flags["pod-name"] || ownIdentity();
  let ending: Ending = "lost";
  while (ending === "lost" && !stop.aborted) {
    const prepared = prepare(flags, env);
    if (!prepared.ok) {
      log.error(prepared.error, { op: "startup" });
      return 1;
    }
    ending = await new Controller({ ...prepared.value, flags, log, stop, memory, identity }).run();
  }
  log.info("MetalLB controller stopped", { op: "shutdown", reason: String(stop.reason ?? "") });
  return ending === "failed" ? 1 : 0;
}
