import { type Command, Option } from "commander";
import { FACT_KINDS } from "#explain";
import { type Paint, visible } from "#terminal";
import { withCluster } from "./cluster-command.ts";
import { connect } from "./connect.ts";
import { type Check, examine } from "./doctor.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import type { Outcome } from "./outcome.ts";
import { FORMATS, type Format, print } from "./output.ts";
import { readFacts } from "./read-facts.ts";

const MARKS = {
  ok: ["green", "✓"],
  warning: ["yellow", "!"],
  failed: ["red", "✗"],
  unknown: ["yellow", "?"],
} as const satisfies Readonly<Record<Check["verdict"], readonly [string, string]>>;

export function addDoctorCommand(program: Command, outcome: Outcome): void {
  withCluster(program.command("doctor"))
    .description("look at the cluster before or while MetalLB runs in it; exit code 1 when a check fails")
    .addOption(new Option("-o, --output <format>", "instead of lines for people").choices(FORMATS))
    .action(async (options: Readonly<Record<string, string | undefined>>) => {
      const connection = connect(options.kubeconfig);
      try {
        const namespace = options.namespace ?? null;
        const facts = await readFacts(connection, { namespace, kinds: FACT_KINDS, states: true });
        const checks = await examine(connection.client, facts);
        outcome.exitCode = checks.some(({ verdict }) => verdict === "failed") ? FAILED : DONE;
        const lines = (paint: Paint) => checks.flatMap((check) => drawCheck(check, paint));
        print({ data: checks, lines, exitCode: outcome.exitCode }, (options.output ?? "table") as Format);
      } finally {
        connection.client.close();
      }
    });
}

function drawCheck({ verdict, what, text, fix }: Check, paint: Paint): readonly string[] {
  const [colour, mark] = MARKS[verdict];
  const first = `${paint(colour, mark)} ${visible(what).padEnd(22)} ${visible(text)}`;
  return fix === "" ? [first] : [first, `  ${"".padEnd(22)} ${paint("dim", `→ ${visible(fix)}`)}`];
}
