import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFile } from "../support/programs.ts";

const ASK = "require('node:module').getCompileCacheDir() ?? ''";

const ask = (cache: string | undefined): string => {
  const { NODE_COMPILE_CACHE: _, ...rest } = process.env;
  const env = cache === undefined ? rest : { ...rest, NODE_COMPILE_CACHE: cache };
  return execFileSync(projectFile("bin/node"), ["-p", ASK], { env, encoding: "utf8" }).trim();
};

describe("programs that run from their sources", () => {
  it("keep what they compiled in the checkout, or where they are told to, or not at all", () => {
    expect(ask(undefined).startsWith(projectFile("node_modules/.cache/node/"))).toBe(true);
    expect(ask("")).toBe("");
  });

  it("find it again", () => {
    const folder = mkdtempSync(join(tmpdir(), "metallb-cache-"));
    try {
      const env = { ...process.env, NODE_COMPILE_CACHE: folder };
      const start = (): string =>
        execFileSync(projectFile("packages/metallb/bin/metallb"), ["--version"], { env, encoding: "utf8" });
      const version = start();
      const files = readdirSync(folder, { recursive: true }).length;
      expect(files).toBeGreaterThan(20);
      expect(start()).toBe(version);
      expect(readdirSync(folder, { recursive: true })).toHaveLength(files);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
