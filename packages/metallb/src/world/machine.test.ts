import { describe, expect, it } from "vitest";
import { decodeCommunity, decodeEndpointSlice, decodeIPAddressPool } from "#api";
import { compile } from "#config";
import { CONFIGURATION_KINDS, customResources, POOL_KINDS } from "./custom-resources.ts";
import { decoding } from "./decoded.ts";
import { KINDS, type KindName } from "./kinds.ts";
import { type Held, type Stores, WorldMachine } from "./machine.ts";

class Plain<T> extends Map<string, T> implements Held<T> {
  *by(): Generator<T> {
    yield* this.values();
  }
}

/** A machine over stores that the test fills by hand. */
function world(kinds: readonly KindName[], configuration: readonly KindName[] = POOL_KINDS) {
  const all = [...new Set([...configuration, ...kinds])];
  const stores = Object.fromEntries(all.map((kind) => [kind, new Plain<unknown>()])) as Record<
    KindName,
    Plain<unknown>
  >;
  let compiled = 0;
  const machine = new WorldMachine({
    kinds: all,
    stores: stores as unknown as Partial<Stores>,
    source: customResources(configuration),
    compile: (resources, previous) => {
      compiled++;
      return compile(resources, previous);
    },
  });
  const put = (of: KindName, key: string, object: unknown) => {
    if (object === null) stores[of].delete(key);
    else stores[of].set(key, object);
    return machine.step({ kind: "differ", of, keys: new Set([key]) });
  };
  const read = (...of: KindName[]) => of.flatMap((each) => machine.step({ kind: "synced", of: each }));
  return { machine, put, read, all, compiled: () => compiled };
}

const decodePool = decoding("IPAddressPool", decodeIPAddressPool);
const pool = (name: string, addresses: unknown, more: object = {}) =>
  decodePool({ metadata: { name, namespace: "metallb-system", ...more }, spec: { addresses } });
const decodeCommunities = decoding("Community", decodeCommunity);
const community = (name: string) =>
  decodeCommunities({ metadata: { name, namespace: "metallb-system" }, spec: { communities: [{ name: "x" }] } });
const slice = (name: string, service: string | null) =>
  decodeEndpointSlice({
    metadata: { name, namespace: "default", labels: service === null ? {} : { "kubernetes.io/service-name": service } },
    endpoints: [],
  });

describe("the world's machine", () => {
  it("says nothing before the configuration was read, and is synced when everything was", () => {
    const { machine, put, read } = world(["services"]);
    expect(put("services", "default/a", {})).toEqual([]);
    expect(read("ipaddresspools", "communities")).toEqual([]);
    expect(machine.isConfigured).toBe(false);
    expect(machine.take()).toMatchObject({ config: false, problems: false });
    expect(machine.config).toBeNull();
    put("services", "default/a", {});
    expect(read("namespaces")).toEqual([{ kind: "changed" }]);
    expect(machine.isSynced).toBe(false);
    expect(read("services")).toEqual([{ kind: "synced" }]);
    expect(machine.take()).toMatchObject({ services: new Set(["default/a"]), config: true });
    expect(machine.config?.pools).toEqual([]);
  });

  it("tells a burst once, and gives all of it", () => {
    const { machine, put, read, all } = world(["services", "nodes"]);
    read(...all);
    machine.take();
    const effects = [put("services", "default/a", {}), put("nodes", "n", {}), put("services", "default/b", {})];
    expect(effects).toEqual([[{ kind: "changed" }], [], []]);
    expect(machine.take()).toEqual({
      services: new Set(["default/a", "default/b"]),
      nodes: new Set(["n"]),
      config: false,
      problems: false,
    });
    expect(put("services", "default/a", null)).toEqual([{ kind: "changed" }]);
  });

  it("compiles once for a burst, and not at all for what is no configuration", () => {
    const { machine, put, read, all, compiled } = world(["services"]);
    read(...all);
    machine.take();
    for (const name of ["a", "b", "c"])
      put("ipaddresspools", `metallb-system/${name}`, pool(name, [`192.0.2.${name.charCodeAt(0)}/32`]));
    expect(machine.take()).toMatchObject({ config: true, problems: false });
    expect(machine.config?.pools.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    put("services", "default/a", {});
    machine.take();
    expect(compiled()).toBe(2);
  });

  it("tells that problems came and went, whether or not the configuration is another", () => {
    const { machine, put, read, all } = world([]);
    read(...all);
    machine.take();
    put("ipaddresspools", "metallb-system/a", pool("a", 7));
    // A pool that cannot be read is there all the same, and frozen.
    expect(machine.take()).toMatchObject({ config: true, problems: true });
    expect(machine.problems).toMatchObject([{ kind: "IPAddressPool", name: "a", code: "invalidSchema" }]);
    put("ipaddresspools", "metallb-system/a", pool("a", 7));
    expect(machine.take()).toMatchObject({ problems: false });
    put("ipaddresspools", "metallb-system/a", null);
    expect(machine.take()).toMatchObject({ config: true, problems: true });
    put("communities", "metallb-system/c", community("c"));
    expect(machine.take()).toMatchObject({ config: false, problems: true });
  });

  it("tells that a problem concerns other nodes now, though it reads the same", () => {
    const { machine, put, read, all } = world([], CONFIGURATION_KINDS);
    read(...all);
    const peer = (rack: string) =>
      KINDS.bgppeers.project({
        metadata: { name: "p", namespace: "metallb-system" },
        spec: { myASN: 1, peerASN: 2, peerAddress: "x", nodeSelectors: [{ matchLabels: { rack } }] },
      });
    put("bgppeers", "metallb-system/p", peer("1"));
    machine.take();
    expect(machine.problems.map(({ nodes }) => nodes?.({ rack: "1" }))).toEqual([true]);
    put("bgppeers", "metallb-system/p", peer("2"));
    expect(machine.take()).toMatchObject({ problems: true });
    expect(machine.problems.map(({ nodes }) => nodes?.({ rack: "1" }))).toEqual([false]);
  });

  it("names both Services when a slice moves from one to the other, and its Service when it is gone", () => {
    const { machine, put, read, all } = world(["services", "endpointslices"]);
    read(...all);
    put("endpointslices", "default/x", slice("x", "a"));
    expect(machine.take().services).toEqual(new Set(["default/a"]));
    put("endpointslices", "default/x", slice("x", "b"));
    expect(machine.take().services).toEqual(new Set(["default/a", "default/b"]));
    put("endpointslices", "default/x", null);
    expect(machine.take().services).toEqual(new Set(["default/b"]));
    put("endpointslices", "default/y", slice("y", null));
    expect(machine.take().services).toEqual(new Set());
  });

  it("reads every kind of the configuration from its store", () => {
    const { machine, put, read, all } = world([], CONFIGURATION_KINDS);
    read(...all);
    for (const kind of ["ipaddresspools", "bgpadvertisements", "l2advertisements", "bgppeers"] as const)
      put(
        kind,
        "metallb-system/x",
        KINDS[kind].project({ metadata: { name: "x", namespace: "metallb-system" }, spec: 7 }),
      );
    machine.take();
    expect(new Set(machine.problems.map(({ kind }) => kind))).toEqual(
      new Set(["IPAddressPool", "BGPAdvertisement", "L2Advertisement", "BGPPeer"]),
    );
  });
});
