import { describe, expect, it } from "vitest";
import { readBlocks } from "../support/blocks.ts";

const page = (...lines: readonly string[]) => readBlocks(lines.join("\n"));
const fence = "```";

describe("command blocks of a page", () => {
  it("run where the page says, with what they must print and end with", () => {
    const { world, blocks, problems } = page(
      "<!-- runs in: lab -->",
      "<!-- ends with: 1 -->",
      `${fence}sh`,
      "one",
      "two",
      fence,
      "<!-- prints: 1 -->",
      "<!-- prints: 2 -->",
    );
    expect([world, problems]).toEqual(["lab", []]);
    expect(blocks).toEqual([
      { kind: "run", line: 3, text: "one\ntwo", endsWith: 1, prints: ["1", "2"], hidden: false },
    ]);
  });

  it("are files, are left out with a reason, or are prepared for", () => {
    const { blocks } = page(
      "<!-- writes: a.yaml -->",
      `${fence}yaml`,
      "a: 1",
      fence,
      "<!-- not run: no registry -->",
      `${fence}sh`,
      "push",
      fence,
      "<!-- prepares",
      "make",
      "-->",
    );
    expect(blocks.map(({ kind, text }) => [kind, text])).toEqual([
      ["write", "a: 1"],
      ["not run", "push"],
      ["run", "make"],
    ]);
  });

  it("are no blocks of other languages", () => {
    expect(page(`${fence}yaml`, "a: 1", fence, fence, "text", fence)).toMatchObject({ blocks: [], problems: [] });
  });

  it("must have what their comments speak of", () => {
    expect(page("<!-- not run: -->", `${fence}sh`, "x", fence).problems).toEqual(["line 1: not run without a value"]);
    expect(page("<!-- ends with: 1 -->", "Text").problems).toHaveLength(1);
    expect(page("<!-- prints: x -->").problems).toHaveLength(1);
    expect(page("<!-- ends with: 1 -->", `${fence}yaml`, fence).problems).toHaveLength(1);
  });
});
