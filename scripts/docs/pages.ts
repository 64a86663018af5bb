import { commandLine, referenceOf } from "metallb/cli";
import { valuesPage } from "./chart-values.ts";
import { compatibilityPage } from "./compatibility.ts";
import { eventsPage } from "./events.ts";
import { fieldsPage } from "./fields.ts";
import { flagsPage } from "./flags.ts";
import { metricsPage } from "./metrics.ts";
import { annotationsPage, conditionsPage } from "./names.ts";
import { troubleshootingPage } from "./troubleshooting.ts";

/** The pages below docs/ that are made from the code: path → text. */
export async function pages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["cli.md", referenceOf(await commandLine({ exitCode: 0 }))],
    ["compatibility.md", compatibilityPage()],
    ["troubleshooting.md", troubleshootingPage()],
    ["reference/annotations.md", annotationsPage()],
    ["reference/conditions.md", conditionsPage()],
    ["reference/events.md", eventsPage()],
    ["reference/fields.md", fieldsPage()],
    ["reference/flags.md", flagsPage()],
    ["reference/metrics.md", metricsPage()],
    ["reference/values.md", valuesPage()],
  ]);
}
