export type * from "./events.ts";
export type * from "./settings.ts";
