import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { chartValues, EFFECTS, effectOf } from "../../scripts/docs/chart-values.ts";
import { BEYOND, ROWS } from "../../scripts/docs/compatibility-rows.ts";
import { LAYER2_FAULTS } from "../../scripts/docs/fault-rows.ts";
import { CONDITIONS, NAMES } from "../../scripts/docs/names.ts";
import { pages } from "../../scripts/docs/pages.ts";
import { SECTIONS } from "../../scripts/docs/troubleshooting.ts";
import { VALUES } from "../deploy/values.ts";
import { anchorsOf, linksOf } from "../support/pages.ts";
import { readSources } from "./sources.ts";

const PROOFS = [...ROWS, ...BEYOND, ...LAYER2_FAULTS].flatMap(({ proofs }) => proofs);

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Names of the group that the product's own code spells out. */
const spelled = (form: RegExp): readonly string[] => {
  const texts = readSources()
    .filter(({ pack, isTest, path }) => pack === "metallb" && !isTest && !path.endsWith("/testing.ts"))
    .flatMap(({ texts }) => texts);
  return [...new Set(texts.flatMap((text) => form.exec(text)?.[0] ?? []))].toSorted();
};

describe("the pages", () => {
  it("lead nowhere that is not there", () => {
    const files = globSync(["*.md", "docs/**/*.md", "packages/**/*.md", "bench/*.md", "test/**/*.md"], {
      cwd: root,
      exclude: ["**/node_modules/**", "**/dist/**"],
    });
    const dead = files.flatMap((file) =>
      linksOf(read(file))
        .filter(({ path, anchor }) => {
          const target = path === "" ? file : join(dirname(file), path);
          if (!existsSync(join(root, target))) return true;
          if (anchor === "" || statSync(join(root, target)).isDirectory()) return false;
          return target.endsWith(".md") && !anchorsOf(read(target)).has(anchor);
        })
        .map(({ path, anchor }) => `${file}: ${path}#${anchor}`),
    );
    expect(dead).toEqual([]);
  });

  it("can each be reached from docs/README.md", () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { path } of linksOf(read(file)))
        if (path.endsWith(".md") && join(dirname(file), path).startsWith("docs/")) visit(join(dirname(file), path));
    };
    visit("docs/README.md");
    expect(globSync("docs/**/*.md", { cwd: root }).filter((file) => !seen.has(file))).toEqual([]);
  });

  it("that are made from the code are what the code says: npm run generate", async () => {
    const made = await pages();
    expect([...made].filter(([path, text]) => read(`docs/${path}`) !== text).map(([path]) => path)).toEqual([]);
  });
});

describe("compatibility", () => {
  it.each(PROOFS)("names a test that is there: %s %s", (file, title) => {
    expect(read(file)).toContain(title.replaceAll('"', '\\"'));
  });
});

describe("troubleshooting", () => {
  it.each(SECTIONS)("has an entry for each code and for no other: $title", ({ sentences, advice }) => {
    expect(Object.keys(advice).toSorted()).toEqual(Object.keys(sentences).toSorted());
    for (const { means, see, do: what } of Object.values(advice))
      for (const text of [means, see, what]) expect(text).not.toBe("");
  });
});

describe("the reference", () => {
  it("says of every value of the chart, and of MetalLB's, what it does, and nothing of others", () => {
    const values = chartValues().map(([name]) => name);
    const tried = VALUES.flatMap(({ value }) => value.map((set) => set.split("=")[0]?.replace(/\[\d+\]/g, "") ?? ""));
    expect([...values, ...tried].filter((name) => effectOf(name) === null)).toEqual([]);
    const covers = (effect: string, name: string): boolean =>
      `${name}.`.replace(/^(controller|speaker)\./, effect.startsWith("*.") ? "*." : "$&").startsWith(`${effect}.`);
    expect(Object.keys(EFFECTS).filter((effect) => !values.some((name) => covers(effect, name)))).toEqual([]);
  });

  it("has every annotation and label that the code names", () => {
    expect(spelled(/^metallb\.io\/[a-z][A-Za-z-]+$/).filter((name) => !/\/v\d/.test(name) && !(name in NAMES))).toEqual(
      [],
    );
  });

  it("has every condition that the code names", () => {
    const named = [...spelled(/^metallb\.io\/[A-Z]\w+$/), ...spelled(/^\w+ReconcilerValid$/)];
    expect(named.toSorted()).toEqual(Object.keys(CONDITIONS).toSorted());
  });
});
