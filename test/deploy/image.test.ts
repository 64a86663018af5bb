import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { projectFile } from "../support/programs.ts";

const layOut = (folder: string, ...options: readonly string[]): string => {
  execFileSync(process.execPath, [projectFile("scripts/image-root.ts"), ...options, folder], { stdio: "pipe" });
  return folder;
};

/** The machine of every file that is a program or a library (ELF's e_machine), by path. */
function machinesIn(folder: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const path of globSync("**/*", { cwd: folder })) {
    if (!lstatSync(join(folder, path)).isFile()) continue;
    const octets = readFileSync(join(folder, path));
    if (octets.toString("latin1", 0, 4) === "\x7fELF") found.set(path, octets.readUInt16LE(18));
  }
  return found;
}

interface Bill {
  readonly bomFormat: string;
  readonly components: readonly { readonly name: string; readonly purl?: string }[];
}
const billOf = (folder: string): Bill => JSON.parse(readFileSync(join(folder, "sbom.cdx.json"), "utf8")) as Bill;

/** Names, modes, times and contents of all that is in a folder. */
function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const path of globSync("**/*", { cwd: folder }).sort()) {
    const entry = lstatSync(join(folder, path));
    hash.update(`${path} ${entry.mode} ${entry.mtimeMs}\n`);
    if (entry.isFile()) hash.update(readFileSync(join(folder, path)));
  }
  return hash.digest("hex");
}

describeWith(["root"], "the image's root file system", () => {
  let scratch: string;
  let root: string;
  const inside = (...argv: readonly string[]) =>
    spawnSync("chroot", [root, ...argv], { encoding: "utf8", env: { PATH: process.env.PATH } });

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "metallb-image-"));
    root = layOut(join(scratch, "one"));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("starts each program without a shell", () => {
    expect(inside("/metallb", "version").stdout).toMatch(/^metallb \d/);
    expect(inside("/kubectl-metallb", "version").stdout).toMatch(/^metallb \d/);
    expect(inside("/controller", "--help").stdout + inside("/controller", "--help").stderr).toContain("-webhook-mode");
    // Without a node name it says so, which it can only do with its libraries there.
    expect(inside("/speaker").stdout).toContain("--node-name");
  });

  it("holds neither a shell nor npm nor what only lab and page need", () => {
    for (const path of ["bin/sh", "bin/bash", "usr/bin/env", "bin/npm"])
      expect(existsSync(join(root, path))).toBe(false);
    const foreign = globSync("app/node_modules/{esbuild,preact,hono,typescript}", { cwd: root });
    expect(foreign).toEqual([]);
  });

  it("holds programs and libraries of this machine alone", () => {
    const machines = new Set(machinesIn(root).values());
    expect([...machines]).toEqual([process.arch === "arm64" ? 183 : 62]);
  });

  it("names what is in it", () => {
    const bill = billOf(root);
    expect(bill.bomFormat).toBe("CycloneDX");
    const names = bill.components.map((component) => component.name);
    expect(names).toContain("node");
    expect(names).toContain("koffi");
    expect(names).not.toContain("vitest");
  });

  it("is the same when it is made again", () => {
    expect(digestOf(layOut(join(scratch, "two")))).toBe(digestOf(root));
  });
});

describeWith(["root", "apt"], "the image's root file system for arm64", () => {
  let scratch: string;
  let root: string;
  const bill = () => billOf(root).components.map(({ purl }) => purl);

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "metallb-image-"));
    root = layOut(join(scratch, "one"), "--arch", "arm64");
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("holds programs and libraries of that machine alone, the native library among them", () => {
    const machines = machinesIn(root);
    expect(new Set(machines.values())).toEqual(new Set([183]));
    const names = [...machines.keys()].map((path) => basename(path));
    for (const name of [
      "node",
      "koffi.node",
      "ld-linux-aarch64.so.1",
      "libc.so.6",
      "libstdc++.so.6",
      "libnss_dns.so.2",
    ])
      expect(names).toContain(name);
  });

  it("names its Debian packages and its Node, each with the machine", () => {
    expect(bill()).toContain(`pkg:generic/node@${process.versions.node}?arch=arm64`);
    expect(bill()).toContainEqual(expect.stringMatching(/^pkg:deb\/debian\/libc6@2\..+\?arch=arm64$/));
  });

  it("is the same when it is made again", () => {
    expect(digestOf(layOut(join(scratch, "two"), "--arch", "arm64"))).toBe(digestOf(root));
  });

  it("leaves this machine's packages as they are", () => {
    expect(execFileSync("dpkg", ["--print-foreign-architectures"], { encoding: "utf8" })).not.toContain("arm64");
  });

  describeWith(["qemu"], "under an emulator", () => {
    const emulated = (...args: readonly string[]) =>
      execFileSync("qemu-aarch64-static", ["-L", root, join(root, "bin/node"), ...args], { encoding: "utf8" });

    it("runs the command line and the speaker", () => {
      expect(emulated(join(root, "app/metallb.mjs"), "--version")).toMatch(/^metallb \d/);
      expect(emulated(join(root, "app/speaker.mjs"), "--help")).toContain("-node-name");
    });

    it("makes system calls", () => {
      const call = 'require(process.argv[1]).load(null).func("int getpid()")() === process.pid && process.arch';
      expect(emulated("-p", call, join(root, "app/node_modules/koffi")).trim()).toBe("arm64");
    });
  });
});

describeWith(["root"], "a root file system for a machine that nobody makes it for", () => {
  it("is refused, with the names of those that there are", () => {
    expect(() => layOut(join(tmpdir(), "never"), "--arch", "s390x")).toThrow("--arch amd64|arm64");
  });
});

describeWith(["root", "buildah"], "the image", () => {
  it("is built twice with one digest", () => {
    const scratch = mkdtempSync(join(tmpdir(), "metallb-buildah-"));
    const storage = ["--root", join(scratch, "storage"), "--runroot", join(scratch, "run"), "--storage-driver", "vfs"];
    const buildah = (...args: readonly string[]) =>
      execFileSync("buildah", [...storage, ...args], {
        encoding: "utf8",
        cwd: scratch,
        stdio: ["ignore", "pipe", "pipe"],
      });
    try {
      layOut(join(scratch, "rootfs"));
      const file = projectFile("deploy/image/Containerfile.rootfs");
      const digests = [1, 2].map(() => {
        buildah("bud", "--isolation", "chroot", "--timestamp", "0", "--no-cache", "-f", file, "-t", "metallb-ts", ".");
        return buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", "metallb-ts").trim();
      });
      expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
      expect(digests[1]).toBe(digests[0]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});
