/**
 * Compiles packages to JavaScript with types, into `dist` of each: what `npm pack` puts into the tarball.
 *
 *     bin/node scripts/compile.ts [package …]     all, in the order of their dependencies
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundlePage } from "./page.ts";

const root = join(import.meta.dirname, "..");
/** Each may import those before it. */
const PACKAGES = ["metallb", "apiserver", "lab"];

const asked = process.argv.slice(2);
for (const name of PACKAGES.filter((each) => asked.length === 0 || asked.includes(each))) await compile(name);

async function compile(name: string): Promise<void> {
  const folder = join(root, "packages", name);
  const dist = join(folder, "dist");
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  const project = join(folder, "tsconfig.build.json");
  const config = {
    extends: "../../tsconfig.build.json",
    compilerOptions: { rootDir: "src", outDir: "dist" },
    include: ["src"],
    exclude: ["src/**/*.test.ts", "src/**/testing.ts", "src/web/client"],
  };
  writeFileSync(project, JSON.stringify(config));
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
    if (status !== 0) throw new Error(`tsc of packages/${name} failed:\n${stdout}`);
  } finally {
    rmSync(project);
  }
  // What is read at run time and is not TypeScript.
  for (const file of globSync("**/*.{json,go,mod,sum}", { cwd: join(folder, "src"), exclude: ["web/client/**"] })) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    cpSync(join(folder, "src", file), join(dist, file));
  }
  if (name === "metallb") await bundlePage(join(dist, "web/client"));
}
