import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { projectFile } from "../support/programs.ts";

const layOut = (folder: string): string => {
  execFileSync(process.execPath, [projectFile("scripts/image-root.ts"), folder], { stdio: "pipe" });
  return folder;
};

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

  it("names what is in it", () => {
    const bill = JSON.parse(readFileSync(join(root, "sbom.cdx.json"), "utf8")) as {
      readonly bomFormat: string;
      readonly components: readonly { readonly name: string }[];
    };
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
