import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectFile } from "../support/programs.ts";

const run = promisify(execFile);

/** What a page of the site links to and what may be linked to in it. */
interface Rendered {
  readonly links: readonly string[];
  readonly ids: ReadonlySet<string>;
}

const plain = (text: string): string => text.replaceAll("&amp;", "&").replaceAll("&#39;", "'");

function read(file: string): Rendered {
  const html = readFileSync(file, "utf8");
  const all = (name: string) =>
    [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, "g"))].map(([, value = ""]) => plain(value));
  return { links: all("href"), ids: new Set(all("id")) };
}

/** The links of the pages that lead to no page, to no file, or to no heading. */
function broken(pages: ReadonlyMap<string, Rendered>, files: ReadonlySet<string>): readonly string[] {
  const wrong: string[] = [];
  for (const [page, { links }] of pages)
    for (const link of links) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor = ""] = link.split("#");
      const led = path.startsWith("/") ? path.slice(1) : path === "" ? page : posix.join(dirname(page), path);
      const place = led === "" || led.endsWith("/") ? `${led}index.html` : led;
      const target = pages.get(place);
      if (!files.has(place)) wrong.push(`${page}: ${link}`);
      else if (anchor !== "" && !target?.ids.has(decodeURIComponent(anchor))) wrong.push(`${page}: no heading ${link}`);
    }
  return wrong;
}

describe("the site", () => {
  let folder = "";
  let pages: ReadonlyMap<string, Rendered> = new Map();
  let files: ReadonlySet<string> = new Set();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-site-"));
    await run(projectFile("bin/node"), [projectFile("scripts/site.ts"), join(folder, "made")], {
      cwd: projectFile(""),
    });
    const made = join(folder, "made");
    files = new Set(globSync("**/*.*", { cwd: made }));
    const names = [...files].filter((name) => name.endsWith(".html"));
    pages = new Map(names.map((name) => [name, read(join(made, name))]));
  }, 600_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("has every page of docs, and the contributing guide", () => {
    const wanted = globSync("**/*.md", { cwd: projectFile("docs") }).map((page) =>
      page === "README.md" ? "index.html" : page.replace(/md$/, "html"),
    );
    expect([...wanted, "contributing.html"].filter((name) => !files.has(name))).toEqual([]);
  });

  it("has no link that leads nowhere, nor to a heading that is not there", () => {
    expect(pages.get("index.html")?.links.length).toBeGreaterThan(20);
    expect(broken(pages, files)).toEqual([]);
  });

  it("would say so: the check checks", () => {
    const page = {
      links: ["/gone.html", "/index.html#gone", "#here", "https://example.com/gone"],
      ids: new Set(["here"]),
    };
    expect(broken(new Map([["index.html", page]]), new Set(["index.html"]))).toEqual([
      "index.html: /gone.html",
      "index.html: no heading /index.html#gone",
    ]);
  });
});
