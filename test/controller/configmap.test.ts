import { type KubeObject, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/programs.ts";
import { ControllerBench, ipsOf, NAMESPACE, POOL } from "./bench.ts";

const CONFIG = (addresses: string) => `peers:
- my-asn: 64500
  peer-asn: 64512
  peer-address: 10.0.0.1
address-pools:
- name: default
  protocol: bgp
  addresses: [${addresses}]
`;

describe("a controller with --watch-configmap", () => {
  let bench: ControllerBench;
  const where = { namespace: NAMESPACE, name: "config" };

  beforeAll(async () => {
    bench = await ControllerBench.create("embedded");
  });
  afterAll(() => bench?.close());

  const write = (addresses: string) =>
    bench.client.patch(RESOURCES.configmaps, where, "merge", { data: { config: CONFIG(addresses) } });
  const refusals = () =>
    eventually(
      async () =>
        ((await bench.client.list(RESOURCES.events, { namespace: NAMESPACE })).items ?? []).filter(
          (event) => (event as { reason?: string }).reason === "InvalidConfig",
        ) as (KubeObject & { message?: string; type?: string; involvedObject?: { kind?: string; name?: string } })[],
      (events) => events.length > 0,
      { what: "no event" },
    );

  it("lives from the ConfigMap and not from custom resources, refuses what breaks a Service, and takes it when it fits", async () => {
    await bench.client.create(RESOURCES.configmaps, { namespace: NAMESPACE }, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: where,
      data: { config: CONFIG("203.0.113.0/24") },
    } as KubeObject);
    await bench.start("--watch-configmap");
    await bench.create("a");
    await bench.served("a", "203.0.113.0");
    expect((await bench.get("a")).metadata?.annotations?.[POOL]).toBe("default");
    await write("198.51.100.0/24");
    const [event] = await refusals();
    expect(event).toMatchObject({ type: "Warning", involvedObject: { kind: "ConfigMap", name: "config" } });
    expect(event?.message).toContain("new config not compatible with assigned IPs: Service default/a has 203.0.113.0");
    // The configuration before it stays, for those that come too.
    await bench.create("b");
    await bench.served("b", "203.0.113.1");
    expect(ipsOf(await bench.get("a"))).toEqual(["203.0.113.0"]);
    await bench.remove("a");
    await bench.remove("b");
    await bench.create("c");
    await bench.served("c", "198.51.100.0");
  });
});
