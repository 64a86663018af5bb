import { CHOOSING } from "./choosing.ts";
import { DUAL_STACK } from "./dual-stack.ts";
import { LIFE } from "./life.ts";
import { POOL_EDITS } from "./pool-edits.ts";
import { REQUESTS } from "./requests.ts";
import type { Scene } from "./scene.ts";
import { SHARING } from "./sharing.ts";

/** Sections 4 and 10.1 to 10.3 of the contract, as stories. */
export const SCENES: readonly Scene[] = [...CHOOSING, ...REQUESTS, ...SHARING, ...DUAL_STACK, ...POOL_EDITS, ...LIFE];
