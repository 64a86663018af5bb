import { type Command, Option } from "commander";
import type { ClusterFacts, FactKind } from "#explain";
import { follow, paintFor } from "#terminal";
import { connect } from "./connect.ts";
import type { Outcome } from "./outcome.ts";
import { FORMATS, type Format, print, render, type Shown } from "./output.ts";
import { readFacts } from "./read-facts.ts";
import { watchFacts } from "./watch-facts.ts";

/** A command that reads a cluster and shows something of it. */
export interface ClusterCommand {
  /** Such as `explain <service>`. */
  readonly grammar: string;
  readonly description: string;
  readonly kinds: readonly FactKind[];
  readonly states: boolean;
  readonly show: (facts: ClusterFacts, words: readonly string[], all: boolean) => Shown;
}

/** Milliseconds between two looks at what is watched. */
const PERIOD = 1_000;

/** Options that every command has which speaks to a cluster. */
export const withCluster = (command: Command): Command =>
  command
    .option("--kubeconfig <file>", "kubeconfig of the cluster (default: KUBECONFIG, the Pod's account, ~/.kube/config)")
    .option("--context <name>", "context of the kubeconfig (default: its current one)")
    .option("-n, --namespace <namespace>", "where MetalLB runs (default: where its Pods are found)");

/** Adds the command with its options: formats, watching. */
export function addClusterCommand(program: Command, outcome: Outcome, what: ClusterCommand): void {
  withCluster(program.command(what.grammar))
    .description(what.description)
    .addOption(new Option("-o, --output <format>", "instead of a table cut to the terminal").choices(FORMATS))
    .option("-w, --watch", "show it until Ctrl-C, as it changes")
    .action(async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = command.opts();
      const words = command.args;
      const format = (options.output ?? "table") as Format;
      const connection = connect(options);
      const { kinds, states } = what;
      const namespace = (options.namespace as string | undefined) ?? null;
      const wanted = { namespace, kinds, states };
      const show = (facts: ClusterFacts) => what.show(facts, words, format === "wide");
      try {
        if (options.watch === true) {
          const ending = new AbortController();
          for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
          const paint = paintFor(process.stdout.isTTY, process.env);
          const watched = await watchFacts(connection, wanted);
          await follow(async () => render(show(await watched.now()), format, paint), PERIOD, ending.signal);
          watched.close();
          return;
        }
        const shown = show(await readFacts(connection, wanted));
        print(shown, format);
        outcome.exitCode = shown.exitCode;
      } finally {
        connection.client.close();
      }
    });
}
