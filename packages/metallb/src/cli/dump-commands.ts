import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { decodeDump, encodeDump, type RecordedEvent, replay, storyOf } from "#bgp";
import { ownPods } from "#explain";
import { visible } from "#terminal";
import { withCluster } from "./cluster-command.ts";
import { connect } from "./connect.ts";
import { DONE } from "./exit-codes.ts";
import type { Outcome } from "./outcome.ts";
import { askPod, readFacts } from "./read-facts.ts";

/** The last events of a live speaker, and what they say when they are done again. */
export function addDumpCommands(program: Command, outcome: Outcome): void {
  withCluster(program.command("dump <node>"))
    .description("the last BGP events of a node's speaker, without secrets, for 'metallb replay' and bug reports")
    .option("--file <file>", "where to write them (default: the terminal)")
    .action(async (node: string, options: Readonly<Record<string, string | undefined>>) => {
      const connection = connect(options);
      try {
        const facts = await readFacts(connection, {
          namespace: options.namespace ?? null,
          kinds: ["pods"],
          states: false,
        });
        const speaker = ownPods(facts.objects.pods ?? []).find(
          (pod) => pod.component === "speaker" && (pod.node === node || pod.name === node),
        );
        if (!speaker) throw new Error(`no speaker runs on node ${node}`);
        const answer = await askPod(connection.client, facts.namespace, speaker, "dump");
        const events = decodeDump(JSON.stringify(answer));
        if (!events.ok) throw new Error(`the speaker of ${node} does not tell its last events: ${events.error}`);
        const dump = encodeDump(events.value);
        if (options.file === undefined) process.stdout.write(dump);
        else {
          await writeFile(options.file, dump, { mode: 0o600 });
          console.log(`${options.file}: read it before you send it; addresses, names and what routers said are in it.`);
        }
      } finally {
        connection.client.close();
      }
    });
  program
    .command("replay <file>")
    .description("does the events of a dump again, on the machine alone, and tells what each led to")
    .action(async (file: string) => {
      const events = decodeDump(await readFile(file, "utf8"));
      if (!events.ok) throw new Error(`${file}: ${events.error}`);
      for (const line of tell(file, events.value)) console.log(visible(line));
      outcome.exitCode = DONE;
    });
}

function tell(file: string, events: readonly RecordedEvent[]): readonly string[] {
  const start = events[0]?.at ?? 0;
  const replayed = attempt(file, events);
  return [
    ...replayed.steps.flatMap(({ event, effects }) => storyOf(event, effects, start)),
    "",
    replayed.exact
      ? "The dump holds everything since the start: this is what happened, octet for octet."
      : "The dump does not hold the beginning: of connections that stood before nothing is known.",
    ...replayed.reports.map(
      ({ peer, state, reason }) => `session ${peer}: ${state}${reason === "" ? "" : ` (${reason})`}`,
    ),
  ];
}

function attempt(file: string, events: readonly RecordedEvent[]): ReturnType<typeof replay> {
  try {
    return replay(events);
  } catch {
    throw new Error(`${file}: an event of it lacks what belongs to it`);
  }
}
