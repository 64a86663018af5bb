export { type Conversion, convertLegacy, type LegacyObject } from "./convert.ts";
export type { LegacyProblem } from "./reader.ts";
