/** Writes the CRDs from packages/metallb/src/api, for kubectl and for the chart; with --check it fails when a file would differ. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { crdOf, DEFINITIONS, GROUP } from "metallb/api";
import { stringify } from "yaml";

const FOLDERS = ["deploy/crds", "deploy/helm/metallb/files/crds"];
const check = process.argv.includes("--check");

const wanted = new Map(
  DEFINITIONS.map((definition) => [
    `${GROUP}_${definition.plural}.yaml`,
    `# Made by npm run generate from packages/metallb/src/api. Do not edit.\n${stringify(crdOf(definition), { lineWidth: 0, aliasDuplicateObjects: false })}`,
  ]),
);

for (const name of FOLDERS) {
  const folder = new URL(`../${name}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  const present = new Map(readdirSync(folder).map((file) => [file, readFileSync(new URL(file, folder), "utf8")]));
  const stale = [...new Set([...wanted.keys(), ...present.keys()])]
    .filter((file) => wanted.get(file) !== present.get(file))
    .sort();

  if (check && stale.length > 0) {
    process.stderr.write(
      `${name} is not what packages/metallb/src/api says: ${stale.join(", ")}. Run npm run generate.\n`,
    );
    process.exitCode = 1;
  } else if (!check) {
    for (const file of stale) {
      const text = wanted.get(file);
      if (text === undefined) rmSync(new URL(file, folder));
      else writeFileSync(new URL(file, folder), text);
    }
    process.stdout.write(`${name}: ${stale.length} of ${wanted.size} files written\n`);
  }
}
