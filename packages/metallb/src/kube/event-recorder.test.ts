import { afterEach, expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import type { KubeClient, KubeObject } from "./client.ts";
import { EventRecorder } from "./event-recorder.ts";
import { RESOURCES } from "./resources.ts";

interface Stored extends KubeObject {
  readonly count: number;
  readonly message: string;
}

const recorders: EventRecorder[] = [];
afterEach(() => Promise.all(recorders.splice(0).map((recorder) => recorder.drain(0))));

/** An API that keeps Events, and fails when told. */
function make() {
  const events = new Map<string, Stored>();
  const troubles: string[] = [];
  const state = { writes: 0, failures: [] as ApiError[], now: Date.UTC(2026, 0, 1) };
  const fail = () => {
    state.writes++;
    const failure = state.failures.shift();
    if (failure) throw failure;
  };
  const client = {
    create: async (_: unknown, __: unknown, object: KubeObject) => {
      fail();
      events.set(object.metadata?.name ?? "", object as Stored);
      return object;
    },
    patch: async (_: unknown, { name }: { name: string }, __: unknown, patch: object) => {
      fail();
      const before = events.get(name);
      if (!before) throw new ApiError(404, "NotFound", "not found");
      events.set(name, { ...before, ...patch });
      return before;
    },
  } as unknown as KubeClient;
  const recorder = new EventRecorder(client, {
    component: "metallb-controller",
    now: () => new Date(state.now),
    onTrouble: (message) => troubles.push(message),
  });
  recorders.push(recorder);
  const event = (message: string, name = "a") =>
    recorder.event({ resource: RESOURCES.services, namespace: "n", name, uid: name }, "Normal", "IPAllocated", message);
  return { events, troubles, state, event };
}

it("counts what repeats on one event, and makes one anew that is gone", async () => {
  const { events, event } = make();
  event("x");
  await expect.poll(() => events.size).toBe(1);
  event("x");
  event("x");
  await expect.poll(() => [...events.values()].map(({ count }) => count)).toEqual([3]);
  events.clear();
  event("x");
  await expect.poll(() => [...events.values()].map(({ count }) => count)).toEqual([4]);
});

it("tries again when the API fails, and gives up what is refused for good", async () => {
  const { events, event, state, troubles } = make();
  state.failures.push(new ApiError(500, "", "broken"));
  event("x");
  await expect.poll(() => events.size, { timeout: 5_000 }).toBe(1);
  state.failures.push(new ApiError(403, "Forbidden", "the namespace is being deleted"));
  event("y");
  event("z");
  await expect.poll(() => events.size).toBe(2);
  expect(troubles).toEqual([
    "an event was not written: broken",
    "an event was not written: the namespace is being deleted",
  ]);
  expect(state.writes).toBe(4);
});

it("tells so many of one object at once, and goes on after a while; others are not concerned", async () => {
  const { events, event, state } = make();
  for (let i = 0; i < 100; i++) event("x");
  for (let i = 0; i < 3; i++) event("x", "b");
  await expect.poll(() => events.size).toBe(2);
  await expect.poll(() => Math.max(...[...events.values()].map(({ count }) => count))).toBe(100);
  const writes = state.writes;
  event("x");
  expect(state.writes).toBe(writes);
  state.now += 300_000;
  event("x");
  await expect.poll(() => Math.max(...[...events.values()].map(({ count }) => count))).toBe(102);
});

it("is not silenced by a clock that is put back", async () => {
  const { events, event, state } = make();
  event("x");
  state.now -= 24 * 3_600_000;
  event("x");
  await expect.poll(() => [...events.values()].map(({ count }) => count)).toEqual([2]);
});

it("combines many different messages of one reason, and cuts those that are too long", async () => {
  const { events, event } = make();
  for (let i = 0; i < 20; i++) event(`message ${i}`);
  await expect.poll(() => events.size).toBe(11);
  await expect
    .poll(() => [...events.values()].filter(({ count }) => count === 10).map(({ message }) => message))
    .toEqual(["(combined from similar events): message 19"]);
  event("y".repeat(250_000), "long");
  await expect.poll(() => events.size).toBe(12);
  expect([...events.values()].at(-1)?.message).toHaveLength(1024);
});
