/** C0 controls, DEL and C1 controls: what a terminal obeys instead of showing. */
const CONTROLS = /\p{Cc}/gu;

/**
 * One cell of a table. It ends with "..." where a line would break, as kubectl prints it, and shows
 * control characters as `^[` or `\u009b`, so that no object can write to a terminal.
 */
export function forTerminal(cell: string): string {
  const end = cell.search(/[\f\n\r]/);
  const line = end < 0 ? cell : `${cell.slice(0, end)}...`;
  return line.replaceAll(CONTROLS, (letter) => {
    const code = letter.charCodeAt(0);
    return code < 0x80 ? `^${String.fromCharCode(code ^ 0x40)}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

export const withoutControls = (text: string): string => text.replaceAll(CONTROLS, "");
