import { stripVTControlCharacters } from "node:util";

/** C0, DEL, C1, and what turns the direction of text: from an object they could redraw or mislead a terminal. */
const UNSAFE_CODES = "\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069";
const UNSAFE = new RegExp(`[${UNSAFE_CODES}]`, "g");

/** Text from outside, fit for a terminal: what would not be printed is shown by its code, such as `\x1b`. */
export const visible = (text: string): string =>
  text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });

const CLEAR = "\x1b[0m";
const COLOURS = { green: "\x1b[32m", red: "\x1b[31m", yellow: "\x1b[33m", bold: "\x1b[1m", dim: "\x1b[2m" } as const;
export type Colour = keyof typeof COLOURS;

/** Colours a text, or leaves it as it is where colours are not wanted. */
export type Paint = (colour: Colour, text: string) => string;

export const painted: Paint = (colour, text) => `${COLOURS[colour]}${text}${CLEAR}`;
export const plain: Paint = (_, text) => text;

/** Colours only on a terminal that has them, and never against NO_COLOR (no-color.org). */
export const paintFor = (isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint =>
  isTerminal && !env.NO_COLOR && env.TERM !== "dumb" ? painted : plain;

// East Asian wide and fullwidth, and pictures, take two columns; marks that combine take none.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const NONE = /^(?:\p{Mn}|\p{Me}|\u200b|\u200d|\ufe0f)$/u;

const widthOf = (character: string): number => (NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** How many columns a line takes: colours take none. */
export function columnsOf(line: string): number {
  let columns = 0;
  for (const character of stripVTControlCharacters(line)) columns += widthOf(character);
  return columns;
}

/** Cuts a line to so many columns, counting no colours, and ends colours that the cut left open. */
export function clip(line: string, width: number): string {
  if (columnsOf(line) <= width) return line;
  let left = width - 1;
  let kept = "";
  for (const piece of line.split(COLOUR)) {
    if (piece.startsWith("\x1b[")) {
      kept += piece;
      continue;
    }
    for (const character of piece) {
      left -= widthOf(character);
      if (left < 0) break;
      kept += character;
    }
    if (left < 0) break;
  }
  return `${kept}…${kept.includes("\x1b[") ? CLEAR : ""}`;
}

const COLOUR = new RegExp(`(${CLEAR.slice(0, 1)}\\[[0-9;]*m)`, "g");
