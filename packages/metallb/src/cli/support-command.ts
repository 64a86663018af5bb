import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Command } from "commander";
import { stringify } from "yaml";
import { type ClusterFacts, clusterView, FACT_KINDS, ownPods } from "#explain";
import { ApiError, type KubeClient, pathOf, RESOURCES } from "#kube";
import { troublesOf } from "#view";
import { withCluster } from "./cluster-command.ts";
import { type Connection, connect } from "./connect.ts";
import { examine } from "./doctor.ts";
import { readFacts } from "./read-facts.ts";
import { redact, redactText } from "./redact.ts";
import { tarOf } from "./tar.ts";
import { ownVersion } from "./version.ts";

const LOG_LINES = 5_000;
const LOG_MILLISECONDS = 20_000;

export function addSupportCommand(program: Command): void {
  withCluster(program.command("support"))
    .description("write a redacted bundle for a bug report: objects, states, events, logs, checks; no Secret is read")
    .option("--file <file>", "where to write it (default: metallb-support-TIME.tar.gz, here)")
    .action(async (options: Readonly<Record<string, string | undefined>>) => {
      const connection = connect(options);
      try {
        const now = Date.now();
        const namespace = options.namespace ?? null;
        const facts = await readFacts(connection, { namespace, kinds: FACT_KINDS, states: true });
        const files = await collect(connection, facts);
        const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, "");
        const file = options.file ?? `metallb-support-${stamp}.tar.gz`;
        await writeFile(file, await promisify(gzip)(tarOf(files, now)), { mode: 0o600 });
        console.log(`${file}: ${files.size} files. Read it before you send it; addresses and names are in it.`);
      } finally {
        connection.client.close();
      }
    });
}

/** Every file of the bundle by its name, redacted. */
async function collect({ client, server }: Connection, facts: ClusterFacts): Promise<ReadonlyMap<string, string>> {
  const view = clusterView(facts);
  const files = new Map<string, string>();
  const add = (name: string, value: unknown) =>
    files.set(`metallb-support/${name}`, stringify(redact(JSON.parse(JSON.stringify(value)))));
  add("about.yaml", { command: ownVersion(), server, namespace: facts.namespace, problems: facts.problems });
  add("status.yaml", { ...view, troubles: troublesOf(view) });
  add("doctor.yaml", await examine(client, facts));
  for (const kind of FACT_KINDS) if (facts.objects[kind] != null) add(`objects/${kind}.yaml`, facts.objects[kind]);
  for (const [pod, state] of facts.states) add(`states/${pod}.yaml`, state);
  const events = await client.list(RESOURCES.events, { namespace: facts.namespace }).catch(refused);
  add("objects/events.yaml", events);
  for (const { name } of ownPods(facts.objects.pods ?? [])) {
    files.set(`metallb-support/logs/${name}.log`, await logOf(client, facts.namespace, name));
  }
  return files;
}

const refused = (error: unknown): { readonly problem: string } => {
  if (error instanceof ApiError) return { problem: error.message };
  throw error;
};

async function logOf(client: KubeClient, namespace: string, name: string): Promise<string> {
  const lines: string[] = [];
  const path = pathOf(RESOURCES.pods, { namespace, name, subresource: "log" });
  try {
    const query = { tailLines: LOG_LINES };
    await client.stream(
      path,
      query,
      (line) => void lines.push(redactText(line)),
      AbortSignal.timeout(LOG_MILLISECONDS),
    );
  } catch (error) {
    lines.push(refused(error).problem);
  }
  return `${lines.join("\n")}\n`;
}
