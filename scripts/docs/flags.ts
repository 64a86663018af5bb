import { CONTROLLER_FLAGS, type FlagTable, SPEAKER_FLAGS } from "metallb/process";
import { code, head, sentence, table } from "./markdown.ts";

/** docs/reference/flags.md: what the two processes take. */
export function flagsPage(): string {
  const about =
    "Flags and environment variables of the two processes. They are MetalLB's, and read as Go reads them: `-x y`, `--x y` and `--x=y`; a boolean takes its value by an equals sign alone. A variable gives the default, and the flag wins. Those of the command line stand in [cli.md](../cli.md).";
  return `${head("Flags", "packages/metallb/src/process/tables.ts", about)}
## controller

${flags(CONTROLLER_FLAGS)}

## speaker

${flags(SPEAKER_FLAGS)}
`;
}

const flags = (all: FlagTable): string =>
  table(
    ["flag", "variable", "default", "meaning"],
    Object.entries(all)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, flag]) => [
        code(`--${name}`),
        flag.env === undefined ? "" : code(flag.env),
        flag.default === "" ? "" : code(String(flag.default)),
        sentence(flag.help) + (flag.later === undefined ? "" : " Accepted without effect."),
      ]),
  );
