import type { WriteStream } from "node:tty";
import { columnsOf } from "./frame.ts";

/** A few lines of the terminal that are drawn over and over in place. */
export class Screen {
  readonly #terminal: WriteStream;
  #drawn: readonly string[] = [];

  constructor(terminal: WriteStream) {
    this.#terminal = terminal;
    terminal.write("\x1b[?25l");
  }

  /** One less than the terminal has: a line that fills it exactly may wrap. */
  get width(): number {
    return Math.max(20, (this.#terminal.columns || 80) - 1);
  }

  draw(lines: readonly string[]): void {
    if (lines.length === this.#drawn.length && lines.every((line, index) => line === this.#drawn[index])) return;
    this.#terminal.write(`${this.#home()}${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#drawn = lines;
  }

  /** Leaves what is drawn where it is, and gives the cursor back. */
  leave(): void {
    this.#terminal.write("\x1b[?25h");
    this.#drawn = [];
  }

  /** Back to where the first line was drawn; made narrower, a terminal wraps what was drawn wider. */
  #home(): string {
    const columns = this.#terminal.columns || 80;
    const rows = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(columnsOf(line) / columns)), 0);
    return rows === 0 ? "\r" : `\r\x1b[${rows}A`;
  }
}
