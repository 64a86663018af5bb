/**
 * Makes what an image holds: controller, speaker and command line as one file each, with source maps,
 * and koffi beside them, since it brings a binary.
 *
 *     bin/node scripts/bundle.ts [folder]     default: dist
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { bundlePage } from "./page.ts";

const root = join(import.meta.dirname, "..");
const product = join(root, "packages/metallb");
const folder = resolve(process.argv[2] ?? join(root, "dist"));

/** The engines' thread has a file of its own: what a thread loads it holds, and it needs a tenth. */
const ENTRIES: Readonly<Record<string, string>> = {
  controller: 'import "./src/bin/controller.ts";',
  metallb: 'import "./src/bin/metallb.ts";',
  speaker: 'import "./src/bin/speaker.ts";',
  "speaker-engines": 'import "./src/speaker/engine-worker.ts";',
};

/** Validation speaks fifty languages, a quarter of the speaker's file; nobody is told but in English. */
const onlyEnglish: Plugin = {
  name: "only-english",
  setup: (build) => {
    build.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, contents] of Object.entries(ENTRIES)) {
  await build({
    stdin: { contents, resolveDir: product, sourcefile: `${name}.ts`, loader: "ts" },
    outfile: join(folder, `${name}.mjs`),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    conditions: ["metallb-source"],
    define: { METALLB_BUILD: JSON.stringify(buildInfo()) },
    external: ["koffi", "esbuild", "@metallb-ts/lab/*"],
    minify: true,
    keepNames: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
    plugins: [onlyEnglish],
    // Libraries of the older module system ask for what Node itself brings.
    banner: {
      js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);',
    },
  });
}
for (const name of Object.keys(ENTRIES)) mustBeLatin(join(folder, `${name}.mjs`));
await bundlePage(join(folder, "client"));
copyKoffi(join(folder, "node_modules/koffi"));
const { version } = JSON.parse(readFileSync(join(product, "package.json"), "utf8")) as { version: string };
writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name: "metallb-image", version, type: "module" })}\n`);

/** One character beyond Latin 1 makes V8 hold the whole file in two octets a character; esbuild leaves them in regular expressions. */
function mustBeLatin(file: string): void {
  const [found] = /[\u0100-\uffff]/.exec(readFileSync(file, "utf8")) ?? [];
  if (found !== undefined) throw new Error(`${file} has "${found}": write it as an escape in the source`);
}

/** What the start line tells; from the environment where there is no git, as in an image that is built from a tarball. */
function buildInfo(): Readonly<Record<string, string>> {
  const git = (...args: string[]): string => {
    const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
    return status === 0 ? stdout.trim() : "";
  };
  const { METALLB_VERSION, METALLB_COMMIT, METALLB_BRANCH } = process.env;
  const known = {
    version:
      METALLB_VERSION ??
      (JSON.parse(readFileSync(join(product, "package.json"), "utf8")) as { version: string }).version,
    commit: METALLB_COMMIT ?? git("rev-parse", "--short", "HEAD"),
    branch: METALLB_BRANCH ?? git("rev-parse", "--abbrev-ref", "HEAD"),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== ""));
}

/** The library's JavaScript and the binary for this platform; its sources stay behind. */
function copyKoffi(to: string): void {
  const modules = join(root, "node_modules");
  const from = join(modules, "koffi");
  mkdirSync(to, { recursive: true });
  for (const file of globSync(["*.{js,cjs,json,txt}", "src/koffi/**/*.{js,cjs}"], { cwd: from }))
    cpSync(join(from, file), join(to, file));
  const binary = `@koromix/koffi-${process.platform}-${process.arch}`;
  cpSync(join(modules, binary), join(folder, "node_modules", binary), { recursive: true });
}
