/**
 * Lays out the root file system of the image: the pinned Node with the C library that it is linked to,
 * the bundles, a launcher for each program, and the list of what is in it. No shell, no npm.
 *
 *     bin/node scripts/image-root.ts FOLDER
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  globSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = join(import.meta.dirname, "..");
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error("usage: image-root.ts FOLDER");
const folder = resolve(target);

rmSync(folder, { recursive: true, force: true });
for (const name of ["app", "bin", "etc", "proc", "sys", "dev", "var/run"])
  mkdirSync(join(folder, name), { recursive: true });
mkdirSync(join(folder, "tmp"), { mode: 0o1777 });
chmodSync(join(folder, "tmp"), 0o1777);

const node = realpathSync(process.execPath);
cpSync(node, join(folder, "bin/node"));
// A fifth of it is names for debuggers; where strip(1) is missing they stay.
spawnSync("strip", ["--strip-all", join(folder, "bin/node")], { stdio: "ignore" });
const binary = globSync("node_modules/@koromix/koffi-linux-*/**/*.node", { cwd: root }).map((file) => join(root, file));
for (const library of new Set([node, ...binary].flatMap(librariesOf))) put(realpathSync(library), library);
// Names of hosts and users are looked up by these, which are loaded when they are needed.
for (const library of globSync("/lib/*-linux-gnu*/{libnss_files,libnss_dns,libresolv}.so.2"))
  put(realpathSync(library), library);

execFileSync(process.execPath, [join(root, "scripts/bundle.ts"), join(folder, "app")], { stdio: "inherit" });
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

/** ldd(1): what a program is linked to, the loader included. */
function librariesOf(file: string): string[] {
  return [...execFileSync("ldd", [file], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? "");
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
  bill.components.push({ type: "application", name: "node", version, purl: `pkg:generic/node@${version}` });
  return `${JSON.stringify(bill, null, 1)}\n`;
}

const { version } = JSON.parse(readFileSync(join(root, "packages/metallb/package.json"), "utf8")) as {
  version: string;
};
process.stdout.write(`metallb-ts ${version} laid out in ${folder}\n`);
