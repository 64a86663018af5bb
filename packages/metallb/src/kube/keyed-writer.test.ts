import { expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import { KeyedWriter, type KeyedWriterOptions, type WriteOutcome } from "./keyed-writer.ts";

interface Try {
  readonly key: string;
  readonly value: string;
  readonly signal: AbortSignal;
  answer(outcome: WriteOutcome | Error): void;
}

/** A writer whose tries are answered by hand, and who can be waited for. */
function make(options: Partial<KeyedWriterOptions<string>> = {}) {
  const tries: Try[] = [];
  let arrived = () => {};
  const writer = new KeyedWriter<string>({
    perform: (key, value, { signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
        const answer = (outcome: WriteOutcome | Error) =>
          outcome instanceof Error ? reject(outcome) : resolve(outcome);
        tries.push({ key, value, signal, answer });
        arrived();
      }),
    random: () => 0,
    backoff: { first: 10, max: 20 },
    ...options,
  });
  const nth = async (n: number): Promise<Try> => {
    while (tries.length < n) await new Promise<void>((resolve) => (arrived = resolve));
    return tries[n - 1] as Try;
  };
  return { writer, tries, nth };
}

it("writes the latest, and tells when all is confirmed", async () => {
  const { writer, nth } = make();
  writer.want("a", "1");
  const first = await nth(1);
  writer.want("a", "2");
  first.answer("done");
  const second = await nth(2);
  expect([second.key, second.value]).toEqual(["a", "2"]);
  const idle = writer.idle();
  second.answer("done");
  await idle;
  expect(writer.stats).toMatchObject({ adds: 2, tries: 2, failures: 0 });
});

it("tries again after a failure, no sooner than the API asks, and tells when it is over", async () => {
  const told: unknown[] = [];
  const { writer, nth } = make({
    onFailure: (key, error, failures) => told.push([key, (error as Error).message, failures]),
    onRecovered: () => told.push("recovered"),
  });
  writer.want("a", "1");
  (await nth(1)).answer(new ApiError(429, "TooManyRequests", "slow down", 60));
  const asked = performance.now();
  const second = await nth(2);
  expect(performance.now() - asked).toBeGreaterThanOrEqual(50);
  second.answer(new Error("broken"));
  (await nth(3)).answer("done");
  await writer.idle();
  expect(told).toEqual([["a", "slow down", 1], ["a", "broken", 2], "recovered"]);
});

it("asks before each try whether it may write", async () => {
  let leading = true;
  const { writer, tries, nth } = make({ mayWrite: () => leading });
  writer.want("a", "1");
  await nth(1);
  leading = false;
  const failed = Promise.withResolvers<void>();
  const lost = make({ mayWrite: () => false, onFailure: () => failed.resolve() });
  lost.writer.want("a", "1");
  await failed.promise;
  expect([tries.length, lost.tries.length]).toEqual([1, 0]);
  await Promise.all([writer.stop(), lost.writer.stop()]);
});

it("ends what is in flight when the lead is lost, and waits for it", async () => {
  const { writer, nth, tries } = make();
  writer.want("a", "1");
  const first = await nth(1);
  await writer.stop();
  expect(first.signal.aborted).toBe(true);
  writer.want("b", "1");
  await writer.stop();
  expect(tries).toHaveLength(1);
});

it("drains, and gives up at the deadline", async () => {
  const { writer, nth, tries } = make({ parallel: 1 });
  writer.want("a", "1");
  writer.want("b", "1");
  const drained = writer.drain(60_000);
  (await nth(1)).answer("done");
  (await nth(2)).answer("done");
  await drained;
  expect(tries.map(({ key }) => key)).toEqual(["a", "b"]);
  const stuck = make();
  stuck.writer.want("a", "1");
  const { signal } = await stuck.nth(1);
  await stuck.writer.drain(20);
  expect(signal.aborted).toBe(true);
});

it("does not write the same twice where it keeps what was confirmed, but writes it again when told", async () => {
  const { writer, nth, tries } = make({ retain: { same: (a, b) => a === b } });
  writer.want("a", "1");
  (await nth(1)).answer("done");
  await writer.idle();
  writer.want("a", "1");
  expect(tries).toHaveLength(1);
  writer.recheck("a");
  (await nth(2)).answer("done");
  await writer.idle();
  expect(writer.depth).toEqual({ pending: 0, inFlight: 0, failing: 0 });
});
