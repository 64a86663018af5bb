import { CHAPTERS } from "../../test/controller/contract/scenes.ts";
import { BEYOND, type Proof, ROWS } from "./compatibility-rows.ts";
import { LAYER2_FAULTS } from "./fault-rows.ts";
import { code, head, table } from "./markdown.ts";

const shown = (proofs: readonly Proof[]): string => [...new Set(proofs.map(([file]) => code(file)))].join(", ");

/** docs/compatibility.md. */
export function compatibilityPage(): string {
  const about =
    "What MetalLB 0.16 does in allocation, configuration, status, events and metrics, what this project does, and the test that shows it. Sections are those of MetalLB's behaviour as it was written down before anything was built: 1 processes, 2 custom resources, 3 annotations, 4 allocation, 5 validation, 8 metrics and events, 11 history. Every test that is named is there: the page is made from a table, and a test holds the table.";
  const rows = ROWS.map(({ section, what, differs, proofs }) => [
    section,
    what,
    differs === undefined ? "the same" : `differs: ${differs}`,
    shown(proofs),
  ]);
  const stories = CHAPTERS.map(
    ({ section, title, scenes }) => `### ${section} ${title}\n\n${scenes.map(({ name }) => `- ${name}`).join("\n")}\n`,
  );
  const beyond = BEYOND.map(({ what, proofs }) => [what, shown(proofs)]);
  const faults = LAYER2_FAULTS.map(({ what, after, proofs }) => [what, after, shown(proofs)]);
  return `${head("Compatibility", "scripts/docs/compatibility-rows.ts and test/controller/contract", about)}
${table(["section", "MetalLB", "here", "shown by"], rows)}

## Stories

Each is played through a real API server and the embedded one, and after each step addresses, annotations, events and counters are compared (${code("test/controller/contract.test.ts")}).

${stories.join("\n")}
## Beyond MetalLB

${table(["what", "shown by"], beyond)}

## Faults at layer 2

Injected into speakers that run; what is simulated runs for an hour of virtual time in CI.

${table(["fault", "then", "shown by"], faults)}
`;
}
