import { RESOURCES } from "metallb/kube";
import { expect, it } from "vitest";
import { eventually } from "../support/programs.ts";
import { ControllerBench, ipsOf, NAMESPACE, POOL } from "./bench.ts";

it("serves with --lb-class the Services of that class alone, and takes back what one no longer needs", async () => {
  const bench = await ControllerBench.create("embedded");
  try {
    await bench.start("--lb-class=example.com/metallb");
    await bench.create("plain");
    await bench.create("other", { loadBalancerClass: "example.com/other" });
    await bench.create("ours", { loadBalancerClass: "example.com/metallb" });
    await bench.served("ours", "192.0.2.0");
    expect([ipsOf(await bench.get("plain")), ipsOf(await bench.get("other"))]).toEqual([[], []]);
    const where = { namespace: "default", name: "ours" };
    await bench.client.patch(RESOURCES.services, where, "merge", {
      spec: { type: "ClusterIP", loadBalancerClass: null, allocateLoadBalancerNodePorts: null },
    });
    await eventually(
      async () => (await bench.get("ours")).metadata?.annotations?.[POOL] ?? "gone",
      (text) => text === "gone",
      { what: "the annotation stays" },
    );
    await bench.create("next", { loadBalancerClass: "example.com/metallb" });
    await bench.served("next", "192.0.2.0");
    await eventually(
      async () => (await bench.client.get(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" })).status,
      (status) => JSON.stringify(status)?.includes('"assignedIPv4":1,') ?? false,
      { what: "the counter stays" },
    );
  } finally {
    await bench.close();
  }
});
