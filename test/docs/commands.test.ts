import { spawnSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Block, readBlocks } from "../support/blocks.ts";
import { describeWith } from "../support/parts.ts";
import { projectFile } from "../support/programs.ts";
import { WORLDS, type World } from "./worlds.ts";

/** Pages of which every command runs or says why not. */
const MUST_RUN = ["installation.md", "lab.md", "migration.md", "tutorial.md"];

const docs = projectFile("docs");
const pages = globSync("**/*.md", { cwd: docs })
  .toSorted()
  .map((name) => ({ name, ...readBlocks(readFileSync(join(docs, name), "utf8")) }));

describe("the pages with commands", () => {
  it("are all those that must run, in a world that there is", () => {
    const running = pages.filter(({ world }) => world !== null);
    expect(running.filter(({ world }) => !((world ?? "") in WORLDS)).map(({ name }) => name)).toEqual([]);
    expect(MUST_RUN.filter((name) => !running.some((page) => page.name === name))).toEqual([]);
  });

  it("have comments that are about something", () => {
    expect(pages.flatMap(({ name, problems }) => problems.map((each) => `${name}, ${each}`))).toEqual([]);
  });
});

/** Runs a block in the shell that the one before left: its folder and its variables. */
function run({ folder, env }: World, text: string): { readonly code: number; readonly output: string } {
  const state = join(folder, ".shell-state");
  const script = `exec 2>&1; cd '${folder}'; [ ! -f '${state}' ] || . '${state}'
trap 'code=$?; { export -p; printf "cd %q\\n" "$PWD"; } > "${state}"; exit $code' EXIT
set -eo pipefail
${text}`;
  const { status, stdout } = spawnSync("bash", ["-c", script], { env, encoding: "utf8", timeout: 90_000 });
  return { code: status ?? -1, output: stdout };
}

const what = (block: Block): string => {
  const [first = ""] = block.text.trim().split("\n");
  return `line ${block.line}: ${first.slice(0, 80)}`;
};

for (const { name, world: kind, blocks } of pages) {
  const found = kind === null ? undefined : WORLDS[kind];
  if (found === undefined) continue;
  const left = blocks.filter((block) => block.kind === "not run");
  const commands = blocks.filter((block) => block.kind === "run").length;
  describeWith(found.parts, `${name}: ${commands} blocks run, ${left.length} not`, () => {
    let world: World;
    let isBroken = false;
    beforeAll(async () => {
      world = await found.open();
    });
    afterAll(() => world?.close());

    for (const block of blocks) {
      if (block.kind === "not run") {
        it(`${what(block)} is not run: ${block.why}`, () => expect(block.why.length).toBeGreaterThan(10));
        continue;
      }
      it(what(block), () => {
        if (isBroken) throw new Error("a block before it failed");
        isBroken = true;
        if (block.kind === "write") writeFileSync(join(world.folder, block.file), `${block.text}\n`);
        else {
          const { code, output } = run(world, block.text);
          expect(code, output).toBe(block.endsWith);
          for (const text of block.prints) expect(output).toContain(text);
        }
        isBroken = false;
      });
    }
  });
}
