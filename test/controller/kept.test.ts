import { RESOURCES } from "metallb/kube";
import { expect, it } from "vitest";
import { ControllerBench, ipsOf, NAMESPACE } from "./bench.ts";

it("gives a Service that comes back its address again, and it to who waits when the time is over", async () => {
  const bench = await ControllerBench.create("embedded");
  try {
    await bench.client.patch(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" }, "merge", {
      metadata: { annotations: { "metallb.io/keep-after-deletion": "3s" } },
      spec: { addresses: ["192.0.2.0/31"] },
    });
    await bench.start();
    await bench.create("a");
    await bench.served("a", "192.0.2.0");
    await bench.remove("a");
    await bench.create("b");
    await bench.create("waits");
    await bench.served("b", "192.0.2.1");
    await bench.create("a");
    await bench.served("a", "192.0.2.0");
    expect(ipsOf(await bench.get("waits"))).toEqual([]);
    await bench.remove("b");
    // Nothing changes from here on: only time goes by.
    await bench.served("waits", "192.0.2.1");
    await bench.served("a", "192.0.2.0");
  } finally {
    await bench.close();
  }
});
