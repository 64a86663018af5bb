import { describe, expect, it } from "vitest";
import { type Waiter, Waiters } from "./waiters.ts";

const waiter = (n: number, needs: readonly string[], signature = ""): Waiter => ({
  key: `n/s${n}`,
  age: String(n).padStart(6, "0"),
  wishes: [{ needs, signature }],
});

const waiting = (waiters: Waiters, need: string) =>
  waiters.linesFor(need).map(({ waiters: line }) => {
    const keys: string[] = [];
    for (let next = line.after(""); next; next = line.after(next.age)) keys.push(next.key);
    return keys;
  });

describe("Services that wait", () => {
  it("stand in one line where their needs say the same and they are alike, and in each that has their need", () => {
    const waiters = new Waiters();
    waiters.set(waiter(2, ["p/4", "q/4"]));
    waiters.set(waiter(1, ["p/4", "q/4"]));
    waiters.set(waiter(3, ["p/4", "q/4"], "shares"));
    waiters.set(waiter(4, ["p/4"]));
    expect(waiting(waiters, "p/4")).toEqual([["n/s1", "n/s2"], ["n/s3"], ["n/s4"]]);
    expect(waiting(waiters, "q/4")).toEqual([["n/s1", "n/s2"], ["n/s3"]]);
    expect([waiting(waiters, "r/4"), [...waiters.keys()].length]).toEqual([[], 4]);
  });

  it("leave their line when they wait for something else, or no more", () => {
    const waiters = new Waiters();
    waiters.set(waiter(1, ["p/4"]));
    waiters.set(waiter(2, ["p/4"]));
    waiters.set(waiter(1, ["q/4"]));
    expect([waiting(waiters, "p/4"), waiting(waiters, "q/4")]).toEqual([[["n/s2"]], [["n/s1"]]]);
    waiters.delete("n/s2");
    waiters.delete("n/s1");
    waiters.delete("n/s9");
    expect([waiting(waiters, "p/4"), waiting(waiters, "q/4"), [...waiters.keys()]]).toEqual([[], [], []]);
  });

  it("are found and forgotten, for however many things they waited", () => {
    const waiters = new Waiters();
    const count = 2_500;
    for (let n = 0; n < count; n++) waiters.set(waiter(n, [`4 ${n}`]));
    waiters.set(waiter(count, ["4 0"]));
    expect(waiting(waiters, "4 0").flat()).toEqual(["n/s0", `n/s${count}`]);
    expect(waiting(waiters, `4 ${count - 1}`)).toEqual([[`n/s${count - 1}`]]);
    for (let n = 0; n <= count; n++) waiters.delete(`n/s${n}`);
    for (let n = 0; n < count; n++) expect(waiting(waiters, `4 ${n}`)).toEqual([]);
  });
});
