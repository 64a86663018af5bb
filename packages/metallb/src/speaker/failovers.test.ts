import { expect, it } from "vitest";
import { Failovers } from "./failovers.ts";

function taken(lostAt: number | null): Failovers {
  const failovers = new Failovers();
  failovers.owner("default/web", "node-2");
  if (lostAt !== null) failovers.member("node-2", lostAt);
  failovers.take("default/web", "192.0.2.1");
  failovers.owner("default/web", null);
  failovers.announced("192.0.2.1", 10_320);
  return failovers;
}

it("measures from the last sign of life of the former owner to the announcement", () => {
  expect(taken(10_000).of("192.0.2.1")).toEqual({ from: "node-2", milliseconds: 320, at: 10_320 });
});

it("counts from the first that was heard of the loss, and not from what memberlist says later", () => {
  const failovers = new Failovers();
  failovers.owner("s", "node-2");
  failovers.member("node-2", 10_000);
  failovers.member("node-2", 10_250);
  failovers.take("s", "a");
  failovers.announced("a", 10_300);
  expect(failovers.of("a")?.milliseconds).toBe(300);
});

it("takes a planned move, a new Service and an old loss for no failover", () => {
  expect(taken(null).of("192.0.2.1")).toBeNull();
  expect(taken(-50_000).of("192.0.2.1")).toBeNull();
  const failovers = new Failovers();
  failovers.announced("192.0.2.1", 10_000);
  expect(failovers.of("192.0.2.1")).toBeNull();
});

it("forgets it when the address is withdrawn, and forgets the loss of one that is back", () => {
  const failovers = taken(10_000);
  failovers.withdrawn("192.0.2.1");
  expect(failovers.of("192.0.2.1")).toBeNull();
  failovers.member("node-2", null);
  failovers.owner("default/web", "node-2");
  failovers.take("default/web", "192.0.2.1");
  failovers.announced("192.0.2.1", 10_900);
  expect(failovers.of("192.0.2.1")).toBeNull();
});
