import { badRequest } from "./errors.ts";
import { isDeeperThan, type Json } from "./json.ts";

/** The JSON of one object in bytes, at most: what a body may hold is what may be kept. */
export const MAX_OBJECT = 3 * 1024 * 1024;

/** What an API object is nested at most. A real API server draws the line at 10,000; nothing comes near either. */
const MAX_DEPTH = 256;

/** @throws ApiError 400 for what is nested deeper than an object may be */
export function checkDepth(value: Json): void {
  if (isDeeperThan(MAX_DEPTH, value)) throw badRequest(`the object is nested deeper than ${MAX_DEPTH} levels`);
}
