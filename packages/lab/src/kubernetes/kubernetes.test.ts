import { constants } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BuildProgress } from "./build.ts";
import { findGo, isAtLeast, readGoDirective, readGoVersion } from "./go.ts";
import { findBuilt, findOrBuild } from "./index.ts";
import { PROGRAM_NAMES, sourceGo, sourceVersion } from "./source.ts";

let folder: string;
let cacheFolder: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "metallb-kubernetes-test-"));
  cacheFolder = join(folder, "cache");
  env = { PATH: `${folder}:/usr/bin:/bin` };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

/** A Go that tells its version, lists two packages and "compiles" as told. */
const fakeGo = (version: string, compile: string) =>
  program(
    "go",
    `case "$1" in
      env) echo ${version} ;;
      list) echo "go: downloading example.com/one v1.0.0" >&2; echo example.com/one; echo example.com/two ;;
      build) echo x >> ${folder}/builds; ${compile} ;;
    esac`,
  );
const COMPILE = `echo example.com/one >&2
      while [ "$1" != -o ]; do shift; done
      echo "$GOTOOLCHAIN" > "$2"
      chmod +x "$2"`;

const find = (progress: (progress: BuildProgress) => void = () => {}) => findOrBuild({ env, cacheFolder, progress });

describe("which Go", () => {
  it("reads versions and directives", () => {
    expect(readGoVersion("go version go1.26.8 linux/amd64")).toEqual({ minor: 26, patch: 8 });
    expect(readGoVersion("go1.26")).toEqual({ minor: 26, patch: 0 });
    expect(readGoVersion("devel")).toBeNull();
    expect(readGoDirective("module m\n\ngo 1.26.3\n")).toEqual({ minor: 26, patch: 3 });
    expect(isAtLeast({ minor: 26, patch: 0 }, { minor: 26, patch: 1 })).toBe(false);
    expect(isAtLeast({ minor: 27, patch: 0 }, { minor: 26, patch: 1 })).toBe(true);
    expect(sourceGo().minor).toBeGreaterThanOrEqual(26);
    expect(sourceVersion()).toMatch(/^v1\.\d+\.\d+$/);
  });

  it("takes one that is new enough as it is, and lets a newer kind of old one switch by itself", async () => {
    await program("go", "echo go1.30.1");
    const wanted = { minor: 26, patch: 0 };
    expect(await findGo(wanted, env, () => {})).toMatchObject({ env: { GOTOOLCHAIN: "local" } });
    await program("go", "echo go1.21.0");
    expect(await findGo(wanted, env, () => {})).toMatchObject({ env: { GOTOOLCHAIN: "auto" } });
  });

  it("fetches the wanted one as a module with an old one, and makes its programs executable", async () => {
    const toolchain = join(folder, "toolchain");
    await mkdir(join(toolchain, "bin"), { recursive: true });
    await mkdir(join(toolchain, "pkg", "tool", "linux"), { recursive: true });
    for (const file of ["bin/go", "pkg/tool/linux/compile"])
      await writeFile(join(toolchain, file), "", { mode: 0o444 });
    await program(
      "go",
      `[ "$1" = env ] && { echo go1.19.8; exit; }
      echo "$4" > ${folder}/asked
      echo '{"Dir": "${toolchain}"}'`,
    );
    const said: string[] = [];
    const go = await findGo({ minor: 26, patch: 0 }, env, (text) => said.push(text));
    expect(go.program).toBe(join(toolchain, "bin", "go"));
    expect(await readFile(join(folder, "asked"), "utf8")).toMatch(
      /^golang\.org\/toolchain@v0\.0\.1-go1\.26\.0\.linux-/,
    );
    expect(said).toEqual(["Go 1.19.8 fetches Go 1.26"]);
    await expect(access(join(toolchain, "pkg", "tool", "linux", "compile"), constants.X_OK)).resolves.toBeUndefined();
  });

  it("says what is missing where Go is missing, or too old and without a way to fetch", async () => {
    const wanted = { minor: 26, patch: 0 };
    await expect(findGo(wanted, { PATH: folder }, () => {}, [])).rejects.toThrow(
      /^Go is not installed.*apt-get install golang-go/,
    );
    await program("go", `[ "$1" = env ] && { echo go1.19; exit; }\necho "no route to host" >&2; exit 1`);
    await expect(findGo(wanted, env, () => {})).rejects.toThrow(
      /^Go 1\.19 \(.*\) is too old, 1\.26 is needed.*no route to host$/,
    );
  });
});

describe("the programs", () => {
  it("are taken from KUBEBUILDER_ASSETS, telling what cannot be had with them", async () => {
    env = { ...env, KUBEBUILDER_ASSETS: folder };
    await expect(find()).rejects.toThrow(/there is no etcd and no kube-apiserver in it/);
    await program("etcd", "");
    await program("kube-apiserver", "echo Kubernetes v1.34.0");
    const programs = await find();
    expect(programs).toMatchObject({ version: "v1.34.0", kubeProxy: null, controllerManager: null, kubectl: null });
    expect(programs.missing).toHaveLength(3);
  });

  it("are built once, told step by step, and found from then on", async () => {
    await fakeGo("go1.99.0", COMPILE);
    expect(findBuilt({ env, cacheFolder })).toBeNull();
    const steps: BuildProgress[] = [];
    const programs = await find((step) => steps.push(step));
    expect(programs).toMatchObject({ version: sourceVersion(), missing: [] });
    expect(steps).toEqual([
      { kind: "modules", done: 1 },
      { kind: "packages", done: 0, total: 2 },
      { kind: "packages", done: 1, total: 2 },
    ]);
    expect(await readdir(programs.folder)).toEqual(expect.arrayContaining([...PROGRAM_NAMES]));
    expect(await readFile(programs.apiServer, "utf8")).toBe("local\n");
  });

  it("are built by one alone when two ask at once", async () => {
    await fakeGo("go1.99.0", `sleep 0.3; ${COMPILE}`);
    const [first, second] = await Promise.all([find(), find()]);
    expect(second.folder).toBe(first.folder);
    expect(await readFile(join(folder, "builds"), "utf8")).toBe("x\n");
    expect((await readdir(cacheFolder)).filter((name) => name.endsWith(".lock"))).toEqual([]);
  });

  it("leave nothing half-built when the build fails; the error has the last lines", async () => {
    await fakeGo("go1.99.0", 'echo "main.go:3: undefined: x" >&2; exit 1');
    await expect(find()).rejects.toThrow(/building Kubernetes failed[\s\S]*undefined: x/);
    await fakeGo("go1.99.0", 'echo "write: no space left on device" >&2; exit 1');
    await expect(find()).rejects.toThrow(/the disk is full/);
    expect((await readdir(cacheFolder)).filter((name) => !name.endsWith(".log"))).toEqual([]);
    expect(findBuilt({ env, cacheFolder })).toBeNull();
  });

  it("take over the lock of a process that is gone", async () => {
    await fakeGo("go1.99.0", COMPILE);
    const { folder: built } = await find();
    await rm(built, { recursive: true });
    await writeFile(`${built}.lock`, "999999999\n");
    await expect(find()).resolves.toMatchObject({ missing: [] });
  });
});
