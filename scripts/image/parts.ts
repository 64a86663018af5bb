import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MACHINES, type Machine } from "./elf.ts";

const root = join(import.meta.dirname, "../..");

/** Where the parts of an image that differ by machine are found. */
export interface Parts {
  /** The pinned Node. */
  readonly node: string;
  /** The folder of koffi's package with the binary. */
  readonly koffi: string;
  /** Below this lie the C library and the others, as on a machine of that kind. */
  readonly base: string;
  /** Debian's packages that brought a file below `base`, where they are known. */
  packageOf(path: string): DebianPackage | null;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
}

/** What Node and koffi are linked to. */
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"];

/** The parts for this machine are on it; those for another are fetched into `scratch`, from Debian and by npm. */
export function partsFor(machine: Machine, scratch: string): Parts {
  return machine === process.arch ? ownParts() : foreignParts(machine, scratch);
}

function ownParts(): Parts {
  return {
    node: realpathSync(process.execPath),
    koffi: join(root, `node_modules/@koromix/koffi-linux-${process.arch}`),
    base: "/",
    packageOf(path) {
      // Where folders are merged dpkg knows a file by one of its two names.
      for (const name of [path, path.replace(/^\/usr/, ""), `/usr${path}`]) {
        const { status, stdout } = spawnSync("dpkg-query", ["-S", name], { encoding: "utf8" });
        const owner = status === 0 ? stdout.split(/[:,]/)[0] : undefined;
        if (owner === undefined) continue;
        const format = `-f=\${Package} \${Version}\n`;
        const [line = ""] = execFileSync("dpkg-query", ["-W", format, owner], { encoding: "utf8" }).split("\n");
        const [found = owner, version = ""] = line.split(" ");
        return { name: found, version };
      }
      return null;
    },
  };
}

function foreignParts(machine: Machine, scratch: string): Parts {
  const { debian } = MACHINES[machine];
  const base = join(scratch, "base");
  const archives = join(scratch, "archives");
  for (const folder of ["state/lists/partial", "cache/archives/partial", "archives", "base", "packages"])
    mkdirSync(join(scratch, folder), { recursive: true });
  // With a state of its own, apt reads this machine's sources for another architecture and changes nothing here.
  writeFileSync(join(scratch, "state/status"), "");
  const options = {
    "APT::Architecture": debian,
    "APT::Architectures::": debian,
    "Dir::State": join(scratch, "state"),
    "Dir::State::status": join(scratch, "state/status"),
    "Dir::Cache": join(scratch, "cache"),
    "APT::Sandbox::User": "root",
  };
  const apt = (...args: readonly string[]) =>
    execFileSync("apt-get", ["-qq", ...Object.entries(options).flatMap(([k, v]) => ["-o", `${k}=${v}`]), ...args], {
      cwd: archives,
      stdio: ["ignore", "ignore", "inherit"],
    });
  apt("update");
  apt("download", ...LIBRARIES);
  const owners = new Map<string, DebianPackage>();
  for (const archive of readdirSync(archives).sort()) {
    const file = join(archives, archive);
    const field = (name: string) => execFileSync("dpkg-deb", ["-f", file, name], { encoding: "utf8" }).trim();
    const known: DebianPackage = { name: field("Package"), version: field("Version") };
    execFileSync("dpkg-deb", ["-x", file, base]);
    for (const line of execFileSync("dpkg-deb", ["-c", file], { encoding: "utf8" }).split("\n")) {
      const [, path] = / \.(\/\S+)/.exec(line) ?? [];
      if (path !== undefined && !path.endsWith("/")) owners.set(path, known);
    }
  }
  return {
    node: join(packageFromLock(`node-linux-${machine}`, scratch), "bin/node"),
    koffi: packageFromLock(`@koromix/koffi-linux-${machine}`, scratch),
    base,
    packageOf: (path) => owners.get(path) ?? null,
  };
}

/** Unpacks the package that the lock file names, when what npm fetches is the octets that it names. */
function packageFromLock(name: string, scratch: string): string {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked?.integrity === undefined) throw new Error(`the lock file does not name ${name}`);
  const folder = join(scratch, "packages", name);
  mkdirSync(folder, { recursive: true });
  execFileSync("npm", ["pack", "--silent", `${name}@${locked.version}`], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [archive = ""] = globSync("*.tgz", { cwd: folder });
  const digest = createHash("sha512")
    .update(readFileSync(join(folder, archive)))
    .digest("base64");
  if (`sha512-${digest}` !== locked.integrity) throw new Error(`${name}: not the package that the lock file names`);
  execFileSync("tar", ["-xzf", archive], { cwd: folder });
  return join(folder, "package");
}

/** A fifth of Node is names for debuggers. Where no strip(1) for the machine is installed they stay. */
export function strip(file: string, machine: Machine): void {
  const programs = machine === process.arch ? ["strip"] : [`${MACHINES[machine].triplet}-strip`, "llvm-strip"];
  for (const program of programs) {
    if (spawnSync(program, ["--strip-all", file], { stdio: "ignore" }).status === 0) return;
  }
}
