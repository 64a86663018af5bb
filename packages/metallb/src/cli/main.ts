import { Command, CommanderError } from "commander";
import { ApiError } from "#kube";
import { visible } from "#terminal";
import { addCheckCommand } from "./check.ts";
import { addClusterCommands } from "./cluster-commands.ts";
import { addCompletionCommand } from "./completion.ts";
import { addConvertCommand } from "./convert.ts";
import { DONE, FAILED, UNREACHABLE, Unreachable, USAGE } from "./exit-codes.ts";
import type { Outcome } from "./outcome.ts";
import { ownVersion } from "./version.ts";

/** The command line of `metallb` and `kubectl metallb`. Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const outcome: Outcome = { exitCode: DONE };
  const program = await commandLine(outcome);
  try {
    await program.parseAsync(args, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE;
    console.error(`error: ${visible(error instanceof Error ? error.message : String(error))}`);
    const silent = error instanceof Unreachable || (error instanceof ApiError && error.status === 0);
    return silent ? UNREACHABLE : FAILED;
  }
}

/** All commands, with those of the lab where it is installed. */
export async function commandLine(outcome: Outcome): Promise<Command> {
  const program = new Command("metallb")
    .description("MetalLB: load balancing for Kubernetes on bare metal")
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError("(run with --help for usage)");
  program
    .command("version")
    .description("print the version")
    .action(() => console.log(`metallb ${ownVersion()}`));
  addClusterCommands(program, outcome);
  addCompletionCommand(program);
  addCheckCommand(program, outcome);
  addConvertCommand(program, outcome);
  await addLab(program, outcome);
  everywhere(program);
  return program;
}

/** Named so that neither the compiler nor a bundler asks for it: the lab imports this package. */
const LAB: string = "@metallb-ts/lab/commands";

interface LabCommands {
  readonly addLabCommand: (program: Command, outcome: Outcome) => void;
}

/** The lab is a package of its own: its commands are there where it is installed. */
async function addLab(program: Command, outcome: Outcome): Promise<void> {
  try {
    const { addLabCommand } = (await import(LAB)) as LabCommands;
    addLabCommand(program, outcome);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    program
      .command("lab", { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new Error("the lab is not installed: it is the npm package @metallb-ts/lab");
      });
  }
}

/** Each command has `--version`; and Commander ends the process by itself unless each is told to throw. */
function everywhere(command: Command): void {
  command.exitOverride();
  command.version(`metallb ${ownVersion()}`, "--version", "print the version");
  command.commands.forEach(everywhere);
}
