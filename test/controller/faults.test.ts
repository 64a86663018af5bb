import { setTimeout as pause } from "node:timers/promises";
import { type KubeObject, RESOURCES } from "metallb/kube";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Fault, FaultyApi } from "../support/faulty-api.ts";
import { eventually, type Program } from "../support/programs.ts";
import { ControllerBench, ipsOf, NAMESPACE, pool } from "./bench.ts";

/**
 * The process behind an API at its worst: whatever it does, no address is given twice, who holds one
 * keeps it, and everything that can be served is in the end.
 */
describe("the controller behind an API at its worst", () => {
  let bench: ControllerBench;
  let api: FaultyApi;
  let env: NodeJS.ProcessEnv;
  let controller: Program | null = null;

  beforeAll(async () => {
    bench = await ControllerBench.create("embedded");
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    await bench.createPool(pool("p", ["192.0.2.0/26"]));
    ({ api, env } = await bench.faultyApi());
  });
  afterAll(() => bench?.close());
  beforeEach(() => {
    api.rule = () => null;
  });
  afterEach(async () => {
    api.rule = () => null;
    await controller?.stop("SIGKILL");
    controller = null;
    await Promise.all((await services()).map(({ metadata }) => bench.remove(metadata?.name ?? "")));
    await bench.client
      .remove(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" })
      .catch(() => undefined);
  });

  const start = async (...more: readonly string[]) => {
    controller = await bench.startIn(env, "--webhook-mode=disabled", ...more);
    return controller;
  };
  const services = async () =>
    (((await bench.client.list(RESOURCES.services, { namespace: "default" })).items ?? []) as KubeObject[]).filter(
      ({ spec }) => (spec as { type?: string }).type === "LoadBalancer",
    );
  /** Service → address. */
  const holdings = async () =>
    new Map((await services()).map((service) => [service.metadata?.name ?? "", ipsOf(service).join()]));
  const create = (...names: readonly string[]) => Promise.all(names.map((name) => bench.create(name)));
  /** All have an address of their own; those of `before` the one that they had. */
  async function served(before: ReadonlyMap<string, string> = new Map()): Promise<ReadonlyMap<string, string>> {
    const all = await eventually(
      async () => [...(await holdings())],
      (now) => now.every(([, ip]) => ip !== ""),
      { what: "not everybody is served", limit: 40_000 },
    );
    const held = new Map(all);
    expect(new Set(held.values()).size).toBe(held.size);
    for (const [name, ip] of before) if (held.has(name)) expect([name, held.get(name)]).toEqual([name, ip]);
    return held;
  }

  const times = (count: number, fault: Fault) => {
    let left = count;
    api.rule = ({ isServiceWrite }) => (isServiceWrite && left-- > 0 ? fault : null);
  };
  it.each<[string, Fault]>([
    ["a storm of 409", { status: 409 }],
    ["429 with Retry-After", { status: 429, headers: { "retry-after": "1" } }],
    ["500", { status: 500 }],
    ["broken connections, before the API heard", { breaks: "unheard" }],
    ["broken connections, after the API heard", { breaks: "heard" }],
    ["slow answers", { after: () => pause(2_000) }],
  ])("is answered by %s", async (_, fault) => {
    times(10, fault);
    await start();
    await create("a", "b", "c", "d", "e");
    const held = await served();
    await bench.remove("b");
    await create("f");
    await served(held);
    expect((await holdings()).get("f")).toBe(held.get("b"));
  });

  it("sees a watch that repeats, holds back and forgets what happened, and then says that it is too old", async () => {
    const ended = Promise.withResolvers<void>();
    let forgets = false;
    api.rule = ({ isServiceWatch }) =>
      isServiceWatch
        ? {
            lines: (line) => {
              if (!forgets) return [line, line];
              if (!line.includes('"type":"DELETED"')) return [line];
              forgets = false;
              ended.resolve();
              const object = { kind: "Status", status: "Failure", code: 410, reason: "Expired", message: "too old" };
              return [JSON.stringify({ type: "ERROR", object })];
            },
          }
        : null;
    await start();
    await create("a", "b", "c");
    const held = await served();
    forgets = true;
    await bench.remove("a");
    await ended.promise;
    // What the watch never told, the list after it does: the address is free.
    await create("d");
    await served(held);
    expect((await holdings()).get("d")).toBe(held.get("a"));
  });

  it("decides on a stale view, and the API refuses what it does not know", async () => {
    const open = Promise.withResolvers<void>();
    let holds = false;
    api.rule = ({ isServiceWatch }) =>
      isServiceWatch
        ? {
            lines: async (line) => {
              if (holds && line.includes('"name":"x"')) await open.promise;
              return [line];
            },
          }
        : null;
    await start();
    await create("a", "x");
    const held = await served();
    holds = true;
    // The controller has seen neither that x asks for a's address, nor that a is gone, nor that z came, which of one
    // second is the younger by its name.
    await bench.client.patch(RESOURCES.services, { namespace: "default", name: "x" }, "merge", {
      metadata: { annotations: { "metallb.io/loadBalancerIPs": held.get("a") } },
    });
    await bench.remove("a");
    await create("z");
    await pause(500);
    open.resolve();
    await eventually(
      async () => Object.fromEntries(await holdings()),
      (now) => now.x === held.get("a"),
      { what: "x does not get what it asks for" },
    );
    await served();
  });

  it("is without the API for a while, and goes on", async () => {
    await start();
    await create("a", "b");
    const held = await served();
    api.rule = () => ({ breaks: "unheard" });
    await create("c");
    await pause(4_000);
    expect(controller?.exitCode()).toBeNull();
    api.rule = () => null;
    await served(held);
  });

  it("ends on SIGTERM while every write is answered by an error", async () => {
    const tried = Promise.withResolvers<void>();
    api.rule = ({ isServiceWrite }) => {
      if (isServiceWrite) tried.resolve();
      return isServiceWrite ? { status: 500 } : null;
    };
    await start();
    await create("a", "b");
    await tried.promise;
    expect(await controller?.stop()).toBe(0);
    api.rule = () => null;
    await start();
    await served();
  });

  it("hands the lead over while a write is on its way, which arrives after the other has decided", async () => {
    const late = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    let first = true;
    api.rule = ({ isServiceWrite }) => {
      if (!isServiceWrite || !first) return null;
      first = false;
      held.resolve();
      return { before: late.promise };
    };
    const leader = await start("--pod-name=one");
    await create("a");
    await held.promise;
    const next = await bench.startIn(env, "--webhook-mode=disabled", "--pod-name=two");
    expect(await leader.stop()).toBe(0);
    controller = next;
    await create("b", "c");
    const decided = await served();
    late.resolve();
    await create("d");
    await served(decided);
  }, 60_000);

  it("begins anew in the same process when somebody else took the lead, and nobody loses anything", async () => {
    const process = await start("--pod-name=one");
    await create("a", "b");
    const held = await served();
    const where = { namespace: NAMESPACE, name: "metallb-controller" };
    const lease = async () =>
      (await bench.client.get(RESOURCES.leases, where)).spec as { holderIdentity?: string; leaseTransitions?: number };
    const other = { holderIdentity: "other", leaseDurationSeconds: 1, renewTime: "2026-01-01T00:00:00.000000Z" };
    await bench.client.patch(RESOURCES.leases, where, "merge", { spec: other });
    await eventually(
      () => process.output(),
      (text) => text.includes("no longer leading"),
      { what: "the lead is not given up", limit: 30_000 },
    );
    await create("c");
    await served(held);
    expect([(await lease()).holderIdentity, process.exitCode()]).toEqual(["one", null]);
    expect(await process.stop()).toBe(0);
  }, 60_000);

  it("goes on after the API was away for longer than its Lease lasts", async () => {
    const process = await start();
    await create("a");
    const held = await served();
    api.rule = () => ({ breaks: "unheard" });
    api.cut();
    await eventually(
      () => process.output(),
      (text) => text.includes("no longer leading"),
      { what: "the lead is not given up", limit: 40_000 },
    );
    await create("b");
    api.rule = () => null;
    await served(held);
    expect(process.exitCode()).toBeNull();
  }, 90_000);

  it("is told of pools in every order while Services come and go", async () => {
    await start();
    const ranges = ["192.0.2.0/28", "192.0.2.16/28", "198.51.100.0/28", "nonsense", "192.0.2.0/26"];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const names = Array.from({ length: 12 }, (_, i) => `r${i}`);
    const pools = new Set<string>();
    for (let step = 0; step < 80; step++) {
      const name = names[random(names.length)] ?? "";
      if (random(2) === 0) {
        if ((await holdings()).has(name)) await bench.remove(name);
        else await create(name);
        continue;
      }
      const of = `q${random(3)}`;
      if (pools.delete(of)) await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: of });
      else {
        pools.add(of);
        await bench.createPool(pool(of, [ranges[random(ranges.length)] ?? ""]));
      }
    }
    for (const name of pools) await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name });
    const held = await served();
    for (const ip of held.values()) expect(ip).toMatch(/^192\.0\.2\.([0-9]|[1-5][0-9]|6[0-3])$/);
  });

  it("says in a few words what is wrong with a quarter of a megabyte", async () => {
    const running = await start();
    const long = "y".repeat(125_000);
    await bench.create("asks", {}, { "metallb.io/loadBalancerIPs": long, "metallb.io/allow-shared-ip": long });
    await bench.create("names", {}, { "metallb.io/address-pool": "z".repeat(250_000) });
    for (const name of ["asks", "names"]) {
      const condition = await eventually(
        async () => {
          const { conditions = [] } = (await bench.get(name)).status as { conditions?: readonly KubeObject[] };
          return JSON.stringify(conditions);
        },
        (text) => text.includes("metallb.io/Allocated"),
        { what: `${name} has no condition` },
      );
      expect(condition.length).toBeLessThan(2_000);
      const told = await eventually(
        async () =>
          ((await bench.client.list(RESOURCES.events, { namespace: "default" })).items ?? []).filter(
            (event) => (event as { involvedObject?: { name?: string } }).involvedObject?.name === name,
          ),
        (events) => events.length > 0,
        { what: `${name} has no event` },
      );
      for (const event of told) expect((event as { message?: string }).message?.length).toBeLessThanOrEqual(1_024);
    }
    expect(
      Math.max(
        ...running
          .output()
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeLessThan(2_000);
    await create("c");
    expect(await bench.served("c", "192.0.2.0")).toEqual(["192.0.2.0"]);
  });
});
