import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

/** Folder → folders that it may import: arrows only point down. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  store: ["base"],
  kinds: ["base", "store"],
  custom: ["base", "store", "kinds"],
  cluster: ["base", "store", "kinds", "custom"],
  change: ["base", "store", "kinds", "cluster"],
  show: ["base", "kinds"],
  webhooks: ["base", "store", "kinds", "custom", "cluster", "change"],
  http: ["base", "store", "kinds", "cluster", "change", "show", "webhooks"],
};

const files = globSync("**/*.ts", { cwd: import.meta.dirname }).filter(
  (file) => !/\.test\.ts$|testing\.ts$/.test(file),
);
const textOf = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");
const importsOf = (file: string) =>
  [...textOf(file).matchAll(/(?:from|import\() ?"([^"]+)"/g)].map(([, path = ""]) => path);

describe("the embedded API", () => {
  it("knows nothing of the product that it was made for", () => {
    for (const file of files)
      expect([file, ...importsOf(file).filter((path) => /^(#|metallb|@metallb)/.test(path))]).toEqual([file]);
  });

  it("is made of folders whose arrows point down, all of them used", () => {
    const used: Record<string, Set<string>> = {};
    for (const file of files.filter((one) => one.includes("/"))) {
      const from = file.split("/")[0] ?? "";
      used[from] ??= new Set();
      for (const path of importsOf(file)) {
        if (!path.startsWith(".")) continue;
        const to = join(dirname(file), path).split("/")[0] ?? "";
        if (to !== from) used[from].add(to);
      }
    }
    const drawn = Object.fromEntries(Object.entries(used).map(([from, to]) => [from, [...to].sort()]));
    expect(drawn).toEqual(Object.fromEntries(Object.entries(ARROWS).map(([from, to]) => [from, [...to].sort()])));
  });

  it("has no file of more than 300 lines", () => {
    expect(files.filter((file) => textOf(file).split("\n").length > 301)).toEqual([]);
  });
});
