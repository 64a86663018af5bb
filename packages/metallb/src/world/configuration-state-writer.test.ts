import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Problem } from "#config";
import { pathOf, RESOURCES } from "#kube";
import type { StateIdentity } from "./configuration-state.ts";
import { ConfigurationStateWriter, type StateWriterOptions } from "./configuration-state-writer.ts";
import { FakeKube, refused } from "./testing.ts";

const namespace = "metallb-system";
const path = pathOf(RESOURCES.configurationstates, { namespace });
const identity = {
  name: "controller",
  component: "controller",
  node: null,
  owner: { name: "controller-x", uid: "pod", daemonSet: "speaker" } as StateIdentity["owner"],
  fieldManager: "poolReconciler",
  conditionType: "poolReconcilerValid",
} as const;
const problem = {
  kind: "IPAddressPool",
  name: "a",
  path: "spec.addresses",
  code: "invalidAddresses",
  message: "is wrong",
} as unknown as Problem;

let writer: ConfigurationStateWriter | null = null;
beforeEach(
  () =>
    void vi.useFakeTimers({
      now: new Date("2026-01-02T03:04:05.678Z"),
      toFake: ["setTimeout", "clearTimeout", "performance", "Date"],
    }),
);
afterEach(() => {
  writer?.stop();
  vi.useRealTimers();
});

/** Everything that follows by itself, and what is due after so many milliseconds. */
async function pass(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function started(api: FakeKube, more: Partial<StateWriterOptions> = {}) {
  const troubles: string[] = [];
  writer = new ConfigurationStateWriter({
    client: api.client,
    namespace,
    identity,
    trouble: (message) => troubles.push(message),
    ...more,
  });
  writer.start();
  await pass();
  return { writer, troubles };
}

it("writes the object with its owner and labels, then what it says, by server-side apply in its own name", async () => {
  const api = new FakeKube();
  const { writer: state } = await started(api);
  expect(api.lists).toEqual([{ path, accept: "", fieldSelector: "metadata.name=controller" }]);
  expect(api.applied).toEqual([]);
  state.tell([problem]);
  await pass();
  const [whole, status, ...rest] = api.applied;
  expect(rest).toEqual([]);
  expect(whole).toMatchObject({
    where: { namespace, name: "controller" },
    fieldManager: "poolReconciler",
    object: { metadata: { name: "controller" } },
  });
  // And no field besides: the API refuses an apply with one that it does not know.
  expect(whole?.object.metadata?.ownerReferences).toEqual([
    { apiVersion: "v1", kind: "Pod", name: "controller-x", uid: "pod" },
  ]);
  expect(whole?.object).not.toHaveProperty("status");
  expect(status).toMatchObject({
    where: { namespace, name: "controller", subresource: "status" },
    object: {
      status: {
        result: "Invalid",
        conditions: [{ type: "poolReconcilerValid", status: "False", lastTransitionTime: "2026-01-02T03:04:05Z" }],
      },
    },
  });
  expect(JSON.stringify(status?.object)).toContain("is wrong");
});

it("writes the status alone when that alone differs, and nothing when nothing does", async () => {
  const api = new FakeKube();
  const { writer: state } = await started(api);
  state.tell([problem]);
  await pass();
  api.applied.splice(0);
  state.tell([problem]);
  await pass(10_000);
  expect(api.applied).toEqual([]);
  state.tell([]);
  await pass();
  expect(api.applied).toMatchObject([{ where: { subresource: "status" }, object: { status: { result: "Valid" } } }]);
});

it("makes it anew when somebody deletes it", async () => {
  const api = new FakeKube();
  const { writer: state } = await started(api);
  state.tell([]);
  await pass(2_000);
  api.applied.splice(0);
  api.put(path, "controller", null);
  await pass(2_000);
  expect(api.applied.map(({ where }) => where.subresource ?? "whole")).toEqual(["whole", "status"]);
});

it("comes back after a failure, no sooner than the API asks, and says what failed", async () => {
  const api = new FakeKube();
  const { writer: state, troubles } = await started(api);
  api.refusals.set(path, refused(429, 10_000));
  state.tell([]);
  await pass();
  api.refusals.clear();
  await pass(9_999);
  expect([troubles, api.applied.length]).toEqual([["refused"], 0]);
  await pass(10);
  expect(api.applied).toHaveLength(2);
});

it("writes nothing while it may not, and does so as soon as it may", async () => {
  const api = new FakeKube();
  let may = false;
  const { writer: state, troubles } = await started(api, { allowed: () => may });
  state.tell([]);
  await pass();
  expect([api.applied, troubles]).toEqual([[], ["the lease is not held"]]);
  may = true;
  await pass(2_000);
  expect(api.applied).toHaveLength(2);
});

it("writes nothing once it is stopped, whatever was due or comes", async () => {
  const api = new FakeKube();
  const { writer: state } = await started(api);
  api.refusals.set(path, refused(500));
  state.tell([]);
  await pass();
  api.refusals.clear();
  state.stop();
  state.tell([problem]);
  await pass(120_000);
  expect([api.applied, api.open]).toEqual([[], []]);
});
