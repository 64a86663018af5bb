import { describe, it } from "vitest";
import { missing, type Part } from "./probes.ts";
import { NOT_RUN } from "./report.ts";

/**
 * A suite that runs where all its parts are there. Where one is missing the suite is reported as
 * not run, with the reason in its name; with CI=true it fails instead.
 */
export function describeWith(parts: readonly Part[], name: string, body: () => void): void {
  const reasons = parts.map(missing).filter((reason) => reason !== null);
  if (reasons.length === 0) describe(name, body);
  else if (process.env.CI === "true") {
    describe(name, () => {
      it(`needs ${parts.join(", ")}`, () => {
        throw new Error(`cannot run here: ${reasons.join("; ")}`);
      });
    });
  } else describe.skip(`${name} ${NOT_RUN}${reasons.join("; ")}]`, body);
}
