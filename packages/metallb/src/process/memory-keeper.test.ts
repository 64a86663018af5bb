import { getHeapStatistics } from "node:v8";
import { expect, it } from "vitest";
import { MemoryKeeper, type MemoryPorts, ownMemory } from "./memory-keeper.ts";

const MB = 2 ** 20;

class Process implements MemoryPorts {
  size = 60;
  needed = 20;
  readonly done: string[] = [];
  readonly pauses: number[] = [];
  private due: () => void = () => {};

  heap = () => this.size * MB;
  collect = () => {
    this.done.push("collect");
    this.size = this.needed;
  };
  giveBack = async () => void this.done.push("give back");
  after = (pause: number, then: () => void) => {
    this.pauses.push(pause);
    this.due = then;
  };

  async pass(): Promise<readonly string[]> {
    this.done.length = 0;
    this.due();
    await new Promise((resolve) => setImmediate(resolve));
    return this.done;
  }
}

it("tidies up three times once the start is over, and again when the heap has grown by half", async () => {
  const own = new Process();
  new MemoryKeeper(own).begin();
  expect([own.pauses, own.done]).toEqual([[3_000], []]);
  for (let i = 0; i < 3; i++) expect(await own.pass()).toEqual(["collect", "give back"]);
  own.size = 36;
  expect(await own.pass()).toEqual([]);
  own.size = 37;
  own.needed = 36;
  expect(await own.pass()).toEqual(["collect", "give back"]);
  own.size = 54;
  expect(await own.pass()).toEqual([]);
  own.size = 55;
  expect(await own.pass()).toEqual(["collect", "give back"]);
  expect(own.pauses).toEqual([3_000, 4_000, 13_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
});

it("does not hold a large process up", async () => {
  const own = new Process();
  own.size = 257;
  new MemoryKeeper(own).begin();
  expect(await own.pass()).toEqual(["give back"]);
});

it("makes a heap smaller that holds what nobody needs", async () => {
  let due: (() => void) | null = null;
  const done = Promise.withResolvers<void>();
  let garbage: unknown = Array.from({ length: 200_000 }, (_, i) => ({ i, text: String(i) }));
  const before = getHeapStatistics().total_physical_size;
  expect(garbage).toBeDefined();
  garbage = null;
  new MemoryKeeper({
    ...ownMemory(),
    heap: () => 0,
    giveBack: async () => done.resolve(),
    after: (_, then) => {
      due ??= then;
    },
  }).begin();
  (due as unknown as () => void)();
  await done.promise;
  expect(getHeapStatistics().total_physical_size).toBeLessThan(before - 10 * MB);
});
