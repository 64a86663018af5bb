/**
 * `npm run site [-- FOLDER]`: renders docs to a site, in dist/site unless told, with VitePress. Its tools are
 * installed on first use, into scripts/site. A link that leads nowhere fails.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix, resolve } from "node:path";

const root = join(import.meta.dirname, "..");
const tools = join(import.meta.dirname, "site");
const target = resolve(process.argv[2] ?? join(root, "dist/site"));

const run = (program: string, args: readonly string[], cwd: string): number =>
  spawnSync(program, args, { cwd, stdio: "inherit" }).status ?? 1;

/** Pages that stand beside docs, and where the site has them. */
const GUESTS: Readonly<Record<string, string>> = { "CONTRIBUTING.md": "contributing.md" };

/** A page as the site has it: what leads out of docs and is no page of the site becomes text. */
function adapted(page: string, text: string): string {
  const from = GUESTS[page] === undefined ? `docs/${page}` : page;
  return text.replaceAll(
    /\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)/g,
    (whole, label: string, path: string, anchor = "") => {
      if (/^[a-z]+:/.test(path)) return whole;
      const led = posix.join(posix.dirname(from), path);
      const place = GUESTS[led] ?? (/^docs\/.*\.md$/.test(led) ? led.slice("docs/".length) : null);
      return place === null ? label : `[${label}](/${place === "README.md" ? "index.md" : place}${anchor})`;
    },
  );
}

interface Group {
  readonly text: string;
  readonly items: { readonly text: string; readonly link: string }[];
}

/** The side bar is the list in docs/README.md. */
function sidebar(index: string): readonly Group[] {
  const groups: Group[] = [];
  for (const line of index.split("\n")) {
    const [, title] = /^\*\*(.+)\*\*$/.exec(line) ?? [];
    if (title !== undefined) groups.push({ text: title, items: [] });
    const [, text = "", path] = /^\d+\. \[([^\]]+)\]\(([^)]+)\)/.exec(line) ?? [];
    if (path !== undefined)
      groups.at(-1)?.items.push({ text, link: `/${(GUESTS[path.replace("../", "")] ?? path).replace(/\.md$/, "")}` });
  }
  return groups;
}

function build(folder: string): number {
  for (const page of globSync("**/*.md", { cwd: join(root, "docs") })) {
    const place = join(folder, page === "README.md" ? "index.md" : page);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, adapted(page, readFileSync(join(root, "docs", page), "utf8")));
  }
  for (const [page, place] of Object.entries(GUESTS))
    writeFileSync(join(folder, place), adapted(page, readFileSync(join(root, page), "utf8")));
  const config = {
    title: "metallb-ts",
    description: "MetalLB in TypeScript: load balancing for Kubernetes on bare metal",
    cleanUrls: false,
    themeConfig: {
      sidebar: sidebar(readFileSync(join(root, "docs/README.md"), "utf8")),
      outline: { level: [2, 3] },
      search: { provider: "local" },
    },
  };
  mkdirSync(join(folder, ".vitepress"));
  writeFileSync(join(folder, ".vitepress/config.mjs"), `export default ${JSON.stringify(config)};\n`);
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
  symlinkSync(join(tools, "node_modules"), join(folder, "node_modules"));
  const vitepress = join(tools, "node_modules/vitepress/bin/vitepress.js");
  const code = run(process.execPath, [vitepress, "build", folder, "--outDir", join(folder, "made")], folder);
  if (code !== 0) return code;
  rmSync(target, { recursive: true, force: true });
  cpSync(join(folder, "made"), target, { recursive: true });
  console.log(`the site is in ${target}`);
  return 0;
}

if (existsSync(join(tools, "node_modules")) || run("npm", ["ci"], tools) === 0) {
  const folder = mkdtempSync(join(tmpdir(), "site-"));
  try {
    process.exitCode = build(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else process.exitCode = 1;
