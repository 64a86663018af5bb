import type { WriteStream } from "node:tty";
import { clip, wrap } from "./text.ts";

/** A row that is cut to the terminal, or one that people copy, which is wrapped and never cut. */
export type Line = string | { readonly copy: string };

/** A few lines of the terminal that are drawn over and over in place. */
export class Screen {
  private readonly terminal: WriteStream;
  private drawn: readonly string[] = [];
  private size = "";

  constructor(terminal: WriteStream) {
    this.terminal = terminal;
    terminal.write("\x1b[?25l");
  }

  draw(lines: readonly Line[]): void {
    const columns = Math.max(20, this.terminal.columns || 80);
    const most = Math.max(5, this.terminal.rows || 1_000) - 1;
    const size = `${columns}x${most}`;
    const rows = layOut(lines, columns, most);
    const resized = this.size !== "" && size !== this.size;
    if (!resized && rows.length === this.drawn.length && rows.every((row, index) => row === this.drawn[index])) return;
    // Terminals differ in whether they wrap anew what was drawn wider: after a resize nobody knows where the
    // frame begins, so the whole screen is drawn anew.
    const home = resized ? "\x1b[H\x1b[J" : this.drawn.length === 0 ? "\r" : `\r\x1b[${this.drawn.length}A`;
    this.terminal.write(`${home}${rows.map((row) => `${row}\x1b[K\n`).join("")}\x1b[J`);
    this.drawn = rows;
    this.size = size;
  }

  /** Leaves what is drawn where it is, and gives the cursor back. */
  leave(): void {
    this.terminal.write("\x1b[?25h");
    this.drawn = [];
  }
}

/** The rows as they fit: none as wide as the terminal, which some wrap, and not more than it is high. */
export function layOut(lines: readonly Line[], columns: number, most: number): readonly string[] {
  const width = columns - 1;
  const rows = lines.flatMap((line) => (typeof line === "string" ? [clip(line, width)] : wrap(line.copy, width)));
  if (rows.length <= most) return rows;
  return [...rows.slice(0, most - 1), clip(`… ${rows.length - most + 1} more lines: make the window higher`, width)];
}
