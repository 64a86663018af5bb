/**
 * Completes package-lock.json after `npm install`: a registry mirror that lacks a library's builds
 * for other platforms makes npm leave them out of the lock, and `npm ci` then refuses the lock. Each
 * missing optional dependency is entered with its exact version and the platform that its name tells.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface Entry {
  version?: string;
  optional?: boolean;
  dev?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const OS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const CPU = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Entry> };
let added = 0;

/** The places where Node looks for a dependency of the package at `path`, nearest first. */
function* places(path: string, name: string): Generator<string> {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1)))
    yield `${at}/node_modules/${name}`;
  yield `node_modules/${name}`;
}

const isThere = (path: string, name: string): boolean =>
  [...places(path, name)].some((place) => place in lock.packages);

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!/^\d/.test(version) || isThere(path, name)) continue;
    const words = name.split(/[/-]/);
    const libc = name.includes("musl") ? ["musl"] : name.includes("gnu") ? ["glibc"] : null;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      os: OS.filter((os) => words.includes(os)),
      cpu: CPU.filter((cpu) => words.includes(cpu)),
      ...(libc ? { libc } : {}),
    };
    added++;
  }
}

const [root, ...others] = Object.entries(lock.packages);
if (root) lock.packages = Object.fromEntries([root, ...others.sort(([a], [b]) => (a < b ? -1 : 1))]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added} platform packages entered into package-lock.json\n`);
