export type * from "./controller.ts";
export type * from "./placement.ts";
export { strictInterfaces } from "./reverse-path.ts";
export type * from "./speaker.ts";
