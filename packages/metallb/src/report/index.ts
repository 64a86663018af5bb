export type * from "./controller.ts";
export type * from "./speaker.ts";
