import { PassThrough } from "node:stream";
import type { WriteStream } from "node:tty";
import { stripVTControlCharacters as bare } from "node:util";
import { describe, expect, it } from "vitest";
import { layOut, Screen } from "./screen.ts";
import { table } from "./table.ts";
import { clip, columnsOf, painted, paintFor, plain, visible } from "./text.ts";

describe("a line", () => {
  it("is cut to the terminal's width, without counting its colours", () => {
    expect(clip("short", 10)).toBe("short");
    expect(bare(clip("\x1b[32mgreen and long\x1b[0m", 8))).toBe("green a…");
    expect(bare(clip("\x1b[32mgreen\x1b[0m", 5))).toBe("green");
    for (let width = 1; width < 20; width++) {
      expect(columnsOf(clip("\x1b[1mwörter\x1b[0m und 日本語 mehr", width))).toBeLessThanOrEqual(width);
    }
  });

  it("takes two columns for what is wide and none for what combines", () => {
    expect(columnsOf("日本")).toBe(4);
    expect(columnsOf("e\u0301")).toBe(1);
    expect(columnsOf("\x1b[31mred\x1b[0m")).toBe(3);
  });

  it("that is copied is left whole for the terminal to wrap, at its edge too", () => {
    for (const length of [10, 39, 40, 41, 80, 200]) {
      const [row] = layOut([{ copy: "x".repeat(length) }], 40, 100);
      expect(row?.text.trim()).toBe("x".repeat(length));
      expect((row?.text.length ?? 0) % 40).not.toBe(0);
      expect(row?.height).toBe(Math.ceil((row?.text.length ?? 0) / 40));
    }
  });
});

describe("text from outside", () => {
  it("never steers or misleads the terminal", () => {
    expect(visible("a\x1b[2Jb\x07\r\n\u202ec\u009b")).toBe("a\\x1b[2Jb\\x07\\x0d\\x0a\\u202ec\\x9b");
    expect(visible("plain – ä 日本")).toBe("plain – ä 日本");
    const cell = table(["NAME"], [["\x1b]0;evil\x07"]]).join("\n");
    expect(cell.includes("\x1b") || cell.includes("\x07")).toBe(false);
  });

  it("is coloured on a terminal alone", () => {
    expect(paintFor(true, {})).toBe(painted);
    expect(paintFor(false, {})).toBe(plain);
    expect(paintFor(true, { NO_COLOR: "1" })).toBe(plain);
    expect(paintFor(true, { TERM: "dumb" })).toBe(plain);
  });
});

describe("the screen", () => {
  /** A terminal of so many columns and rows, and what was written to it since it was last asked. */
  function openTerminal(columns: number, rows = 24) {
    const stream = Object.assign(new PassThrough({ encoding: "utf8" }), { columns, rows });
    return { stream, screen: new Screen(stream as unknown as WriteStream), written: () => String(stream.read() ?? "") };
  }

  it("draws over what it drew before", () => {
    const { screen, written } = openTerminal(80);
    screen.draw(["one", "two"]);
    written();
    screen.draw(["three", "four"]);
    expect(written()).toContain("\r\x1b[2Athree");
  });

  it("counts the rows that a copied line takes", () => {
    const { screen, written } = openTerminal(30);
    screen.draw([{ copy: "x".repeat(70) }, "short"]);
    written();
    screen.draw(["new"]);
    expect(written()).toContain("\r\x1b[4Anew");
  });

  it("leaves one frame when the terminal was resized, whether that wrapped what was drawn or not", () => {
    for (const columns of [30, 120]) {
      const { stream, screen, written } = openTerminal(80);
      screen.draw(["x".repeat(70), "short"]);
      written();
      stream.columns = columns;
      screen.draw(["x".repeat(70), "short"]);
      const text = written();
      expect(text.startsWith("\x1b[H\x1b[J")).toBe(true);
      expect(text.match(/short/g)).toHaveLength(1);
    }
  });

  it("is never higher than the terminal", () => {
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    const rows = layOut(lines, 80, 23);
    expect(rows).toHaveLength(23);
    expect(rows.at(-1)?.text).toContain("28 more lines");
    const tall = layOut([...lines.slice(0, 20), { copy: "x".repeat(400) }], 80, 23);
    expect(tall.reduce((sum, { height }) => sum + height, 0)).toBeLessThanOrEqual(23);
  });

  it("writes nothing when nothing changed", () => {
    const { screen, written } = openTerminal(80);
    screen.draw(["same"]);
    written();
    screen.draw(["same"]);
    expect(written()).toBe("");
  });
});
