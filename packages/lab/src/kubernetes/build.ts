import { existsSync } from "node:fs";
import { appendFile, link, mkdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Child, startChild } from "#base";
import { findGo, type Go } from "./go.ts";
import { PROGRAM_NAMES, SOURCE_FOLDER, sourceGo, sourceVersion } from "./source.ts";
import { KubernetesUnavailable } from "./unavailable.ts";

export type BuildProgress =
  /** Another process builds the same; waiting for it. */
  | { readonly kind: "waiting"; readonly pid: number }
  /** Looking for a Go, or fetching one. */
  | { readonly kind: "preparing"; readonly text: string }
  /** Modules fetched so far. */
  | { readonly kind: "modules"; readonly done: number }
  /** Packages compiled so far, of all; those of an earlier build count as done. */
  | { readonly kind: "packages"; readonly done: number; readonly total: number };

export interface BuildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Told while something is being built; never when it is there already. */
  readonly progress: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Builds into `folder`, which appears complete or not at all, and returns it. Of two at once, one
 * builds and the other waits for it.
 */
export async function build(folder: string, options: BuildOptions): Promise<string> {
  const lock = `${folder}.lock`;
  try {
    await mkdir(dirname(folder), { recursive: true });
  } catch (error) {
    throw new KubernetesUnavailable(`no folder to build Kubernetes in: ${(error as Error).message}`);
  }
  while (!(await takeLock(lock))) {
    const pid = await lockOwner(lock);
    if (pid !== null) options.progress({ kind: "waiting", pid });
    await new Promise((resolve) => setTimeout(resolve, 500));
    options.signal?.throwIfAborted();
  }
  const unfinished = `${folder}.unfinished`;
  try {
    // The one waited for may have built it.
    if (existsSync(folder)) return folder;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await compile(unfinished, `${folder}.log`, options);
    for (const name of PROGRAM_NAMES) await symlink("kubernetes", join(unfinished, name));
    await rename(unfinished, folder);
    return folder;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
    await unlink(lock);
  }
}

async function compile(folder: string, log: string, options: BuildOptions): Promise<void> {
  const go = await findGo(sourceGo(), options.env, (text) => options.progress({ kind: "preparing", text }));
  await writeFile(log, "");
  let modules = 0;
  const packages = new Set<string>();
  const list = await goRun(go, ["list", "-mod=readonly", "-buildvcs=false", "-deps", "."], log, options, (line) => {
    if (line.startsWith("go: downloading ")) options.progress({ kind: "modules", done: ++modules });
    else packages.add(line);
  });
  await succeeded(list, log);

  const total = packages.size;
  let done = 0;
  options.progress({ kind: "packages", done, total });
  const flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-v", "-ldflags", linkerFlags()];
  const compiler = await goRun(go, ["build", ...flags, "-o", join(folder, "kubernetes"), "."], log, options, (line) => {
    if (packages.has(line)) options.progress({ kind: "packages", done: ++done, total });
  });
  await succeeded(compiler, log);
}

/** Without a version kubectl complains about its server at each call. */
function linkerFlags(): string {
  const version = sourceVersion();
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const set = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ["-s", "-w", ...set].join(" ");
}

async function goRun(
  go: Go,
  args: readonly string[],
  log: string,
  { env, signal }: BuildOptions,
  onLine: (line: string) => void,
): Promise<Child> {
  const child = await startChild({
    name: `go ${args[0]}`,
    argv: [go.program, ...args],
    cwd: SOURCE_FOLDER,
    env: { ...env, ...go.env, CGO_ENABLED: "0", GOWORK: "off", GO111MODULE: "on" },
    onLine,
  });
  const abort = () => void child.stop();
  signal?.addEventListener("abort", abort, { once: true });
  await child.ended;
  signal?.removeEventListener("abort", abort);
  signal?.throwIfAborted();
  await appendFile(log, `go ${args.join(" ")}: ${child.ending()}\n${child.tail().join("\n")}\n`);
  return child;
}

async function succeeded(child: Child, log: string): Promise<void> {
  if (child.ending() === "exit code 0") return;
  const words = child.tail().filter((line) => !line.startsWith("go: downloading"));
  if (words.some((line) => line.includes("no space left on device"))) {
    throw new KubernetesUnavailable(
      "the disk is full: building Kubernetes takes about 4 GB in Go's caches (go env GOCACHE GOMODCACHE) and the temporary folder",
    );
  }
  throw new KubernetesUnavailable(
    `building Kubernetes failed (${child.name}: ${child.ending()}); the log is ${log}; its last lines:\n${words.slice(-12).join("\n")}`,
  );
}

/** A file with the owner's process id, made by one alone. A lock whose owner is gone is void. */
async function takeLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, `${process.pid}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const pid = await lockOwner(lock);
  if (pid !== null && !isAlive(pid)) await dropLock(lock, pid);
  return false;
}

/** Two may find the same lock void at once: only the one that gets hold of it removes it. */
async function dropLock(lock: string, owner: number): Promise<void> {
  const aside = `${lock}.${process.pid}`;
  try {
    await rename(lock, aside);
  } catch {
    return;
  }
  if ((await lockOwner(aside)) !== owner) await link(aside, lock).catch(() => {});
  await unlink(aside);
}

/** Null: given back, or still being written. */
async function lockOwner(lock: string): Promise<number | null> {
  const pid = Number.parseInt(await readFile(lock, "utf8").catch(() => ""), 10);
  return Number.isSafeInteger(pid) ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
