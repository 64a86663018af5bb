/**
 * Lays out the root file system of the image: the pinned Node with the C library that it is linked to,
 * the bundles, a launcher for each program, and the list of what is in it. No shell, no npm.
 *
 *     bin/node scripts/image-root.ts [--arch amd64|arm64] FOLDER
 *
 * For another machine than this one, its Node and its koffi are fetched by npm, held to the lock file, and its
 * libraries by apt-get, from where this machine has its own: root file systems for both are made on either.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  globSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { librariesOf, MACHINES, type Machine } from "./image/elf.ts";
import { type DebianPackage, partsFor, strip } from "./image/parts.ts";

const root = join(import.meta.dirname, "..");
const { values, positionals } = parseArgs({ options: { arch: { type: "string" } }, allowPositionals: true });
const [target] = positionals;
const machines = Object.keys(MACHINES) as Machine[];
const wanted: string = values.arch || process.arch;
const machine = machines.find((name) => wanted === name || wanted === MACHINES[name].debian);
if (target === undefined || machine === undefined)
  throw new Error(
    "usage: image-root.ts [--arch amd64|arm64] FOLDER; without --arch for this machine, where it is one of these",
  );
const folder = resolve(target);

rmSync(folder, { recursive: true, force: true });
for (const name of ["app", "bin", "etc", "proc", "sys", "dev", "var/run"])
  mkdirSync(join(folder, name), { recursive: true });
mkdirSync(join(folder, "tmp"), { mode: 0o1777 });
chmodSync(join(folder, "tmp"), 0o1777);

const scratch = mkdtempSync(join(tmpdir(), "metallb-image-parts-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
const parts = partsFor(machine, scratch);
cpSync(parts.node, join(folder, "bin/node"));
strip(join(folder, "bin/node"), machine);
// The package brings a second binary for musl's C library, which is not the image's.
const binaries = globSync("!(musl_)*/*.node", { cwd: parts.koffi });
// Names of hosts and users are looked up by these, which are loaded when they are needed.
const names = globSync("lib/*-linux-gnu*/{libnss_files,libnss_dns,libresolv}.so.2", { cwd: parts.base });
const libraries = librariesOf(
  [parts.node, ...binaries.map((file) => join(parts.koffi, file))],
  parts.base,
  machine,
).union(new Set(names.map((name) => `/${name}`)));
for (const library of libraries) put(realpathSync(join(parts.base, library)), library);

execFileSync(process.execPath, [join(root, "scripts/bundle.ts"), join(folder, "app")], { stdio: "inherit" });
// The bundle has koffi for the machine that makes it.
rmSync(join(folder, "app/node_modules/@koromix"), { recursive: true });
for (const file of ["index.js", "package.json", ...binaries])
  cpSync(join(parts.koffi, file), join(folder, `app/node_modules/@koromix/koffi-linux-${machine}`, file));
for (const name of ["controller", "metallb", "speaker"]) launcher(name, `import "/app/${name}.mjs";\n`);
launcher("kubectl-metallb", 'import "/app/metallb.mjs";\n');

writeFileSync(
  join(folder, "etc/passwd"),
  "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
);
writeFileSync(join(folder, "etc/group"), "root:x:0:\nnobody:x:65534:\n");
writeFileSync(join(folder, "etc/nsswitch.conf"), "hosts: files dns\n");
cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
writeFileSync(join(folder, "sbom.cdx.json"), billOfMaterials());

// The same files with the same times: two builds have one digest.
for (const path of globSync("**/*", { cwd: folder })) lutimesSync(join(folder, path), 0, 0);

/** Without a shell the kernel itself starts Node: the second line of no launcher is ever read by anything else. */
function launcher(name: string, text: string): void {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/node\n${text}`);
  chmodSync(path, 0o755);
}

function put(from: string, to: string): void {
  const path = join(folder, to);
  mkdirSync(dirname(path), { recursive: true });
  cpSync(from, path, { dereference: true });
}

/** CycloneDX, by npm; without the number and the time that would differ in each build. */
function billOfMaterials(): string {
  const args = ["sbom", "--sbom-format=cyclonedx", "--omit=dev", "-w", "packages/metallb", "--package-lock-only"];
  const env = { ...process.env, NODE_OPTIONS: "" };
  const bill = JSON.parse(
    execFileSync("npm", args, { cwd: root, encoding: "utf8", env, maxBuffer: 64 * 1024 * 1024 }),
  ) as {
    serialNumber?: string;
    metadata: { timestamp?: string; component?: { name: string } };
    components: unknown[];
  };
  delete bill.serialNumber;
  delete bill.metadata.timestamp;
  // npm names the root by its folder.
  if (bill.metadata.component) bill.metadata.component.name = "metallb-ts";
  const version = process.version.slice(1);
  const arch = MACHINES[machine ?? "x64"].debian;
  bill.components.push({
    type: "application",
    name: "node",
    version,
    purl: `pkg:generic/node@${version}?arch=${arch}`,
  });
  const packages = new Map<string, DebianPackage>();
  for (const library of libraries) {
    const found = parts.packageOf(
      realpathSync(join(parts.base, library)).slice(parts.base === "/" ? 0 : parts.base.length),
    );
    if (found) packages.set(found.name, found);
  }
  for (const { name, version } of [...packages.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}`;
    bill.components.push({ type: "library", name, version, purl });
  }
  return `${JSON.stringify(bill, null, 1)}\n`;
}

const { version } = JSON.parse(readFileSync(join(root, "packages/metallb/package.json"), "utf8")) as {
  version: string;
};
process.stdout.write(`metallb-ts ${version} laid out in ${folder}\n`);
