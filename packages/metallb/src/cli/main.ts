import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addCheckCommand } from "./check.ts";
import { addConvertCommand } from "./convert.ts";
import type { Outcome } from "./outcome.ts";

/** Exit codes: done, failed, asked wrongly. */
const DONE = 0;
const FAILED = 1;
const USAGE = 2;

/** The command line of `metallb` and `kubectl metallb`. Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const outcome: Outcome = { exitCode: DONE };
  const program = new Command("metallb")
    .description("MetalLB: load balancing for Kubernetes on bare metal")
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError("(run with --help for usage)");
  program
    .command("version")
    .description("print the version")
    .action(() => console.log(`metallb ${ownVersion()}`));
  addCheckCommand(program, outcome);
  addConvertCommand(program, outcome);
  await addLab(program, outcome);
  everywhere(program);
  try {
    await program.parseAsync(args, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE;
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    return FAILED;
  }
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

function ownVersion(): string {
  // Beside a bundle, or at the root of the package.
  const file = /\/cli\/main\.[jt]s$/.test(import.meta.url) ? "../../package.json" : "./package.json";
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
