import { expect, it } from "vitest";
import { Givers } from "./givers.ts";

it("knows who has to give an address up, until that is confirmed", () => {
  const givers = new Givers();
  givers.intend("a", ["1", "2"], ["2", "3"]);
  expect([givers.of(["1"]), givers.of(["2"]), givers.of(["3"]), givers.of(["1", "1"])]).toEqual([["a"], [], [], ["a"]]);
  givers.confirmed("a", ["2", "3"]);
  expect(givers.of(["1"])).toEqual([]);
});

it("takes what was on its way for held, until it is known what arrived", () => {
  const givers = new Givers();
  givers.intend("a", [], ["1"]);
  givers.intend("a", [], ["2"]);
  expect(givers.of(["1"])).toEqual(["a"]);
  // The older write is confirmed: it still shows what the newer one takes away.
  givers.confirmed("a", ["1"]);
  expect(givers.of(["1"])).toEqual(["a"]);
  givers.released("a");
  expect(givers.of(["1"])).toEqual([]);
  givers.confirmed("a", ["2"]);
  givers.intend("a", ["2"], []);
  givers.settle("a");
  expect(givers.of(["2"])).toEqual([]);
});
