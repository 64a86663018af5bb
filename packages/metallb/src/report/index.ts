export type * from "./controller.ts";
export { strictInterfaces } from "./reverse-path.ts";
export type * from "./speaker.ts";
