import type { Command } from "commander";
import { metaOf } from "#explain";
import { RESOURCES } from "#kube";
import { withCluster } from "./cluster-command.ts";
import { connect } from "./connect.ts";
import { fieldsOf } from "./json.ts";

/** Arguments that name an object, and what they name. */
const NAMED = {
  service: RESOURCES.services,
  pool: RESOURCES.ipaddresspools,
  peer: RESOURCES.bgppeers,
  node: RESOURCES.nodes,
} as const;
export type NamedArgument = keyof typeof NAMED;

export const isNamed = (argument: string): argument is NamedArgument => Object.hasOwn(NAMED, argument);

/** A shell that waits longer annoys. */
const LIMIT_MILLISECONDS = 2_000;
/** Shells expand what they complete: nothing else is told to them. */
const NAME = /^[a-z0-9./-]+$/;
/** A longer list helps nobody, and the API server need not write one. */
const MOST = 500;

/** What shells ask while somebody types: the names of objects, one a line; nothing where they cannot be read. */
export function addNamesCommand(program: Command): void {
  withCluster(program.command("names <kind>", { hidden: true })).action(
    async (kind: string, options: Readonly<Record<string, string | undefined>>) => {
      if (!isNamed(kind)) return;
      const { client } = connect(options);
      const limit = setTimeout(() => client.close(), LIMIT_MILLISECONDS);
      try {
        const { items = [] } = await client.list(NAMED[kind], {}, { limit: MOST });
        const names = items.filter((item) => kind !== "service" || isBalancer(item)).map(nameOf(kind));
        process.stdout.write(
          names
            .filter((name) => NAME.test(name))
            .map((name) => `${name}\n`)
            .join(""),
        );
      } catch {
        // A shell shows nothing of what is said here.
      } finally {
        clearTimeout(limit);
        client.close();
      }
    },
  );
}

/** Of a Service in `default` the name alone, as commands take it. */
const nameOf =
  (kind: NamedArgument) =>
  (item: unknown): string => {
    const { key, name, namespace } = metaOf(item);
    return kind === "service" && namespace !== "default" ? key : name;
  };

const isBalancer = (item: unknown): boolean => fieldsOf(fieldsOf(item).spec).type === "LoadBalancer";
