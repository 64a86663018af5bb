/** What every generated page begins with. */
export const head = (title: string, from: string, about: string): string =>
  `<!-- Made by npm run generate from ${from}. Do not edit. -->\n\n# ${title}\n\n${about}\n`;

/** A text as one cell of a table. */
const cell = (text: string): string =>
  text
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;")
    .replaceAll("{{", "{ {")
    .replaceAll(/\s*\n\s*/g, " ");

export const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => "---"), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");

export const code = (text: string): string => `\`${text}\``;

/** A sentence without its full stop or its capital is one all the same. */
export const sentence = (text: string): string =>
  text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?:]$/.test(text) ? "" : "."}`;
