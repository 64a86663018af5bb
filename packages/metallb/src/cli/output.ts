import { stringify } from "yaml";
import { clip, type Line, type Paint, paintFor, table } from "#terminal";
import type { ShownTable } from "#view";

export const FORMATS = ["json", "yaml", "wide"] as const;
export type Format = (typeof FORMATS)[number] | "table";

/** What a command shows: data for programs, lines for people. */
export interface Shown {
  readonly data: unknown;
  readonly lines: (paint: Paint) => readonly Line[];
  /** Of the process, once it is shown. */
  readonly exitCode: number;
}

/** The lines of what is shown, in the format that was asked for. */
export function render(shown: Shown, format: Format, paint: Paint): readonly Line[] {
  switch (format) {
    case "json":
      return JSON.stringify(shown.data, null, 2).split("\n");
    case "yaml":
      return stringify(shown.data).trimEnd().split("\n");
    default:
      return shown.lines(paint);
  }
}

/** At a terminal rows are cut to its width, unless all of it is wanted; elsewhere nothing is. */
export function print(shown: Shown, format: Format): void {
  const { isTTY, columns } = process.stdout;
  const cut = isTTY && format === "table" ? (line: string) => clip(line, columns) : (line: string) => line;
  const lines = render(shown, format, paintFor(isTTY, process.env));
  process.stdout.write(lines.map((line) => `${typeof line === "string" ? cut(line) : line.copy}\n`).join(""));
}

export const drawTable = ({ head, rows }: ShownTable): readonly string[] => table(head, rows);
