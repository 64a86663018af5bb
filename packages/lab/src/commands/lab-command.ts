import { type Command, Option } from "commander";
import { meant } from "metallb/terminal";
import { isLabName } from "#base";
import { KUBERNETES, type LabOptionTexts, MAX_NODES, MODES, NETWORKS, ROUTERS, readLabOptions } from "#processes";
import { showLogs } from "./lab-logs.ts";
import { cutCable, execInPlace, healCable, printKubeconfig, showStatus } from "./lab-remote.ts";
import { runLab } from "./lab-run.ts";
import { stopLab } from "./lab-stop.ts";
import type { Outcome } from "./outcome.ts";

const NAME = ["--name <name>", "name of the lab, to run several side by side"] as const;

/** `metallb lab` and what a second shell may ask of a running lab. */
export function addLabCommand(program: Command, outcome: Outcome): void {
  const lab = program
    .command("lab")
    .description("run a cluster on this machine: Kubernetes API, controller, speakers and a router; Ctrl-C ends it")
    .addOption(new Option("--router <kind>", "the router that learns the routes").choices(ROUTERS).default("auto"))
    .addOption(
      new Option("--network <kind>", "what the nodes are connected by; namespaces need root")
        .choices(NETWORKS)
        .default("loopback"),
    )
    .addOption(
      new Option("--mode <kind>", "how addresses are announced; layer2 needs namespaces").choices(MODES).default("bgp"),
    )
    .addOption(
      new Option("--kubernetes <kind>", "embedded, or a real control plane (built with Go on first use)")
        .choices(KUBERNETES)
        .default("embedded"),
    )
    .option("--nodes <number>", `how many nodes, 1 to ${MAX_NODES}`, "3")
    .option("--data <folder>", "keep the cluster's objects there, across restarts")
    .option("--api-port <port>", "port of the Kubernetes API on 127.0.0.1 (default: any)")
    .option("--web-port <port>", "port of the dashboard on 127.0.0.1 (default: 7480, or any)")
    .option(...NAME)
    .enablePositionalOptions()
    .allowExcessArguments(true)
    .action(async (texts: LabOptionTexts, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) {
        const known = command.commands.map((each) => each.name());
        command.error(`error: unknown command '${word}' of 'lab'${meant(word, known)}`);
      }
      const options = readLabOptions(texts);
      if (!options.ok) command.error(`error: ${options.error}`);
      else outcome.exitCode = await runLab(options.value);
    });
  addCommands(lab, outcome);
}

/** What a second shell asks; each takes `--name`, before or after the command's own word. */
function addCommands(lab: Command, outcome: Outcome): void {
  const add = (grammar: string, description: string) =>
    lab
      .command(grammar)
      .description(description)
      .option(...NAME);
  add("status", "what the running labs are doing; exit code 1 when something is down")
    .option("--json", "as JSON: one object per lab, in a list")
    .option("--watch", "show it until Ctrl-C, as it changes")
    .option("--wait [seconds]", "wait until nothing is down, 60 seconds or as many as named")
    .action(async (options: Readonly<Record<string, unknown>>, command: Command) => {
      outcome.exitCode = await showStatus(nameOf(command), {
        json: options.json === true,
        watch: options.watch === true,
        wait: waitOf(options.wait, command),
      });
    });
  add("stop", "end the lab and remove every trace of it").action((_: object, command: Command) =>
    stopLab(nameOf(command)),
  );
  add("cut <node>", "pull the cable between a node and the router: nobody is told, the hold time finds it").action(
    (node: string, _: object, command: Command) => cutCable(nameOf(command), node),
  );
  add("heal <node>", "put the cable back").action((node: string, _: object, command: Command) =>
    healCable(nameOf(command), node),
  );
  add("logs <process>", "print what the controller or a node's speaker writes: 'controller', 'node-1', …")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("--tail <lines>", "only the last so many lines", "1000")
    .action((of: string, options: Readonly<Record<string, unknown>>, command: Command) => {
      const tail = Number(options.tail);
      if (!Number.isInteger(tail) || tail < 0) command.error("error: --tail takes a whole number");
      return showLogs(nameOf(command), of, { follow: options.follow === true, tail });
    });
  add("kubeconfig", "print the path of the kubeconfig, for KUBECONFIG").action((_: object, command: Command) =>
    printKubeconfig(nameOf(command)),
  );
  add("exec <place> <command...>", "run a command in a place of the network: client, router, node-1, …")
    .passThroughOptions()
    .action(async (place: string, words: string[], _: object, command: Command) => {
      // As with kubectl exec: what follows `--` is the command.
      const argv = words[0] === "--" ? words.slice(1) : words;
      outcome.exitCode = await execInPlace(nameOf(command), place, argv);
    });
}

/** The lab that is meant: `lab status --name a` and `lab --name a status` say the same. */
function nameOf(command: Command): string | null {
  const name: unknown = command.opts().name ?? command.parent?.opts().name;
  if (typeof name !== "string") return null;
  if (!isLabName(name)) {
    command.error(`error: --name takes lower-case letters, digits and hyphens, at most 20, not '${name}'`);
  }
  return name;
}

const WAIT_SECONDS = 60;

function waitOf(value: unknown, command: Command): number | null {
  if (value === undefined) return null;
  const seconds = value === true ? WAIT_SECONDS : Number(value);
  if (!(seconds >= 0 && seconds <= 86_400)) command.error("error: --wait takes seconds, 0 to 86400");
  return seconds * 1_000;
}
