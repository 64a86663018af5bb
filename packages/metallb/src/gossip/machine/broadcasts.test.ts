import { describe, expect, it } from "vitest";
import { Broadcasts } from "./broadcasts.ts";
import { pick, shuffle } from "./pick.ts";

const message = (first: number, length = 30): Uint8Array => new Uint8Array(length).fill(first);
const firsts = (taken: readonly Uint8Array[]) => taken.map(([first]) => first);

describe("what is told to everybody", () => {
  it("is told as often as is asked for, what was told least goes first", () => {
    const all = new Broadcasts();
    expect([all.isEmpty, all.take(1_000, 0, 3)]).toEqual([true, []]);
    all.add("a", message(1));
    expect(firsts(all.take(1_000, 0, 3))).toEqual([1]);
    all.add("b", message(2));
    expect(firsts(all.take(30, 0, 3))).toEqual([2]);
    expect(firsts(all.take(1_000, 0, 3))).toEqual([1, 2]);
    expect(firsts(all.take(1_000, 0, 3))).toEqual([1, 2]);
    expect([all.isEmpty, all.take(1_000, 0, 3)]).toEqual([true, []]);
  });

  it("is passed over eight times where it does not fit, and then no more is looked for", () => {
    const packed = (tooLong: number) => {
      const all = new Broadcasts();
      for (let i = 0; i < tooLong; i++) all.add(`long${i}`, message(9, 500));
      all.add("short", message(1));
      return firsts(all.take(100, 0, 3));
    };
    expect([packed(7), packed(8)]).toEqual([[1], []]);
    // Less room than any message needs is none: 24 octets.
    const left = (room: number) => {
      const all = new Broadcasts();
      all.add("a", message(1));
      all.add("tiny", message(2, 5));
      return firsts(all.take(room, 0, 3));
    };
    expect([left(54), left(53)]).toEqual([[1, 2], [1]]);
  });

  it("gives way to what is newer of the same member, which is told from the start", () => {
    const all = new Broadcasts();
    all.add("a", message(1));
    all.take(1_000, 0, 2);
    all.add("a", message(9));
    expect([1, 2, 3].map(() => firsts(all.take(1_000, 0, 2)))).toEqual([[9], [9], []]);
  });

  it("fills the room that there is, with the overhead of each", () => {
    const all = new Broadcasts();
    for (const [i, about] of ["a", "b", "c"].entries()) all.add(about, message(i + 1));
    expect(firsts(all.take(64, 2, 9))).toEqual([1, 2]);
    expect(firsts(all.take(63, 2, 9))).toEqual([3]);
    // What is longer than the room is passed over for what is not.
    const mixed = new Broadcasts();
    mixed.add("long", message(1, 200));
    mixed.add("short", message(2));
    expect(firsts(mixed.take(100, 0, 9))).toEqual([2]);
    expect(firsts(mixed.take(23, 0, 9))).toEqual([]);
  });

  it("is 255 pieces a packet at most", () => {
    const all = new Broadcasts();
    for (let i = 0; i < 300; i++) all.add(`${i}`, message(1));
    expect(all.take(1_000_000, 0, 9)).toHaveLength(255);
    expect(all.take(1_000_000, 0, 9)).toHaveLength(255);
  });
});

describe("a draw", () => {
  const items = [1, 2, 3, 4, 5];

  it("takes as many as are wanted, each once, from the whole", () => {
    expect(pick([...items], 2, () => 0)).toEqual([1, 2]);
    expect(pick([...items], 2, () => 0.999)).toEqual([5, 1]);
    expect(pick([...items], 9, () => 0.5)).toEqual(items);
    expect(pick([...items], 5, () => 0.999)).toEqual(items);
  });

  it("of an order moves every item as chance says", () => {
    const shuffled = [...items];
    shuffle(shuffled, () => 0);
    expect(shuffled).toEqual([2, 3, 4, 5, 1]);
    shuffle(shuffled, () => 0.999);
    expect(shuffled).toEqual([2, 3, 4, 5, 1]);
  });
});
