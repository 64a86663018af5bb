import { parentPort, workerData } from "node:worker_threads";
import { runSchedule } from "./schedule.ts";

/** Seeds from `from` up to, and without, `to`. */
export interface Seeds {
  readonly from: number;
  readonly to: number;
}

export interface ShareResult {
  /** The first seed that broke something, and what; null: none did. */
  readonly violation: string | null;
  /** Of each run. */
  readonly hashes: Float64Array;
  /** What happened in all of them. */
  readonly steps: number;
}

/** Runs a share of the seeds, up to the first that breaks something. */
export function runShare({ from, to }: Seeds): ShareResult {
  const hashes = new Float64Array(to - from);
  let all = 0;
  for (let seed = from; seed < to; seed++) {
    const { violations, hash, steps } = runSchedule(seed);
    if (violations.length > 0) return { violation: `seed ${seed}: ${violations[0]}`, hashes, steps: all };
    hashes[seed - from] = hash;
    all += steps;
  }
  return { violation: null, hashes, steps: all };
}

/** How many of the runs differ from all others. */
export function countDistinct(shares: readonly ShareResult[]): number {
  const all = new Float64Array(shares.reduce((sum, { hashes }) => sum + hashes.length, 0));
  let at = 0;
  for (const { hashes } of shares) {
    all.set(hashes, at);
    at += hashes.length;
  }
  all.sort();
  let distinct = 0;
  for (let i = 0; i < all.length; i++) if (all[i] !== all[i - 1]) distinct++;
  return distinct;
}

// In a thread of its own: a share for each message.
if ((workerData as { readonly shares?: boolean } | null)?.shares)
  parentPort?.on("message", (seeds: Seeds) => parentPort?.postMessage(runShare(seeds)));
