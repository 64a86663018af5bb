import type { Place } from "#lab/network";
import { type Router, type RouterDescription, RouterUnavailable } from "./router.ts";

/** The router that comes with this project, in the lab's own process. */
export async function startBuiltin(_place: Place, _description: RouterDescription, _folder: string): Promise<Router> {
  throw new RouterUnavailable("the built-in router waits for the codec");
}
