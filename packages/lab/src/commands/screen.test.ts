import { PassThrough } from "node:stream";
import type { WriteStream } from "node:tty";
import { stripVTControlCharacters as plain } from "node:util";
import { describe, expect, it } from "vitest";
import { clip } from "./frame.ts";
import { Screen } from "./screen.ts";

describe("a line", () => {
  it("is cut to the terminal's width, without counting its colours", () => {
    expect(clip("short", 10)).toBe("short");
    expect(plain(clip("\x1b[32mgreen and long\x1b[0m", 8))).toBe("green a…");
    expect(plain(clip("\x1b[32mgreen\x1b[0m", 5))).toBe("green");
    for (let width = 1; width < 20; width++) {
      expect(Array.from(plain(clip("\x1b[1mwörter\x1b[0m und mehr", width))).length).toBeLessThanOrEqual(width);
    }
  });
});

describe("the screen", () => {
  /** A terminal of so many columns, and what was written to it since it was last asked. */
  function openTerminal(columns: number) {
    const stream = Object.assign(new PassThrough({ encoding: "utf8" }), { columns });
    return { stream, screen: new Screen(stream as unknown as WriteStream), written: () => String(stream.read() ?? "") };
  }

  it("draws over what it drew before", () => {
    const { screen, written } = openTerminal(80);
    screen.draw(["one", "two"]);
    written();
    screen.draw(["three", "four"]);
    expect(written()).toContain("\r\x1b[2Athree");
  });

  it("knows that a narrower terminal has wrapped its lines", () => {
    const { stream, screen, written } = openTerminal(80);
    screen.draw(["x".repeat(70), "short"]);
    written();
    stream.columns = 30;
    screen.draw(["new"]);
    // 70 columns are three rows of 30, and one for the short line.
    expect(written()).toContain("\r\x1b[4Anew");
  });

  it("writes nothing when nothing changed", () => {
    const { screen, written } = openTerminal(80);
    screen.draw(["same"]);
    written();
    screen.draw(["same"]);
    expect(written()).toBe("");
  });
});
