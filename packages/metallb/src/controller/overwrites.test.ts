import { afterEach, describe, expect, it } from "vitest";
import type { Pool } from "#config";
import { FakeApi, pool, type Stored } from "./testing.ts";

const started: FakeApi[] = [];
afterEach(() => Promise.all(started.splice(0).map(({ writer }) => writer.stop())));

/** A Service "n/a" that has 1.0.0.0, and nothing on its way. */
async function served(...pools: readonly Pool[]): Promise<FakeApi> {
  const api = new FakeApi();
  started.push(api);
  api.restart(...(pools.length > 0 ? pools : [pool("p", "1.0.0.0/24")]));
  api.put("n/a");
  await api.settle();
  expect(api.ips("n/a")).toEqual(["1.0.0.0"]);
  api.events.splice(0);
  return api;
}

type Ingress = NonNullable<Stored["status"]["loadBalancer"]["ingress"]>;

/** Somebody else writes the status of "n/a". */
const overwrite = (api: FakeApi, ...ingress: Ingress): void => overwriteAs(api, "cloud-controller", ingress);

const overwriteAs = (api: FakeApi, manager: string, ingress: Ingress): void =>
  api.put("n/a", (object) => {
    object.status.loadBalancer = ingress.length > 0 ? { ingress } : {};
    object.metadata.managedFields = [
      {
        manager: "metallb-controller",
        time: "2026-01-01T00:00:00Z",
        fieldsV1: { "f:status": { "f:loadBalancer": {} } },
      },
      { manager, time: "2026-01-01T00:00:01Z", fieldsV1: { "f:status": { "f:loadBalancer": {} } } },
      { manager: "kubectl", time: "2026-01-01T00:00:02Z", fieldsV1: { "f:metadata": {} } },
    ];
  });

