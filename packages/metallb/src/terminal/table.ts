import { columnsOf, visible } from "./text.ts";

/** Columns two blanks apart, each as wide as its widest cell. Cells come from outside: they are made visible. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [`${head[0]}: none`];
  const cells = rows.map((row) => row.map(visible));
  const widths = head.map((title, column) =>
    cells.reduce((widest, row) => Math.max(widest, columnsOf(row[column] ?? "")), title.length),
  );
  return [head, ...cells].map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - columnsOf(cell))))
      .join("  ")
      .trimEnd(),
  );
}
