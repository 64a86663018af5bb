/**
 * `npm run mutate -- ROOM[/FILE…] …`: breaks the code of pure rooms in hundreds of small ways and tells which of
 * them no test of the room notices. For each room 90 % must be noticed. Uses one core; a room takes minutes.
 * `--sample N --seed S` tries N of them only, the same N for the same seed. `--again` keeps from the run before
 * what neither the code nor a test has changed. Texts for people are not broken: a test that repeats them tests
 * nothing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "..");
const tools = join(import.meta.dirname, "mutation");
const sources = "packages/metallb/src";
/** In percent; below it the command fails. */
const NOTICED = 90;

interface Options {
  /** How many mutants of a room to try; all without it. */
  readonly sample: number | null;
  readonly seed: string;
  readonly again: boolean;
}

const run = (program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): number =>
  spawnSync(program, args, { cwd, env, stdio: "inherit" }).status ?? 1;

function mutate(target: string, { sample, seed, again }: Options, folder: string): number {
  const [room = "", ...file] = target.split("/");
  const path = `${sources}/${room}`;
  if (!existsSync(join(root, path))) {
    console.error(`no room ${path}`);
    return 2;
  }
  const config = join(folder, `${room}.json`);
  const what = file.length > 0 ? `${sources}/${target}` : `${path}/**/*.ts`;
  writeFileSync(
    config,
    JSON.stringify({
      mutate: [what, `!${path}/**/*.test.ts`, `!${path}/**/testing.ts`],
      mutator: { excludedMutations: ["StringLiteral"] },
      testRunner: "vitest",
      plugins: [
        join(tools, "node_modules/@stryker-mutator/vitest-runner/dist/src/index.js"),
        join(tools, "survivors.ts"),
        ...(sample === null ? [] : [join(tools, "sample.ts")]),
      ],
      checkers: sample === null ? [] : ["sample"],
      vitest: { configFile: "scripts/mutation/vitest.config.ts" },
      coverageAnalysis: "perTest",
      concurrency: 1,
      // An endless loop is stopped by the count of its rounds, a hundred times what the tests need. The clock is only
      // for what that does not see: a busy machine must not count as a mutant that was noticed.
      timeoutMS: 60_000,
      timeoutFactor: 10,
      // TypeScript 7 has no interface that would rewrite a tsconfig.json, and none needs rewriting.
      tsconfigFile: "none.json",
      tempDirName: join(folder, "copies"),
      ignorePatterns: ["bench", "deploy", "docs", "test", "scripts/mutation/node_modules"],
      // A sample's results are not those of the room. One file's are: Stryker keeps there those of the others.
      incremental: sample === null,
      incrementalFile: `reports/mutation/${room}.json`,
      force: !again,
      reporters: ["progress-append-only", "survivors", "clear-text"],
      clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
      thresholds: { break: NOTICED },
      allowEmpty: false,
    }),
  );
  const stryker = join(tools, "node_modules/@stryker-mutator/core/bin/stryker.js");
  return run(process.execPath, [stryker, "run", config], root, {
    ...process.env,
    MUTATED_ROOM: room,
    MUTATED_SAMPLE: String(sample),
    MUTATED_SEED: seed,
  });
}

const { values, positionals: targets } = parseArgs({
  allowPositionals: true,
  options: { sample: { type: "string" }, seed: { type: "string" }, again: { type: "boolean" } },
});
const options: Options = {
  sample: values.sample === undefined ? null : Number(values.sample),
  seed: values.seed ?? "1",
  again: values.again ?? false,
};
if (targets.length === 0 || (options.sample !== null && !(options.sample > 0))) {
  console.error(
    "usage: npm run mutate -- [--sample N [--seed S] | --again] ROOM[/FILE] …, such as: npm run mutate -- net config/claims.ts",
  );
  process.exitCode = 2;
} else if (existsSync(join(tools, "node_modules")) || run("npm", ["ci"], tools) === 0) {
  const folder = mkdtempSync(join(tmpdir(), "mutate-"));
  try {
    process.exitCode = Math.max(...targets.map((target) => mutate(target, options, folder)));
  } finally {
    rmSync(folder, { recursive: true });
  }
} else process.exitCode = 1;
