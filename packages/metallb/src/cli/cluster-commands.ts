import type { Command } from "commander";
import { addClusterCommand } from "./cluster-command.ts";
import { addDashboardCommand } from "./dashboard-command.ts";
import { addDoctorCommand } from "./doctor-command.ts";
import { addDumpCommands } from "./dump-commands.ts";
import { addEventsCommand } from "./events-command.ts";
import { EXPLAIN_COMMAND } from "./explain-command.ts";
import { addL2BalanceCommand } from "./l2-balance-command.ts";
import { addL2MoveCommand } from "./l2-move-command.ts";
import { addNamesCommand } from "./names-command.ts";
import type { Outcome } from "./outcome.ts";
import { STATUS_COMMANDS } from "./status-commands.ts";
import { addSupportCommand } from "./support-command.ts";

/** The commands that speak to a cluster, through its API server alone. */
export function addClusterCommands(program: Command, outcome: Outcome): void {
  for (const command of [...STATUS_COMMANDS, EXPLAIN_COMMAND]) addClusterCommand(program, outcome, command);
  addL2MoveCommand(program, outcome);
  addL2BalanceCommand(program, outcome);
  addEventsCommand(program);
  addNamesCommand(program);
  addDoctorCommand(program, outcome);
  addSupportCommand(program);
  addDumpCommands(program, outcome);
  addDashboardCommand(program, outcome);
}
