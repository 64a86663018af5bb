import { expect, it } from "vitest";
import { backoff } from "./index.ts";

const bounds = { first: 200, max: 30_000 };

it("doubles up to the bound, and spreads by chance over the upper half", () => {
  const pauses = [1, 2, 3, 8, 9, 1_000_000].map((failures) => backoff(bounds, failures, 1));
  expect(pauses).toEqual([200, 400, 800, 25_600, 30_000, 30_000]);
  expect([0, 0.5, 1].map((random) => backoff({ ...bounds, sure: 0.75 }, 2, random))).toEqual([300, 350, 400]);
  expect([0, 1].map((random) => backoff({ ...bounds, sure: 1 }, 2, random))).toEqual([400, 400]);
  expect([backoff(bounds, 0, 1), backoff(bounds, 1, 0), backoff(bounds, 99, 0)]).toEqual([200, 100, 15_000]);
});
