import { useSignal } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { useFilter } from "./filter.ts";
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
  /** Whether cells hold how long something lasts, so that they are drawn anew each time that anything is. */
  readonly isTimed?: boolean;
  /** What to say instead of a table without rows. */
  readonly none: string;
}

/** How many rows are drawn at first, and more each time that the end comes near. */
const STEP = 40;

const collator = new Intl.Collator("en", { numeric: true });

/** A table that is filtered by the page's search, sorted by a column, and drawn as far as one scrolls. */
export function DataTable<Row>({ label, columns, rows, keyOf, isTrouble, isTimed, none }: TableProps<Row>) {
  const sorted = useSignal<{ readonly column: number; readonly down: boolean } | null>(null);
  const most = useSignal(STEP);
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean).join(" ");
  const textOf = useCallback((row: Row) => columns.map((column) => column.text(row)).join(" "), [columns]);
  const found = useFilter(rows, words, textOf);
  // Another filter begins at the top.
  useEffect(() => {
    most.value = STEP;
  }, [words]);
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
                <th key={column.title} class={column.class ?? ""} aria-sort={direction} scope="col">
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
          {blocksOf(shown, most.value).map((block, index) => (
            <Block
              key={index * STEP}
              rows={block}
              of={isTimed ? rows : null}
              columns={columns}
              keyOf={keyOf}
              isTrouble={isTrouble}
            />
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

/** More is drawn before one sees that it is missing. */
const NEAR = { rootMargin: "600px" } as const;

interface BlockProps<Row> {
  readonly rows: readonly Row[];
  /** Another list than before: draw even what is the same; null: what is the same stays as it is. */
  readonly of: readonly Row[] | null;
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly isTrouble: ((row: Row) => boolean) | undefined;
}

/** Some rows, drawn again only where one of them differs: more of them cost no more for those that stand. */
class Block<Row> extends Component<BlockProps<Row>> {
  override shouldComponentUpdate(next: BlockProps<Row>): boolean {
    const { rows, of, columns } = this.props;
    return (
      next.of !== of ||
      next.columns !== columns ||
      next.rows.length !== rows.length ||
      next.rows.some((row, index) => row !== rows[index])
    );
  }

  override render({ rows, columns, keyOf, isTrouble }: BlockProps<Row>) {
    return rows.map((row) => (
      <tr key={keyOf(row)} class={isTrouble?.(row) ? "trouble" : ""}>
        {columns.map((column) => (
          <td key={column.title} class={column.class ?? ""} data-title={column.title}>
            {column.cell(row)}
          </td>
        ))}
      </tr>
    ));
  }
}

function blocksOf<Row>(rows: readonly Row[], most: number): readonly (readonly Row[])[] {
  const count = Math.ceil(Math.min(most, rows.length) / STEP);
  return Array.from({ length: count }, (_, index) => rows.slice(index * STEP, (index + 1) * STEP));
}

function More({ left, more }: { readonly left: number; readonly more: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (button.current === null) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) latest.current();
    }, NEAR);
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [left]);
  return (
    <button type="button" class="more" ref={button} onClick={more}>
      {left} more
    </button>
  );
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
    const troubled: Row[] = [];
    const well: Row[] = [];
    for (const row of rows) (isTrouble(row) ? troubled : well).push(row);
    return troubled.length === 0 ? rows : [...troubled, ...well];
  }
  const keyed = rows.map((row) => ({ row, text: column.text(row) }));
  keyed.sort((a, b) => collator.compare(a.text, b.text));
  if (sorted.down) keyed.reverse();
  return keyed.map(({ row }) => row);
}
