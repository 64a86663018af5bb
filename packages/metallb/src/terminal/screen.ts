import type { WriteStream } from "node:tty";
import { clip, columnsOf } from "./text.ts";

/** A row that is cut to the terminal, or one that people copy: the terminal wraps it, so that a copy has no break in it. */
export type Line = string | { readonly copy: string };

/** A line as it is drawn, and how many rows of the terminal it takes. */
export interface Row {
  readonly text: string;
  readonly height: number;
}

/** A few lines of the terminal that are drawn over and over in place. */
export class Screen {
  private readonly terminal: WriteStream;
  private drawn: readonly Row[] = [];
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
    const isSame = rows.length === this.drawn.length && rows.every(({ text }, at) => text === this.drawn[at]?.text);
    if (!resized && isSame) return;
    // Terminals differ in whether they wrap anew what was drawn wider: after a resize nobody knows where the
    // frame begins, so the whole screen is drawn anew.
    const height = heightOf(this.drawn);
    const home = resized ? "\x1b[H\x1b[J" : height === 0 ? "\r" : `\r\x1b[${height}A`;
    this.terminal.write(`${home}${rows.map(({ text }) => `${text}\x1b[K\n`).join("")}\x1b[J`);
    this.drawn = rows;
    this.size = size;
  }

  /** Leaves what is drawn where it is, and gives the cursor back. */
  leave(): void {
    this.terminal.write("\x1b[?25h");
    this.drawn = [];
  }
}

const heightOf = (rows: readonly Row[]): number => rows.reduce((sum, { height }) => sum + height, 0);

/** The lines as they fit: what is cut is narrower than the terminal, and all of it is not higher. */
export function layOut(lines: readonly Line[], columns: number, most: number): readonly Row[] {
  const rows = lines.map((line): Row => {
    if (typeof line === "string") return { text: clip(line, columns - 1), height: 1 };
    const width = columnsOf(line.copy);
    // At the very edge terminals differ in when they wrap: a blank more, and they agree.
    const text = width > 0 && width % columns === 0 ? `${line.copy} ` : line.copy;
    return { text, height: Math.max(1, Math.ceil(columnsOf(text) / columns)) };
  });
  if (heightOf(rows) <= most) return rows;
  const kept: Row[] = [];
  let height = 0;
  for (const row of rows) {
    if (height + row.height > most - 1) break;
    kept.push(row);
    height += row.height;
  }
  const text = clip(`… ${rows.length - kept.length} more lines: make the window higher`, columns - 1);
  return [...kept, { text, height: 1 }];
}
