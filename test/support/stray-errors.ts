import { writeFileSync } from "node:fs";
import type { Reporter } from "vitest/node";

/** Writes the errors that happened outside of all tests, which the JSON report leaves out, into a file of their own. */
export default class StrayErrors implements Reporter {
  onTestRunEnd(...[, errors]: Parameters<NonNullable<Reporter["onTestRunEnd"]>>): void {
    const file = process.env.METALLB_TEST_STRAY_ERRORS;
    if (file === undefined) return;
    const seen = errors.map(({ message, stack }) => ({ message, where: stack?.split("\n")[1]?.trim() ?? "" }));
    writeFileSync(file, JSON.stringify(seen));
  }
}
