export { commandLine, main } from "./main.ts";
export { referenceOf } from "./reference.ts";
