import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** By then the first plan is announced, and events and status objects are written; milliseconds. */
const QUIET = 5_000;

type Collect = (options: { readonly type: "major"; readonly execution: "sync"; readonly flavor: string }) => void;

/**
 * V8 keeps the pages that a collection frees for the next burst. A process whose one burst is its start
 * gives them back to the system: 95 MB of a controller's 230 at 5,000 Services.
 */
export function keepNoFreePages(): void {
  // Older engines do not know the flag and complain on stderr.
  if (Number.parseInt(process.versions.v8, 10) < 14) return;
  setFlagsFromString("--no-memory-pool");
}

/**
 * Gives back once what reading the cluster left behind: a quiet process collects nothing by itself, and its
 * old pages stay half full. Stops this thread for some 100 ms at 5,000 Services, so it comes after the start
 * and never again; the engines have a thread of their own.
 */
export function giveBackMemory(): void {
  setTimeout(() => {
    // The collector is shown to contexts that are made afterwards.
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as Collect;
    setFlagsFromString("--no-expose-gc");
    // The one that compacts every page.
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  }, QUIET).unref();
}
