import { type Command, Option } from "commander";
import { FACT_KINDS } from "#explain";
import { type Paint, visible } from "#terminal";
import { withCluster } from "./cluster-command.ts";
import { type ConnectOptions, connect } from "./connect.ts";
import { examine } from "./doctor.ts";
import type { Check } from "./doctor-check.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import { type Migration, planMigration } from "./migration.ts";
import { readMigration } from "./migration-facts.ts";
import { examineNode } from "./node-checks.ts";
import type { Outcome } from "./outcome.ts";
import { FORMATS, type Format, print } from "./output.ts";
import { readFacts } from "./read-facts.ts";

const MARKS = {
  ok: ["green", "✓"],
  warning: ["yellow", "!"],
  failed: ["red", "✗"],
  unknown: ["yellow", "?"],
} as const satisfies Readonly<Record<Check["verdict"], readonly [string, string]>>;

interface DoctorOptions extends ConnectOptions {
  readonly namespace?: string;
  readonly output?: Format;
  readonly node?: true;
  readonly migrate?: true;
}

export function addDoctorCommand(program: Command, outcome: Outcome): void {
  withCluster(program.command("doctor"))
    .description("look at the cluster before or while MetalLB runs in it; exit code 1 when a check fails")
    .option("--node", "look at the kernel of this machine instead, as root or not, without a cluster")
    .option(
      "--migrate",
      "say of a cluster that runs MetalLB what a move to this project changes, and print the commands",
    )
    .addOption(new Option("-o, --output <format>", "instead of lines for people").choices(FORMATS))
    .action(async (options: DoctorOptions) => {
      const show = (checks: readonly Check[]) => {
        outcome.exitCode = checks.some(({ verdict }) => verdict === "failed") ? FAILED : DONE;
        const lines = (paint: Paint) => checks.flatMap((check) => drawCheck(check, paint));
        print({ data: checks, lines, exitCode: outcome.exitCode }, options.output ?? "table");
      };
      if (options.node) return show(examineNode());
      const connection = connect(options);
      try {
        const namespace = options.namespace ?? null;
        const facts = await readFacts(connection, { namespace, kinds: FACT_KINDS, states: true });
        if (options.migrate) {
          const migration = planMigration(facts, await readMigration(connection.client, facts.namespace));
          showMigration(migration, options.output ?? "table", outcome);
        } else show(await examine(connection.client, facts));
      } finally {
        connection.client.close();
      }
    });
}

function showMigration({ checks, commands }: Migration, format: Format, outcome: Outcome): void {
  outcome.exitCode = checks.some(({ verdict }) => verdict === "failed") ? FAILED : DONE;
  const lines = (paint: Paint) => [
    ...checks.flatMap((each) => drawCheck(each, paint)),
    ...(commands.length === 0
      ? []
      : ["", ...commands.map((line) => (line.startsWith("#") ? paint("dim", line) : line))]),
  ];
  print({ data: { checks, commands }, lines, exitCode: outcome.exitCode }, format);
}

function drawCheck({ verdict, what, text, fix }: Check, paint: Paint): readonly string[] {
  const [colour, mark] = MARKS[verdict];
  const first = `${paint(colour, mark)} ${visible(what).padEnd(22)} ${visible(text)}`;
  return fix === "" ? [first] : [first, `  ${"".padEnd(22)} ${paint("dim", `→ ${visible(fix)}`)}`];
}
