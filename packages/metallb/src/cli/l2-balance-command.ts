import type { Command } from "commander";
import { type OwnPod, ownPods } from "#explain";
import { ApiError } from "#kube";
import type { PlacementReport, ReportedMove } from "#report";
import { visible } from "#terminal";
import { withCluster } from "./cluster-command.ts";
import { type Connection, connect } from "./connect.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import { place } from "./l2-placing.ts";
import type { Outcome } from "./outcome.ts";
import { askPod, readFacts } from "./read-facts.ts";

type Options = Readonly<Record<string, string | boolean | undefined>> & {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly dryRun?: boolean;
};

/** `metallb l2 balance`: moves balanced addresses until all nodes have equally many. */
export function addL2BalanceCommand(program: Command, outcome: Outcome): void {
  const l2 = program.commands.find((command) => command.name() === "l2");
  if (!l2) throw new Error("there is no command l2");
  withCluster(l2.command("balance"))
    .description(
      "move balanced addresses, one after another and without loss, until all nodes have equally many; needs the right to patch Services",
    )
    .option("--dry-run", "only print what would move")
    .action(async (options: Options, command: Command) => {
      const all: Options = { ...(command.parent?.opts() as Options | undefined), ...options };
      const connection = connect(all);
      try {
        outcome.exitCode = (await balance(connection, all)) ? DONE : FAILED;
      } finally {
        connection.client.close();
      }
    });
}

/** Gives whether all that was to be moved is where it was to go. Never more than what it printed first. */
async function balance(connection: Connection, options: Options): Promise<boolean> {
  const facts = await readFacts(connection, { namespace: options.namespace ?? null, kinds: ["pods"], states: false });
  const { namespace, problems } = facts;
  if (facts.objects.pods == null) throw new Error(problems.join("; "));
  const speakers = ownPods(facts.objects.pods).filter(({ component, ready }) => component === "speaker" && ready);
  const { services, moves } = await readPlacement(connection, namespace, speakers);
  if (services === 0)
    throw new Error(
      "no Service is balanced: no L2Advertisement has the annotation metallb.io/l2-placement: balanced, or speakers of MetalLB's own take part",
    );
  if (moves.length === 0) console.log("the nodes are level: nothing is to be moved");
  for (const move of moves) console.log(visible(`${named(move)}: ${move.from} → ${move.to}`));
  if (options.dryRun === true) return true;
  for (const [done, move] of moves.entries()) {
    if (await place(connection, namespace, move.services, move.to)) {
      console.log(visible(`node ${move.to} announces ${named(move)}`));
      continue;
    }
    const left = moves.length - done - 1;
    const [first = ""] = move.services;
    console.log(
      visible(
        `${named(move)} is placed on node ${move.to}, which does not announce it: see 'metallb explain ${first}'`,
      ),
    );
    if (left > 0)
      console.log(`${left} more ${left === 1 ? "is" : "are"} left where ${left === 1 ? "it is" : "they are"}`);
    return false;
  }
  return true;
}

const named = ({ services, address }: ReportedMove): string => `${address} (${services.join(", ")})`;

/** As the speaker sees it that places; another's view counts where that one is not to be had. */
async function readPlacement(
  { client }: Connection,
  namespace: string,
  speakers: readonly OwnPod[],
): Promise<PlacementReport> {
  const ask = async (pod: OwnPod): Promise<PlacementReport | null> => {
    try {
      return (await askPod(client, namespace, pod, "placement")) as PlacementReport;
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  };
  for (const pod of speakers) {
    const told = await ask(pod);
    if (told === null) continue;
    const placer = speakers.find(({ node }) => node === told.placer && node !== pod.node);
    return (placer && (await ask(placer))) ?? told;
  }
  throw new Error("no speaker tells where Services are placed");
}
