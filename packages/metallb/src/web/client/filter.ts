import { useEffect, useState } from "preact/hooks";

/** Milliseconds that one slice may take: a frame at 60 Hz has 16. */
const SLICE = 8;
/** Rows between two looks at the clock. */
const ROWS = 50;

interface Sought<Row> {
  readonly rows: readonly Row[];
  readonly words: string;
  readonly found: readonly Row[];
}

/**
 * The rows whose text holds all words. Ten thousand rows with the names of hundreds of nodes are many megabytes of
 * text: they are looked through in slices between which the page answers, and what was found before stands meanwhile.
 */
export function useFilter<Row>(rows: readonly Row[], words: string, textOf: (row: Row) => string): readonly Row[] {
  const [sought, set] = useState<Sought<Row>>({ rows, words: "", found: rows });
  const isCurrent = words === "" || (sought.rows === rows && sought.words === words);
  useEffect(() => {
    if (words === "" || isCurrent) return;
    const all = words.split(" ");
    // Who types on narrows what was found.
    const from = sought.rows === rows && sought.words !== "" && words.startsWith(sought.words) ? sought.found : rows;
    const found: Row[] = [];
    let at = 0;
    let timer = 0;
    const look = () => {
      for (const until = performance.now() + SLICE; at < from.length && performance.now() < until; ) {
        for (const end = Math.min(at + ROWS, from.length); at < end; at++) {
          const row = from[at] as Row;
          const text = textOf(row).toLowerCase();
          if (all.every((word) => text.includes(word))) found.push(row);
        }
      }
      if (at < from.length) timer = window.setTimeout(look);
      else set({ rows, words, found });
    };
    look();
    return () => clearTimeout(timer);
  }, [rows, words]);
  if (words === "") return rows;
  return sought.words === "" && !isCurrent ? rows : sought.found;
}
