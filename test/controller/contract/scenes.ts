import { CHOOSING } from "./choosing.ts";
import { DUAL_STACK } from "./dual-stack.ts";
import { LIFE } from "./life.ts";
import { POOL_EDITS } from "./pool-edits.ts";
import { REQUESTS } from "./requests.ts";
import type { Scene } from "./scene.ts";
import { SHARING } from "./sharing.ts";

/** Sections 4 and 10.1 to 10.3 of the contract, as stories. */
export const CHAPTERS: readonly {
  readonly section: string;
  readonly title: string;
  readonly scenes: readonly Scene[];
}[] = [
  { section: "4.4", title: "which pool, which address", scenes: CHOOSING },
  { section: "4.4, 4.7", title: "addresses and pools that are asked for", scenes: REQUESTS },
  { section: "4.2", title: "sharing", scenes: SHARING },
  { section: "4.3, 10.3", title: "two families", scenes: DUAL_STACK },
  { section: "4.6, 10.1", title: "pools that change under use", scenes: POOL_EDITS },
  { section: "4.5 to 4.7", title: "Services that come, change and go", scenes: LIFE },
];

export const SCENES: readonly Scene[] = CHAPTERS.flatMap(({ scenes }) => scenes);
