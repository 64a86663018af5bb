/** Writes the CRDs from packages/metallb/src/api, for kubectl and for the chart, and docs/cli.md from the commands; with --check it fails when a file would differ. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { crdOf, DEFINITIONS, GROUP } from "metallb/api";
import { commandLine, referenceOf } from "metallb/cli";
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

const reference = new URL("../docs/cli.md", import.meta.url);
const text = referenceOf(await commandLine({ exitCode: 0 }));
const isStale = !existsSync(reference) || readFileSync(reference, "utf8") !== text;
if (check && isStale) {
  process.stderr.write("docs/cli.md is not what the commands say. Run npm run generate.\n");
  process.exitCode = 1;
} else if (!check) {
  writeFileSync(reference, text);
  process.stdout.write(`docs/cli.md: ${isStale ? 1 : 0} of 1 files written\n`);
}
