/** Writes what is made from the code: the CRDs, for kubectl and for the chart, and pages of docs. With --check it fails when a file would differ. */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { crdOf, DEFINITIONS, groupOf } from "metallb/api";
import { stringify } from "yaml";
import { pages } from "./docs/pages.ts";

const root = join(import.meta.dirname, "..");
/** Folders in which nothing stands that is not made here. */
const OWN_FOLDERS = ["deploy/crds", "deploy/helm/metallb/files/crds", "docs/reference"];

const crdText = (definition: (typeof DEFINITIONS)[number]): string =>
  `# Made by npm run generate from packages/metallb/src/api. Do not edit.\n${stringify(crdOf(definition), { lineWidth: 0, aliasDuplicateObjects: false })}`;

const wanted = new Map<string, string>();
for (const definition of DEFINITIONS)
  for (const folder of OWN_FOLDERS.slice(0, 2))
    wanted.set(`${folder}/${groupOf(definition)}_${definition.plural}.yaml`, crdText(definition));
for (const [path, text] of await pages()) wanted.set(`docs/${path}`, text);

const present = OWN_FOLDERS.flatMap((folder) =>
  globSync(`${folder}/*`, { cwd: root }).map((file) => relative(root, join(root, file))),
);
const stale = [...new Set([...wanted.keys(), ...present])]
  .filter((file) => {
    const path = join(root, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== wanted.get(file);
  })
  .sort();

if (process.argv.includes("--check")) {
  if (stale.length > 0) {
    process.stderr.write(`not what the code says: ${stale.join(", ")}. Run npm run generate.\n`);
    process.exitCode = 1;
  }
} else {
  for (const file of stale) {
    const path = join(root, file);
    const text = wanted.get(file);
    mkdirSync(dirname(path), { recursive: true });
    if (text === undefined) rmSync(path);
    else writeFileSync(path, text);
  }
  process.stdout.write(
    `${stale.length} of ${wanted.size} files written${stale.map((file) => `\n  ${file}`).join("")}\n`,
  );
}
