import type { Command } from "commander";
import { L2_NODE } from "#api";
import { metaOf } from "#explain";
import { RESOURCES } from "#kube";
import { visible } from "#terminal";
import { withCluster } from "./cluster-command.ts";
import { type Connection, connect } from "./connect.ts";
import { DONE, FAILED } from "./exit-codes.ts";

import type { Outcome } from "./outcome.ts";
import { readFacts } from "./read-facts.ts";
import { serviceKey } from "./service-key.ts";

const PLACEMENT = "metallb.io/l2-placement";
/** Milliseconds: how long a move may take, and how often it is looked for. */
const LIMIT = 5_000;
const PERIOD = 200;

type Options = Readonly<Record<string, string | undefined>>;

/** `metallb l2 move`: places one balanced Service elsewhere. */
export function addL2MoveCommand(program: Command, outcome: Outcome): void {
  const l2 = program.commands.find((command) => command.name() === "l2");
  if (!l2) throw new Error("there is no command l2");
  withCluster(l2.command("move <service> <node>"))
    .description("have another node announce a balanced Service ([namespace/]name); needs the right to patch Services")
    .action(async (service: string, node: string, options: Options, command: Command) => {
      // Of options that l2 has too, commander gives its own to l2.
      const all = { ...(command.parent?.opts() as Options | undefined), ...options };
      const connection = connect(all);
      try {
        outcome.exitCode = (await move(connection, service, node, all.namespace ?? null)) ? DONE : FAILED;
      } finally {
        connection.client.close();
      }
    });
}

/** Gives whether the node announces it. */
async function move(connection: Connection, asked: string, node: string, where: string | null): Promise<boolean> {
  const kinds = ["pods", "services", "nodes", "l2advertisements"] as const;
  const { namespace, objects, problems } = await readFacts(connection, { namespace: where, kinds, states: false });
  const { services, nodes, l2advertisements } = objects;
  if (services == null) throw new Error(problems.join("; "));
  const key = serviceKey(
    asked,
    services.map((object) => metaOf(object).key),
  );
  if (!services.some((object) => metaOf(object).key === key)) throw new Error(`there is no Service '${visible(key)}'`);
  if (nodes != null && !nodes.some((object) => metaOf(object).name === node))
    throw new Error(`there is no node '${visible(node)}'`);
  if (!(l2advertisements ?? []).some(isBalanced))
    throw new Error(`no L2Advertisement has the annotation ${PLACEMENT}: balanced`);
  const [serviceNamespace = "", name = ""] = key.split("/");
  const patch = { metadata: { annotations: { [L2_NODE]: node } } };
  await connection.client.patch(RESOURCES.services, { namespace: serviceNamespace, name }, "merge", patch);
  const labelSelector = `metallb.io/service-namespace=${serviceNamespace},metallb.io/service-name=${name}`;
  for (const deadline = performance.now() + LIMIT; performance.now() < deadline; ) {
    const { items } = await connection.client.list(RESOURCES.servicel2statuses, { namespace }, { labelSelector });
    const owners = (items ?? []).map((item) => (item as { status?: { node?: unknown } }).status?.node);
    if (owners.length === 1 && owners[0] === node) {
      console.log(visible(`node ${node} announces ${key}`));
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
  }
  console.log(visible(`${key} is placed on node ${node}, which does not announce it: see 'metallb explain ${key}'`));
  return false;
}

const isBalanced = (object: unknown): boolean =>
  (object as { metadata?: { annotations?: Readonly<Record<string, string>> } }).metadata?.annotations?.[PLACEMENT] ===
  "balanced";
