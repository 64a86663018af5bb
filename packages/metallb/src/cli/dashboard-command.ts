import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { type ClusterFacts, clusterView } from "#explain";
import type { ClusterView } from "#view";
import { startDashboard } from "#web";
import { withCluster } from "./cluster-command.ts";
import { connect } from "./connect.ts";
import type { Outcome } from "./outcome.ts";
import { OVERVIEW } from "./status-commands.ts";
import { watchFacts } from "./watch-facts.ts";

const PORT = 7480;

export function addDashboardCommand(program: Command, outcome: Outcome): void {
  withCluster(program.command("dashboard"))
    .description("serve the page on 127.0.0.1, with your own rights, until Ctrl-C")
    .option("--port <port>", `port of the page on 127.0.0.1 (default: ${PORT}, or any)`)
    .action(async (options: Readonly<Record<string, string | undefined>>, command: Command) => {
      const port = options.port === undefined ? null : Number(options.port);
      if (port !== null && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
        command.error(`error: --port takes 1 to 65535, not '${options.port}'`);
      }
      const connection = connect(options);
      const watched = await watchFacts(connection, {
        namespace: options.namespace ?? null,
        kinds: OVERVIEW,
        states: true,
      });
      let shown: { readonly facts: ClusterFacts; readonly view: ClusterView } | null = null;
      const view = async () => {
        const facts = await watched.now();
        // With thousands of Services on hundreds of nodes this costs a second: only when something changed.
        if (shown?.facts !== facts) shown = { facts, view: clusterView(facts) };
        return shown.view;
      };
      const key = randomBytes(18).toString("base64url");
      const start = (at: number) => startDashboard({ port: at, view, key });
      const dashboard = await start(port ?? PORT).catch((error: NodeJS.ErrnoException) => {
        if (port === null && error.code === "EADDRINUSE") return start(0);
        throw error.code === "EADDRINUSE" ? new Error(`port ${port} is taken: choose another with --port`) : error;
      });
      console.log(
        `${dashboard.url}\nThe address holds a key: who has it sees the cluster with your rights. Ctrl-C ends it.`,
      );
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => end());
      await ended;
      await dashboard.close();
      watched.close();
      connection.client.close();
      outcome.exitCode = 0;
    });
}
