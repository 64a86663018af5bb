import { afterEach, expect, it, vi } from "vitest";
import { pathOf, RESOURCES } from "#kube";
import { customResources, POOL_KINDS } from "./custom-resources.ts";
import { leanService } from "./kinds.ts";
import { FakeKube, refused } from "./testing.ts";
import { WatchedWorld, type WorldOptions } from "./watched-world.ts";

const NAMESPACE = "metallb-system";
const services = pathOf(RESOURCES.services);
const pools = pathOf(RESOURCES.ipaddresspools, { namespace: NAMESPACE });
const namespaces = pathOf(RESOURCES.namespaces);
const pool = { metadata: { namespace: NAMESPACE }, spec: { addresses: ["10.0.0.0/24"] } };
const service = { metadata: { namespace: "default" }, spec: { type: "LoadBalancer" } };

const worlds: WatchedWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.stop();
});

function watched(api: FakeKube, more: Partial<WorldOptions> = {}) {
  const troubles: string[] = [];
  const world = new WatchedWorld({
    client: api.client,
    namespace: NAMESPACE,
    kinds: ["services"],
    source: customResources(POOL_KINDS),
    trouble: (kind) => (message) => troubles.push(`${kind}: ${message}`),
    ...more,
  });
  worlds.push(world);
  let told = 0;
  const waiting: (() => void)[] = [];
  world.onChange = () => {
    told++;
    for (const resolve of waiting.splice(0)) resolve();
  };
  const change = () => new Promise<void>((resolve) => waiting.push(resolve));
  return { world, troubles, told: () => told, change };
}

it("asks for each kind as narrowly as it is read: its namespace, its fields, its metadata alone", async () => {
  const api = new FakeKube();
  const { world } = watched(api, { kinds: ["services", "nodes", "secrets"] });
  await world.start();
  const asked = new Map(api.lists.map(({ path, ...rest }) => [path, rest]));
  expect([...asked.keys()].sort()).toEqual(
    [
      services,
      namespaces,
      pools,
      pathOf(RESOURCES.nodes),
      pathOf(RESOURCES.communities, { namespace: NAMESPACE }),
      pathOf(RESOURCES.secrets, { namespace: NAMESPACE }),
    ].sort(),
  );
  const metadataOnly = [...asked].filter(([, { accept }]) => accept.includes("PartialObjectMetadataList"));
  expect(metadataOnly.map(([path]) => path)).toEqual([namespaces]);
  expect(asked.get(pathOf(RESOURCES.secrets, { namespace: NAMESPACE }))?.fieldSelector).toBe(
    "type!=helm.sh/release.v1",
  );
});

it("watches the kinds that it is told to, each once, and the others when it is asked for all", async () => {
  const api = new FakeKube();
  const { world, change } = watched(api);
  const ready = change();
  void world.start(POOL_KINDS);
  await ready;
  expect([world.hasRead(POOL_KINDS), world.isSynced, api.open.includes(services)]).toEqual([true, false, false]);
  await world.start();
  expect([world.isSynced, api.open.includes(services)]).toEqual([true, true]);
  expect(new Set(api.lists.map(({ path }) => path)).size).toBe(api.lists.length);
});

it("calls once for a burst, and gives all of it when it is taken", async () => {
  const api = new FakeKube();
  api.put(pools, "a", pool);
  const { world, told, change } = watched(api);
  await world.start();
  expect(world.take()).toMatchObject({ config: true });
  expect(world.config?.pools.map(({ name }) => name)).toEqual(["a"]);
  const before = told();
  const changed = change();
  api.put(services, "x", service);
  api.put(services, "y", service);
  api.put(pools, "b", { ...pool, spec: { addresses: ["10.0.1.0/24"] } });
  await changed;
  await Promise.resolve();
  expect(told()).toBe(before + 1);
  const { services: keys, config } = world.take();
  expect([[...keys].sort(), config]).toEqual([["default/x", "default/y"], true]);
  expect([...world.services.keys()].sort()).toEqual(["default/x", "default/y"]);
  expect(world.take()).toMatchObject({ services: new Set(), config: false, problems: false });
});

it("names what it cannot read as long as it cannot, and is not synced meanwhile", async () => {
  const api = new FakeKube();
  api.refusals.set(pools, refused(403));
  const { world, troubles } = watched(api);
  let synced = false;
  void world.start().then(() => {
    synced = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  const words = `missing right: list ipaddresspools.metallb.io in namespace ${NAMESPACE}: refused`;
  expect([world.troubles, troubles, synced]).toEqual([[words], [`ipaddresspools: ${words}`], false]);
  api.refusals.clear();
  await world.start();
  expect([world.troubles, world.isSynced]).toEqual([[], true]);
});

it("lets a process see a kind otherwise, and hear of its keys at once", async () => {
  const api = new FakeKube();
  const project: NonNullable<NonNullable<WorldOptions["overrides"]>["services"]>["project"] = () =>
    leanService({ key: "k", namespace: "n", name: "x", uid: "", type: "ClusterIP" } as Parameters<
      typeof leanService
    >[0]);
  const { world } = watched(api, { overrides: { services: { project } } });
  const heard: string[] = [];
  world.onDifference("services", (keys) => heard.push(...keys));
  await world.start();
  api.put(services, "x", service);
  await Promise.resolve();
  expect([heard, world.services.get("default/x")?.type]).toEqual([["default/x"], "ClusterIP"]);
});

it("says nothing more once it is stopped, and holds no watch open", async () => {
  const api = new FakeKube();
  const { world, told } = watched(api);
  await world.start();
  const before = told();
  const push = api.open.length;
  world.stop();
  await new Promise((resolve) => setImmediate(resolve));
  expect([push > 0, api.open]).toEqual([true, []]);
  api.put(services, "x", service);
  expect([told(), world.services.size]).toEqual([before, 0]);
});

it("takes all watches for dead with the first that does not end, but for those that brought something just now", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const chance = vi.spyOn(Math, "random").mockReturnValue(0);
  try {
    const api = new FakeKube();
    const { world } = watched(api);
    await world.start();
    // One is ended in between, and begun anew: its own time is not over yet.
    await vi.advanceTimersByTimeAsync(20_000);
    api.end(pools);
    await vi.advanceTimersByTimeAsync(28_000);
    api.put(pools, "a", pool);
    const communities = pathOf(RESOURCES.communities, { namespace: NAMESPACE });
    const begun = (others: number) => ({
      [services]: others,
      [namespaces]: others,
      [communities]: others,
      [pools]: 2,
    });
    expect(Object.fromEntries(api.watched)).toEqual(begun(1));
    await vi.advanceTimersByTimeAsync(2_100);
    // What came during a stall is read before a watch is taken for dead: a turn of the loop.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(Object.fromEntries(api.watched)).toEqual(begun(2));
    expect(world.troubles).toEqual([]);
  } finally {
    chance.mockRestore();
    vi.useRealTimers();
  }
});

it("has no store of what it does not watch", () => {
  const { world } = watched(new FakeKube());
  expect(() => world.store("bgppeers")).toThrow("bgppeers are not watched");
});
