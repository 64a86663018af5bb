import { describe, expect, it } from "vitest";
import { ASKER, octets, station } from "../testing.ts";
import { Fifo } from "./fifo.ts";
import { SourceLimiter } from "./source-limiter.ts";

const OTHER = station("02:00:00:00:00:07");

describe("a queue of what waits alike long", () => {
  it("gives what is due in order, however much went through it", () => {
    const queue = new Fifo<{ due: number }>();
    expect([queue.take(0), queue.nextDue]).toEqual([null, null]);
    for (let due = 0; due < 5_000; due++) {
      queue.push({ due });
      if (due % 3 === 0) expect(queue.take(due)?.due).toBe(due / 3);
    }
    expect([queue.take(0), queue.nextDue]).toEqual([null, 1_667]);
    for (let due = 1_667; due < 5_000; due++) expect(queue.take(due)).toEqual({ due });
    expect([queue.take(9_999), queue.nextDue]).toEqual([null, null]);
  });
});

it("a station earns answers with time, up to its burst, and none when the clock stands", () => {
  const limiter = new SourceLimiter(10, 2);
  const take = (now: number, mac = ASKER) => limiter.take(octets(mac), now);
  expect([take(1_000), take(1_000), take(1_000)]).toEqual([true, true, false]);
  expect([take(1_000, OTHER), take(1_050), take(1_100), take(1_150)]).toEqual([true, false, true, false]);
  expect([take(60_000), take(60_000), take(60_000)]).toEqual([true, true, false]);
  expect(take(59_000)).toBe(false);
});
