import { type Command, Option } from "commander";
import { KUBERNETES, type LabOptionTexts, MAX_NODES, NETWORKS, ROUTERS, readLabOptions } from "../index.ts";
import { cutCable, execInPlace, healCable, printKubeconfig, showStatus, stopLab } from "./lab-remote.ts";
import { runLab } from "./lab-run.ts";
import type { Outcome } from "./outcome.ts";

interface Named {
  readonly name?: string;
}

const NAME = ["--name <name>", "which lab, where several run"] as const;

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
      new Option("--kubernetes <kind>", "embedded, or a real control plane (built with Go on first use)")
        .choices(KUBERNETES)
        .default("embedded"),
    )
    .option("--nodes <number>", `how many nodes, 1 to ${MAX_NODES}`, "3")
    .option("--data <folder>", "keep the cluster's objects there, across restarts")
    .option("--api-port <port>", "port of the Kubernetes API on 127.0.0.1 (default: any)")
    .option("--web-port <port>", "port of the dashboard on 127.0.0.1 (default: 7480, or any)")
    .option("--name <name>", "name of the lab, to run several side by side")
    .enablePositionalOptions()
    .allowExcessArguments(true)
    .action(async (texts: LabOptionTexts, command: Command) => {
      if (command.args[0] !== undefined) command.error(`error: unknown command '${command.args[0]}' of 'lab'`);
      const options = readLabOptions(texts);
      if (!options.ok) command.error(`error: ${options.error}`);
      else outcome.exitCode = await runLab(options.value);
    });
  lab
    .command("status")
    .description("what the running labs are doing")
    .option("--json", "as JSON: one object per lab, in a list")
    .option(...NAME)
    .action(async (options: Named & { readonly json?: true }) => {
      outcome.exitCode = await showStatus(options.name ?? null, options.json === true);
    });
  lab
    .command("stop")
    .description("end the lab and remove every trace of it")
    .option(...NAME)
    .action((options: Named) => stopLab(options.name ?? null));
  lab
    .command("cut <node>")
    .description("pull the cable between a node and the router: nobody is told, the hold time finds it")
    .option(...NAME)
    .action((node: string, options: Named) => cutCable(options.name ?? null, node));
  lab
    .command("heal <node>")
    .description("put the cable back")
    .option(...NAME)
    .action((node: string, options: Named) => healCable(options.name ?? null, node));
  lab
    .command("kubeconfig")
    .description("print the path of the kubeconfig, for KUBECONFIG")
    .option(...NAME)
    .action((options: Named) => printKubeconfig(options.name ?? null));
  lab
    .command("exec <place> <command...>")
    .description("run a command in a place of the network: client, router, node-1, … (with --network namespaces)")
    .option(...NAME)
    .passThroughOptions()
    .action(async (place: string, words: string[], options: Named) => {
      // As with kubectl exec: what follows `--` is the command.
      const command = words[0] === "--" ? words.slice(1) : words;
      outcome.exitCode = await execInPlace(options.name ?? null, place, command);
    });
}