describe("a status that somebody else wrote", () => {
  const plain = [{ ip: "1.0.0.0", ipMode: "VIP" }];

  it.each<readonly [string, Ingress, readonly string[]]>([
    ["emptied", [], ['IPAllocated Assigned IP ["1.0.0.0"]']],
    ["a hostname", [{ hostname: "h" }], ['IPAllocated Assigned IP ["1.0.0.0"]']],
    ["the address and a hostname", [{ ip: "1.0.0.0", hostname: "h" }], []],
    ["another ipMode", [{ ip: "1.0.0.0", ipMode: "Proxy" }], []],
    ["ports", [{ ip: "1.0.0.0", ports: [{ port: 80, protocol: "TCP" }] }], []],
    [
      "a foreign address",
      [{ ip: "9.9.9.9" }],
      [
        'ClearAssignment current IP(s) ["9.9.9.9"] cannot be kept: ["9.9.9.9"] is not allowed in config',
        'IPAllocated Assigned IP ["1.0.0.0"]',
      ],
    ],
    [
      "two of one family",
      [{ ip: "1.0.0.0" }, { ip: "1.0.0.1" }],
      [
        'nolbIPsIPFamily Failed to retrieve LoadBalancer IPs family: ["1.0.0.0" "1.0.0.1"]',
        'IPAllocated Assigned IP ["1.0.0.0"]',
      ],
    ],
  ])("is put right once: %s", async (_, ingress, events) => {
    const api = await served();
    overwrite(api, ...ingress);
    await api.settle();
    expect(api.objects.get("n/a")?.status.loadBalancer.ingress).toEqual(plain);
    expect([api.writes, api.events]).toEqual([2, events.map((event) => `n/a ${event}`)]);
    expect(api.condition("n/a")).toBe("True Allocated 1.0.0.0 from pool p");
  });

  it("an address in use by another is put right, and the other keeps it", async () => {
    const api = await served();
    api.put("n/b");
    await api.settle();
    overwrite(api, { ip: "1.0.0.1" });
    await api.settle();
    expect([api.ips("n/a"), api.ips("n/b")]).toEqual([["1.0.0.0"], ["1.0.0.1"]]);
  });

  it("a free address of a pool is adopted without a word", async () => {
    const api = await served();
    overwrite(api, { ip: "1.0.0.9" });
    await api.settle();
    expect([api.ips("n/a"), api.events]).toEqual([["1.0.0.9"], []]);
  });

  it("is said to be a second MetalLB's where the name is our own", async () => {
    const api = await served();
    for (let i = 0; i < 50; i++) {
      overwriteAs(api, "metallb-controller", [{ ip: "9.9.9.9" }]);
      await api.settle();
    }
    expect(api.condition("n/a")).toMatch(
      /^False StatusOverwritten a second controller of MetalLB \("metallb-controller"\) keeps overwriting/,
    );
  });

  it("is left after a bounded number of rounds, and who insists is named", async () => {
    const api = await served();
    for (let i = 0; i < 50; i++) {
      overwrite(api, { ip: "9.9.9.9" });
      await api.settle();
    }
    expect(api.ips("n/a")).toEqual(["9.9.9.9"]);
    expect(api.condition("n/a")).toMatch(/^False StatusOverwritten "cloud-controller" keeps overwriting/);
    const events = (reason: string) => api.events.filter((event) => event.includes(reason)).length;
    expect([api.writes, events("StatusOverwritten"), events("ClearAssignment")]).toEqual([7, 1, 6]);
    expect(api.allocation.usage()[0]).toMatchObject({ ipv4: { used: 1 } });

    // Whoever changes the Service wants it served: another few rounds.
    api.put("n/a", (object) => {
      object.metadata.labels.x = "y";
    });
    await api.settle();
    expect([api.ips("n/a"), api.condition("n/a")]).toEqual([["1.0.0.0"], "True Allocated 1.0.0.0 from pool p"]);
  });

  it("is left where somebody answers faster than the watch tells", async () => {
    const api = await served();
    const fight = (): void => {
      if (api.ips("n/a")[0] !== "1.0.0.0") return;
      overwrite(api);
    };
    overwrite(api);
    for (let i = 0; i < 50; i++) {
      // The watch shows our write and the answer to it at once.
      api.lagging = true;
      await api.settle();
      fight();
      api.lagging = false;
      api.show();
      await api.settle();
    }
    expect(api.writes).toBeLessThan(10);
    expect(api.condition("n/a")).toContain("StatusOverwritten");
  });

  it("ends the contest when the other one gives up", async () => {
    const api = await served();
    for (let i = 0; i < 10; i++) {
      overwrite(api, { ip: "9.9.9.9" });
      await api.settle();
    }
    overwrite(api, ...plain);
    await api.settle();
    expect([api.ips("n/a"), api.condition("n/a")]).toEqual([["1.0.0.0"], "True Allocated 1.0.0.0 from pool p"]);
  });

  it("does not write a condition for ever that somebody takes away", async () => {
    const api = await served(pool("p", "1.0.0.0/32"));
    for (let i = 0; i < 100; i++) {
      api.put("n/b", (object) => {
        object.status.conditions = [];
      });
      await api.settle();
    }
    expect(api.writes).toBe(21);
    api.put("n/b", (object) => {
      object.metadata.labels.x = "y";
    });
    await api.settle();
    expect(api.condition("n/b")).toMatch(/^False exhausted/);
  });

  it("a slow one is put right each time, for it is no contest", async () => {
    const api = await served();
    for (let i = 0; i < 20; i++) {
      api.now += 11 * 60_000;
      overwrite(api, { ip: "9.9.9.9" });
      await api.settle();
      expect(api.ips("n/a")).toEqual(["1.0.0.0"]);
    }
  });

  it("two that swap addresses are no contest, and are told once each", async () => {
    const api = await served();
    api.put("n/b");
    await api.settle();
    api.events.splice(0);
    for (const [name, wanted] of [
      ["a", "1.0.0.1"],
      ["b", "1.0.0.0"],
    ])
      api.put(`n/${name}`, (object) => {
        object.spec.loadBalancerIP = wanted as string;
      });
    await api.settle();
    expect([api.ips("n/a"), api.ips("n/b"), api.doubles]).toEqual([["1.0.0.1"], ["1.0.0.0"], []]);
    expect(api.events.toSorted()).toEqual([
      'n/a IPAllocated Assigned IP ["1.0.0.1"]',
      'n/b IPAllocated Assigned IP ["1.0.0.0"]',
    ]);
  });

  it("storms of other changes are no contest", async () => {
    const api = await served();
    for (let i = 0; i < 50; i++) {
      api.put("n/b", (object) => {
        object.metadata.labels.x = String(i);
      });
      api.beforeWrite = () =>
        api.put("n/b", (object) => {
          object.metadata.labels.y = String(i);
        });
      await api.settle();
    }
    api.beforeWrite = null;
    await api.settle();
    expect([api.ips("n/b"), api.condition("n/b")]).toEqual([["1.0.0.1"], "True Allocated 1.0.0.1 from pool p"]);
  });
});
