import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { findIn } from "#base";
import { KubernetesUnavailable } from "./unavailable.ts";

/** A Go that can build the program. */
export interface Go {
  readonly program: string;
  /** To be added to the environment of each call. */
  readonly env: Readonly<Record<string, string>>;
}

export interface GoVersion {
  readonly minor: number;
  readonly patch: number;
}

/** Where Go's own archive and Debian's packages put it, beside the PATH. */
const FOLDERS = ["/usr/local/go/bin", "/usr/lib/go/bin"] as const;

/** From 1.21 on, a Go fetches the newer one that a module asks for. */
const SWITCHES_FROM = 21;

/**
 * Finds a Go for a module that asks for `wanted`. An older one fetches the wanted one from where it
 * fetches modules: since 1.21 by itself; before, as the module `golang.org/toolchain`, which it
 * verifies like any other.
 * Rejects with `KubernetesUnavailable` where there is no Go, or only an old one that cannot fetch.
 */
export async function findGo(
  wanted: GoVersion,
  env: NodeJS.ProcessEnv,
  say: (text: string) => void,
  folders: readonly string[] = FOLDERS,
): Promise<Go> {
  const program = findIn([...(env.PATH ?? "").split(delimiter), ...folders], "go");
  if (program === null) {
    throw new KubernetesUnavailable(
      `Go is not installed, and a real Kubernetes is built with it: install Go ${wordsOf(wanted)} (an older one fetches it; on Debian, 'apt-get install golang-go'), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl`,
    );
  }
  const text = await goCommand(program, ["env", "GOVERSION"], env).catch(() => "");
  const version = readGoVersion(text) ?? readGoVersion(await goCommand(program, ["version"], env).catch(() => ""));
  if (version === null) throw new KubernetesUnavailable(`${program} does not tell its version: is it Go?`);
  if (isAtLeast(version, wanted)) return { program, env: { GOTOOLCHAIN: "local" } };
  if (version.minor >= SWITCHES_FROM) return { program, env: { GOTOOLCHAIN: "auto" } };
  say(`Go ${wordsOf(version)} fetches Go ${wordsOf(wanted)}`);
  try {
    // A GOROOT that was set for the old one would mislead the new one.
    return { program: await fetchToolchain(program, wanted, env), env: { GOTOOLCHAIN: "local", GOROOT: "" } };
  } catch (error) {
    throw new KubernetesUnavailable(
      `Go ${wordsOf(version)} (${program}) is too old, ${wordsOf(wanted)} is needed, and fetching that one failed: ${(error as Error).message}`,
    );
  }
}

/** Reads `go1.26.8`, also as a part of `go version`'s line; null for anything else. */
export function readGoVersion(text: string): GoVersion | null {
  const [, minor, patch] = /\bgo1\.(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return minor === undefined ? null : { minor: Number(minor), patch: Number(patch ?? 0) };
}

/** Reads the `go 1.26.0` line of a go.mod. */
export function readGoDirective(text: string): GoVersion | null {
  const [, minor, patch] = /^go 1\.(\d+)(?:\.(\d+))?$/m.exec(text) ?? [];
  return minor === undefined ? null : { minor: Number(minor), patch: Number(patch ?? 0) };
}

export const isAtLeast = (version: GoVersion, wanted: GoVersion): boolean =>
  version.minor === wanted.minor ? version.patch >= wanted.patch : version.minor > wanted.minor;

const wordsOf = ({ minor, patch }: GoVersion): string => `1.${minor}${patch === 0 ? "" : `.${patch}`}`;

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", arm: "armv6l", ia32: "386" };

/** A whole Go, as a module; returns its `go`. */
async function fetchToolchain(go: string, wanted: GoVersion, env: NodeJS.ProcessEnv): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "metallb-go-"));
  try {
    await writeFile(join(folder, "go.mod"), "module fetch\n");
    const name = `go1.${wanted.minor}.${wanted.patch}.linux-${ARCHITECTURES[arch()] ?? arch()}`;
    const json = await goCommand(go, ["mod", "download", "-json", `golang.org/toolchain@v0.0.1-${name}`], env, folder);
    const answer = JSON.parse(json) as { readonly Dir?: string; readonly Error?: string };
    if (answer.Dir === undefined) throw new Error(answer.Error ?? "no folder");
    await makeExecutable(answer.Dir);
    return join(answer.Dir, "bin", "go");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A module's archive holds no permissions. */
async function makeExecutable(root: string): Promise<void> {
  for (const folder of [join(root, "bin"), join(root, "pkg", "tool")]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) await chmod(join(entry.parentPath, entry.name), 0o555);
    }
  }
}

function goCommand(go: string, args: readonly string[], env: NodeJS.ProcessEnv, folder = tmpdir()): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const settings = { cwd: folder, env: { ...env, GOWORK: "off", GOFLAGS: "-mod=mod" }, timeout: 600_000 };
  execFile(go, [...args], settings, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(stderr.trim() || stdout.trim() || error.message));
  });
  return promise;
}
