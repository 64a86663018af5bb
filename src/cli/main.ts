import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addLabCommand } from "./lab-command.ts";

/** Exit codes: done, failed, asked wrongly. */
const DONE = 0;
const FAILED = 1;
const USAGE = 2;

/** An action's answer to its caller; actions that resolve without one are done. */
export interface Outcome {
  exitCode: number;
}

/** The command line of `metallb` and `kubectl metallb`. Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const outcome: Outcome = { exitCode: DONE };
  const program = new Command("metallb")
    .description("MetalLB: load balancing for Kubernetes on bare metal")
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError("(--help tells what there is)");
  program
    .command("version")
    .description("print the version")
    .action(() => console.log(`metallb ${ownVersion()}`));
  addLabCommand(program, outcome);
  overrideExit(program);
  try {
    await program.parseAsync(args, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE;
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    return FAILED;
  }
}

/** Commander ends the process by itself unless each command is told to throw. */
function overrideExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(overrideExit);
}

function ownVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
