/** One line of a benchmark: what was measured, for whom, and the goal it is held against. */
export interface Row {
  /** Number of the goal in the table of goals, such as 5. */
  readonly goal: number;
  readonly what: string;
  /** `metallb-ts`, a peer's name and version, or `floor`. */
  readonly who: string;
  readonly unit: string;
  readonly samples: readonly number[];
  /** The bound that `metallb-ts` wants to keep, on `judged`; null: for comparison only. */
  readonly goalValue: number | null;
  readonly judged: "median" | "p99" | "max";
  /** `<=` unless bigger is better. */
  readonly atLeast?: boolean;
  readonly note?: string;
}

export type Benchmark = (say: (line: string) => void) => Promise<readonly Row[]>;

export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

const judgedValue = (row: Row): number =>
  row.judged === "median"
    ? median(row.samples)
    : row.judged === "p99"
      ? quantile(row.samples, 0.99)
      : Math.max(...row.samples);

const number = (value: number): string =>
  Number.isNaN(value)
    ? "-"
    : Math.abs(value) >= 1000
      ? Math.round(value).toLocaleString("en-US")
      : String(Number(value.toPrecision(4)));

/** The table for people, aligned, one row a line. */
export function render(rows: readonly Row[]): string {
  const table = rows.map((row) => {
    const verdict =
      row.goalValue === null
        ? ""
        : (row.atLeast ? judgedValue(row) >= row.goalValue : judgedValue(row) <= row.goalValue)
          ? "kept"
          : "MISSED";
    const goal = row.goalValue === null ? "" : `${row.atLeast ? "≥" : "≤"} ${number(row.goalValue)} ${row.judged}`;
    return [
      String(row.goal),
      row.what,
      row.who,
      number(median(row.samples)),
      number(quantile(row.samples, 0.99)),
      row.unit,
      String(row.samples.length),
      goal,
      verdict,
      row.note ?? "",
    ];
  });
  const lines = [["#", "what", "who", "median", "p99", "unit", "runs", "goal", "", "note"], ...table];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - cell.length))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
