import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { query } from "./state.ts";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What the filter searches and the column is sorted by. */
  readonly text: (row: Row) => string;
  readonly class?: string;
}

interface TableProps<Row> {
  /** What the rows are, in words, for those who do not see the heading. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Rows that need somebody's attention come first until a column is chosen. */
  readonly isTrouble?: (row: Row) => boolean;
  /** What to say instead of a table without rows. */
  readonly none: string;
}

/** How many rows are drawn at first, and more each time that the end comes into sight. */
const STEP = 100;

const collator = new Intl.Collator("en", { numeric: true });

/** A table that is filtered by the page's search, sorted by a column, and drawn as far as one scrolls. */
export function DataTable<Row>({ label, columns, rows, keyOf, isTrouble, none }: TableProps<Row>) {
  const sorted = useSignal<{ readonly column: number; readonly down: boolean } | null>(null);
  const most = useSignal(STEP);
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = useMemo(() => rows.filter((row) => matches(columns, row, words)), [rows, columns, words.join(" ")]);
  const shown = useMemo(
    () => order(found, columns, sorted.value, isTrouble),
    [found, columns, sorted.value, isTrouble],
  );
  if (rows.length === 0) return <p class="quiet">{none}</p>;
  if (shown.length === 0) return <p class="quiet">None of {rows.length} matches.</p>;
  const choose = (column: number) => {
    const now = sorted.value;
    sorted.value = now?.column === column ? (now.down ? null : { column, down: true }) : { column, down: false };
  };
  return (
    <>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const chosen = sorted.value?.column === index ? sorted.value : null;
              const direction = chosen === null ? "none" : chosen.down ? "descending" : "ascending";
              return (
                <th key={column.title} aria-sort={direction} scope="col">
                  <button type="button" onClick={() => choose(index)}>
                    {column.title}
                    <span aria-hidden="true">{chosen === null ? "" : chosen.down ? " ↓" : " ↑"}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {shown.slice(0, most.value).map((row) => (
            <tr key={keyOf(row)} class={isTrouble?.(row) ? "trouble" : ""}>
              {columns.map((column) => (
                <td key={column.title} class={column.class ?? ""} data-title={column.title}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length > most.value ? (
        <More
          left={shown.length - most.value}
          more={() => {
            most.value += STEP;
          }}
        />
      ) : null}
    </>
  );
}

function More({ left, more }: { readonly left: number; readonly more: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (button.current === null) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) latest.current();
    });
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [left]);
  return (
    <button type="button" class="more" ref={button} onClick={more}>
      {left} more
    </button>
  );
}

function matches<Row>(columns: readonly Column<Row>[], row: Row, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = columns
    .map((column) => column.text(row))
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

function order<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorted: { readonly column: number; readonly down: boolean } | null,
  isTrouble: ((row: Row) => boolean) | undefined,
): readonly Row[] {
  const column = sorted === null ? undefined : columns[sorted.column];
  if (sorted === null || column === undefined) {
    if (isTrouble === undefined) return rows;
    const troubled = rows.filter(isTrouble);
    return troubled.length === 0 ? rows : [...troubled, ...rows.filter((row) => !isTrouble(row))];
  }
  const keyed = rows.map((row) => ({ row, text: column.text(row) }));
  keyed.sort((a, b) => collator.compare(a.text, b.text));
  if (sorted.down) keyed.reverse();
  return keyed.map(({ row }) => row);
}
