import fc from "fast-check";
import { expect, it } from "vitest";
import { DistinctHeap } from "./heap.ts";

it("a heap gives each number once, the lowest first", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 60 }), fc.nat(20), (numbers, early) => {
      const heap = new DistinctHeap();
      heap.pop();
      expect(heap.peek()).toBeUndefined();
      for (const number of numbers) heap.push(BigInt(number));
      const sorted = [...new Set(numbers)].sort((a, b) => a - b).map(BigInt);
      for (const number of sorted.slice(0, early)) {
        expect(heap.peek()).toBe(number);
        heap.pop();
      }
      // What was taken out may come again.
      for (const number of sorted.toReversed()) heap.push(number);
      for (const number of sorted) {
        expect(heap.peek()).toBe(number);
        heap.pop();
      }
      expect(heap.peek()).toBeUndefined();
    }),
  );
});
