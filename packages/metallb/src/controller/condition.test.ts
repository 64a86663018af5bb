import { afterEach, describe, expect, it } from "vitest";
import type { Pool } from "#config";
import { conditionOf } from "./condition.ts";
import { FakeApi, pool } from "./testing.ts";

const started: FakeApi[] = [];
afterEach(() => Promise.all(started.splice(0).map(({ writer }) => writer.stop())));

function cluster(...pools: readonly Pool[]): FakeApi {
  const api = new FakeApi();
  started.push(api);
  api.restart(...pools);
  return api;
}

describe("the condition metallb.io/Allocated", () => {
  it("comes with the addresses in one write", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a");
    await api.settle();
    expect([api.condition("n/a"), api.writes]).toEqual(["True Allocated 1.0.0.0 from pool p", 1]);
  });

  it("says why there is none, naming each pool, and is written once", async () => {
    const closed = { ...pool("closed", "2.0.0.0/24"), autoAssign: false };
    const api = cluster(pool("p", "1.0.0.0/32"), closed);
    api.put("n/a");
    await api.settle();
    api.put("n/b");
    await api.settle();
    expect(api.condition("n/b")).toBe(
      "False exhausted no available IPs; pool closed: autoAssign is false: only a request by name or address uses this pool; pool p: all of its addresses are in use",
    );
    const writes = api.writes;
    api.put("n/b", (object) => {
      object.metadata.labels.x = "y";
    });
    await api.settle();
    expect(api.writes).toBe(writes);
    const since = api.objects.get("n/b")?.status.conditions?.[0]?.lastTransitionTime;
    expect(since).toMatch(/^\d{4}-.*Z$/);
    api.remove("n/a");
    await api.settle();
    expect(api.condition("n/b")).toBe("True Allocated 1.0.0.0 from pool p");
  });

  it("says it too where the addresses stay although the request is wrong", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a");
    await api.settle();
    api.put("n/a", (object) => {
      object.spec.loadBalancerIP = "nonsense";
    });
    await api.settle();
    expect(api.ips("n/a")).toEqual(["1.0.0.0"]);
    expect(api.condition("n/a")).toMatch(/requestInvalid invalid spec.loadBalancerIP/);
  });

  it("goes with the addresses, and leaves the conditions of others", async () => {
    const other = {
      type: "o/Other",
      status: "True",
      reason: "R",
      message: "",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    };
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a", (object) => {
      object.status.conditions = [other];
    });
    await api.settle();
    expect(api.objects.get("n/a")?.status.conditions?.length).toBe(2);
    api.put("n/a", (object) => {
      object.spec.type = "ClusterIP";
    });
    await api.settle();
    expect(api.objects.get("n/a")?.status.conditions).toEqual([other]);
  });

  it("goes from a Service that never had an address, also where the controller was away", async () => {
    const api = cluster();
    api.put("n/a");
    await api.settle();
    expect(api.condition("n/a")).toBe("False noPools no address pools are configured");
    api.put("n/a", (object) => {
      object.spec.type = "ClusterIP";
    });
    api.restart();
    api.allocation.servicesChanged(["n/a"]);
    await api.settle();
    expect(api.condition("n/a")).toBe("");
  });

  it("is not written for its own sake where another MetalLB gave the addresses", async () => {
    const api = cluster(pool("p", "1.0.0.0/24"));
    api.put("n/a", (object) => {
      object.status.loadBalancer.ingress = [{ ip: "1.0.0.5", ipMode: "VIP" }];
      object.metadata.annotations["metallb.io/ip-allocated-from-pool"] = "p";
    });
    await api.settle();
    expect(api.writes).toBe(0);
  });

  it("stays short, whatever was asked for and however many pools there are", () => {
    const pools = Array.from({ length: 50 }, (_, i) => ({
      pool: `pool-${i}`,
      code: "full" as const,
      message: "x".repeat(60),
    }));
    const refusal = { code: "exhausted" as const, message: "y".repeat(250_000), pools, wishes: [] };
    const { message = "" } = conditionOf({ kind: "refused", refusal }) ?? {};
    expect(message.length).toBeLessThan(1_600);
    expect(message).toMatch(/; pool pool-0: x+; .*and \d+ more pools$/);
  });

  it("says that an IPAM has not answered yet", () => {
    const refusal = { code: "ipamAsked" as const, message: "the IPAM is asked", pools: [], wishes: [] };
    expect(conditionOf({ kind: "pending", refusal })).toEqual({
      status: "False",
      reason: "ipamAsked",
      message: "the IPAM is asked",
    });
  });
});
