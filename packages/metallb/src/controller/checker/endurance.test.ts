import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { countDistinct, type Seeds, type ShareResult } from "./share.ts";

/** So many are run, on all cores; METALLB_INTERLEAVINGS asks for another number. */
const COUNT = Number(process.env.METALLB_INTERLEAVINGS ?? (process.env.CI === "true" ? 1_000_000 : 10_000));
/** Small enough that a core which is busy with something else delays the others little. */
const SHARE = 5_000;

/** A thread that runs shares until there are no more. */
function runIn(next: () => Seeds | null, done: (result: ShareResult) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL("./share.ts", import.meta.url), { workerData: { shares: true } });
  const give = () => {
    const share = next();
    if (share) worker.postMessage(share);
    else void worker.terminate();
  };
  worker
    .on("message", (result: ShareResult) => {
      done(result);
      give();
    })
    .on("error", reject)
    .on("exit", () => resolve());
  give();
  return promise;
}

it("a million interleavings differ, and in none of them is anything broken", async () => {
  const results: ShareResult[] = [];
  let from = 1;
  const next = (): Seeds | null => {
    if (from > COUNT || results.some(({ violation }) => violation !== null)) return null;
    const seeds = { from, to: Math.min(from + SHARE, COUNT + 1) };
    from = seeds.to;
    return seeds;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, () => runIn(next, (each) => results.push(each))));
  expect(results.flatMap(({ violation }) => violation ?? [])).toEqual([]);
  expect(countDistinct(results)).toBe(COUNT);
}, 3_600_000);
