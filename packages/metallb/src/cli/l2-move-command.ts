import type { Command } from "commander";
import { ANNOTATIONS, annotation } from "#api";
import { metaOf } from "#explain";
import { visible } from "#terminal";
import { withCluster } from "./cluster-command.ts";
import { type Connection, connect } from "./connect.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import { place } from "./l2-placing.ts";
import type { Outcome } from "./outcome.ts";
import { readFacts } from "./read-facts.ts";
import { serviceKey } from "./service-key.ts";

const PLACEMENT = "metallb.io/l2-placement";
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
  if (await place(connection, namespace, sharersOf(key, services), node)) {
    console.log(visible(`node ${node} announces ${key}`));
    return true;
  }
  console.log(visible(`${key} is placed on node ${node}, which does not announce it: see 'metallb explain ${key}'`));
  return false;
}

/** Those that may share the address of the Service, itself included: they move with it. */
function sharersOf(key: string, services: readonly unknown[]): readonly string[] {
  const address = sharedAddress(services.find((object) => metaOf(object).key === key));
  if (address === null) return [key];
  return services.filter((object) => sharedAddress(object) === address).map((object) => metaOf(object).key);
}

function sharedAddress(object: unknown): string | null {
  const { metadata, status } = object as {
    metadata?: { annotations?: Readonly<Record<string, string>> };
    status?: { loadBalancer?: { ingress?: readonly { ip?: string }[] } };
  };
  const may = annotation({ annotations: metadata?.annotations ?? {} }, ANNOTATIONS.allowSharedIp);
  const [first] = status?.loadBalancer?.ingress ?? [];
  return (may && first?.ip) || null;
}

const isBalanced = (object: unknown): boolean =>
  (object as { metadata?: { annotations?: Readonly<Record<string, string>> } }).metadata?.annotations?.[PLACEMENT] ===
  "balanced";
