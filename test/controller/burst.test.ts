import { type KubeObject, pathOf, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/programs.ts";
import { ControllerBench, ipsOf, NAMESPACE, pool } from "./bench.ts";

/** As the list of faults has it; fewer where nobody waits for it. */
const COUNT = process.env.CI === "true" ? 10_000 : 2_000;
/** Those that ask at once. */
const HANDS = 32;

describe("a burst of Services", () => {
  let bench: ControllerBench;

  beforeAll(async () => {
    bench = await ControllerBench.create("embedded");
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    await bench.createPool(pool("big", ["10.0.0.0/18"]));
  });
  afterAll(() => bench?.close());

  const create = (i: number) =>
    bench.client.create(
      RESOURCES.services,
      { namespace: "default" },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: `burst${i}`, namespace: "default", labels: { half: String(i % 2) } },
        // There are fewer ports of nodes than that.
        spec: { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] },
      },
    );
  const removeAll = (labelSelector: string) =>
    bench.client.request("DELETE", pathOf(RESOURCES.services, { namespace: "default" }), {
      query: { labelSelector },
      timeout: 120_000,
    });
  const addresses = async () =>
    ((await bench.client.list(RESOURCES.services, { namespace: "default" })).items as readonly KubeObject[])
      .filter(({ spec }) => (spec as { readonly type?: string }).type === "LoadBalancer")
      .map((service) => ipsOf(service).join());
  const counts = (assigned: number) =>
    eventually(
      async () => (await bench.client.get(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "big" })).status,
      (status) => JSON.stringify(status)?.includes(`"assignedIPv4":${assigned},`) ?? false,
      { what: `the pool's counters do not come to ${assigned}`, limit: 120_000 },
    );

  it("is served, half of which is gone before; all are deleted, and nothing is left", async () => {
    const controller = await bench.start("--webhook-mode=disabled");
    let next = 0;
    const hand = async () => {
      for (let i = next++; i < COUNT; i = next++) await create(i);
    };
    await Promise.all(Array.from({ length: HANDS }, hand));
    await removeAll("half=0");
    const all = await eventually(addresses, (now) => now.length === COUNT / 2 && now.every((ip) => ip !== ""), {
      what: "not everybody is served",
      limit: 300_000,
    });
    expect(new Set(all).size).toBe(COUNT / 2);
    await counts(COUNT / 2);
    await removeAll("half=1");
    await counts(0);
    // It is not behind: who comes now is served at once, and with the first address again.
    await bench.create("after");
    await bench.served("after", "10.0.0.0");
    expect(controller.exitCode()).toBeNull();
  }, 900_000);
});
