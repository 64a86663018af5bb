import fc from "fast-check";
import { expect, it } from "vitest";
import { Fifo } from "./fifo.ts";

it("equals a list without doubles, whatever comes and goes", () => {
  const move = fc.oneof(
    fc.nat(20).map((n) => ({ kind: "add" as const, key: String(n) })),
    fc.nat(20).map((n) => ({ kind: "delete" as const, key: String(n) })),
    fc.constant({ kind: "take" as const, key: "" }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 100 }), (moves) => {
      const fifo = new Fifo();
      let list: string[] = [];
      for (const { kind, key } of moves) {
        if (kind === "take") expect(fifo.take()).toBe(list.shift() ?? null);
        else if (kind === "delete") list = list.filter((each) => each !== key);
        else if (!list.includes(key)) list.push(key);
        if (kind === "add") fifo.add(key);
        if (kind === "delete") fifo.delete(key);
        expect(fifo.size).toBe(list.length);
      }
    }),
  );
});

it("stays right while it shrinks", () => {
  const fifo = new Fifo();
  for (let i = 0; i < 5_000; i++) fifo.add(String(i));
  for (let i = 0; i < 4_000; i++) expect(fifo.take()).toBe(String(i));
  fifo.delete("4000");
  fifo.add("0");
  expect([fifo.take(), fifo.size]).toEqual(["4001", 999]);
  for (let i = 4_002; i < 5_000; i++) fifo.take();
  expect([fifo.take(), fifo.take(), fifo.size]).toEqual(["0", null, 0]);
});
