import type { Command, Option } from "commander";

const HEAD = `<!-- Made by npm run generate from packages/metallb/src/cli and packages/lab/src/commands. Do not edit. -->

# The command line

\`metallb\`, installed also as \`kubectl-metallb\`, so that \`kubectl metallb status\` works too. It speaks to the API server alone: with your kubeconfig, your rights, and MetalLB's Pods through the server's proxy.

| exit code | means |
|---|---|
| 0 | done, and all is well |
| 1 | something is down or wrong, a rule said no, or the command failed |
| 2 | asked wrongly |
| 3 | the cluster cannot be reached, or does not know you |

Tables are cut to the terminal's width; \`-o wide\` cuts nothing, \`-o json\` and \`-o yaml\` are for programs, and where no terminal is nothing is cut or coloured (\`NO_COLOR\` is honoured). \`--watch\` shows what changes until Ctrl-C.

What you may not read is named, and the rest is shown. What is below is enough for every command but two: \`check --against-cluster\` also lists Secrets, to see that those which peers name are there, and \`doctor --migrate\` reads Deployments, DaemonSets and webhooks. No other command reads a Secret.

\`\`\`yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: metallb-view }
rules:
  - apiGroups: [""]
    resources: [services, nodes, namespaces, pods, events]
    verbs: [list, watch]
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [list, watch]
  - apiGroups: [metallb.io]
    resources: ["*"]
    verbs: [list, watch]
  - apiGroups: [apiextensions.k8s.io]       # doctor: are all kinds there
    resources: [customresourcedefinitions]
    verbs: [list]
  - apiGroups: [""]                         # what the processes decided
    resources: [pods/portforward]
    verbs: [get, create]
  - apiGroups: [""]                         # the same, where connections to Pods are not carried (the lab)
    resources: [pods/proxy]
    verbs: [get]
  - apiGroups: [""]                         # support
    resources: [pods/log]
    verbs: [get]
  - apiGroups: [""]                         # explain, doctor: strictARP
    resources: [configmaps]
    resourceNames: [kube-proxy]
    verbs: [get]
\`\`\`

What you lack \`metallb doctor\` names, with the line that grants it, for somebody who may grant it. It also says whether the cluster is too old, CRDs are missing or of another version, and another load balancer gives addresses to the same Services: a second MetalLB, one whose kinds it knows, or whoever gave a Service an address of no pool. Of an installation that is gone it names the webhooks that stand and refuse every change, and of Pods that are not ready what they wait for.

The page of \`metallb dashboard\` follows the cluster by itself, and says what it cannot read just now: a right that is taken away, credentials that have run out, an API server that is away. What it knew stays; what is allowed again is shown again. The name of a node in its filter shows everything that this node announces, and the page's address is a link to it.
`;

/** The page of documentation about all commands, made from the commands themselves. */
export function referenceOf(program: Command): string {
  return `${HEAD}\n${sectionsOf(program, program.name(), 2).join("\n")}`;
}

function sectionsOf(command: Command, path: string, level: number): readonly string[] {
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((each) => each.name() !== "help");
  const own = level === 2 ? [] : [sectionOf(command, path, level)];
  const deeper = below.toSorted((a, b) => (a.name() < b.name() ? -1 : 1));
  return [...own, ...deeper.flatMap((each) => sectionsOf(each, `${path} ${each.name()}`, Math.min(level + 1, 4)))];
}

function sectionOf(command: Command, path: string, level: number): string {
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter((option: Option) => option.long !== "--help" && option.long !== "--version");
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? ` <${name}>` : ` [${name}]`;
  });
  const usage = `${path}${options.length === 0 ? "" : " [options]"}${words.join("")}`;
  const rows = options.map((option) => `| \`${cell(option.flags)}\` | ${cell(aboutOf(option))} |`);
  const table = rows.length === 0 ? "" : `\n| option | |\n|---|---|\n${rows.join("\n")}\n`;
  return `${"#".repeat(level - 1)} ${path}\n\n${sentence(command.description())}\n\n\`\`\`sh\n${usage}\n\`\`\`\n${table}`;
}

function aboutOf(option: Option): string {
  const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
  const value: unknown = option.defaultValue;
  return `${option.description}${choices}${typeof value === "string" ? `; default: ${value}` : ""}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
