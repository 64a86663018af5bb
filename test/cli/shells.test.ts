import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { projectFile } from "../support/programs.ts";

type Shell = "bash" | "zsh" | "fish";

/** What a shell has somebody choose from after a line, in the order in which it shows it. */
type Complete = (line: string, choices: number) => readonly string[];

const BASH = `source "$0"; read -ra COMP_WORDS <<<"$1"; [[ "$1" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _metallb; printf '%s\\n' "\${COMPREPLY[@]}"`;

/** The same questions to each real shell, with a command line whose cluster knows two Services. */
function suite(shell: Shell, ask: (script: string, env: NodeJS.ProcessEnv) => Complete): void {
  const folder = mkdtempSync(join(tmpdir(), "metallb-shells-"));
  const env = { ...process.env, PATH: [folder, process.env.PATH].join(delimiter), HOME: folder };
  const script = join(folder, `completion.${shell}`);
  const complete = ask(script, env);

  beforeAll(() => {
    const program = join(folder, "metallb");
    const names = `printf '%s\\n' "$*" >>'${folder}/asked'; printf '%s\\n' shop/cart shop/web`;
    const text = `#!/bin/sh\nif [ "$1" = names ]; then ${names}; else exec '${projectFile("packages/metallb/bin/metallb")}' "$@"; fi\n`;
    writeFileSync(program, text);
    chmodSync(program, 0o755);
    writeFileSync(script, spawnSync(program, ["completion", shell], { env, encoding: "utf8" }).stdout);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("knows commands, those below a command, and what comes after them", () => {
    expect(complete("metallb comp", 1)).toEqual(["completion"]);
    expect(complete("metallb lab st", 2)).toEqual(["status", "stop"]);
    expect(complete("metallb completion ", 3)).toEqual(["bash", "fish", "zsh"]);
  });

  it("knows options, of the command that stands there, and the formats", () => {
    expect(complete("metallb doctor --mig", 1)).toEqual(["--migrate"]);
    expect(complete("metallb lab status --js", 1)).toEqual(["--json"]);
    expect(complete("metallb bgp -o ", 3)).toEqual(["json", "wide", "yaml"]);
  });

  it("asks the cluster that the line names for the Services", () => {
    expect(complete("metallb explain --context blue shop/", 2)).toEqual(["shop/cart", "shop/web"]);
    expect(readFileSync(join(folder, "asked"), "utf8")).toContain("names service --context blue\n");
  });
}

const run = (argv: readonly string[], env: NodeJS.ProcessEnv): readonly string[] => {
  const [program = "", ...args] = argv;
  const { stdout, stderr } = spawnSync(program, args, { env, encoding: "utf8", timeout: 60_000 });
  if (stderr.trim() !== "") throw new Error(stderr);
  return stdout.split("\n").filter((line) => line !== "");
};

describe("completion in bash", () =>
  suite("bash", (script, env) => (line) => {
    // It shows options and all else at once.
    const isAsked = (shown: string): boolean => !shown.startsWith("-") || / -\S*$/.test(line);
    return run(["bash", "-c", BASH, script, line], env).filter(isAsked).toSorted();
  }));

describeWith(["zsh"], "completion in zsh", () =>
  suite("zsh", (script, env) => (line, choices) => {
    const shown = run(["zsh", "-f", projectFile("test/cli/complete.zsh"), script, line, String(choices)], env);
    return shown.map((each) => each.trim().split(" ").at(-1) ?? "");
  }),
);

describeWith(["fish"], "completion in fish", () =>
  suite("fish", (script, env) => (line) => {
    const shown = run(["fish", "--no-config", "-c", `source ${script}; complete -C "${line}"`], env);
    return shown.map((each) => each.split("\t")[0] ?? "");
  }),
);
