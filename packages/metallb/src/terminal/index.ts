export { follow } from "./follow.ts";
export { meant, nearest } from "./nearest.ts";
export { type Line, layOut, Screen } from "./screen.ts";
export { table } from "./table.ts";
export { type Colour, clip, columnsOf, type Paint, painted, paintFor, plain, visible } from "./text.ts";
