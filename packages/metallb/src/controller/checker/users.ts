import { type ModelApi, POOLS } from "./model-api.ts";
import type { Random } from "./random.ts";

export const NAMES = ["n/a", "n/b", "n/c", "n/d"] as const;
const ADDRESSES = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.9.9.9"] as const;

/** Users, and others who write what is not theirs. */
export class Users {
  private readonly api: ModelApi;
  private readonly random: Random;
  private foreign = 0;

  constructor(api: ModelApi, random: Random) {
    this.api = api;
    this.random = random;
  }

  edit(): void {
    const { api, random } = this;
    if (random.chance(0.15)) return api.setPools(random.pick(POOLS));
    const key = random.pick(NAMES);
    const object = api.objects.get(key);
    if (!object) return this.create(key);
    const { spec } = object;
    switch (random.below(6)) {
      case 0:
        return api.remove(key);
      case 1: {
        // The API server clears the status of what is no LoadBalancer any more.
        const isBalancer = spec.type === "LoadBalancer";
        const type = isBalancer ? "ClusterIP" : "LoadBalancer";
        return api.put(key, {
          ...object,
          spec: { ...spec, type },
          status: isBalancer ? { loadBalancer: {} } : object.status,
        });
      }
      case 2:
      case 3: {
        const { loadBalancerIP: _, ...rest } = spec;
        const wish = random.chance(0.3) ? {} : { loadBalancerIP: random.pick(ADDRESSES) };
        return api.put(key, { ...object, spec: { ...rest, ...wish } });
      }
      case 4:
        if (this.foreign++ > 3) return;
        return api.put(key, {
          ...object,
          status: { loadBalancer: random.chance(0.5) ? {} : { ingress: [{ ip: "192.0.2.99" }] } },
        });
      default:
        return this.relabel();
    }
  }

  private create(key: string): void {
    const { random } = this;
    const [namespace = "", name = ""] = key.split("/");
    const annotations = random.chance(0.4) ? { "metallb.io/allow-shared-ip": "k" } : {};
    this.api.put(key, {
      metadata: {
        namespace,
        name,
        resourceVersion: "",
        creationTimestamp: `2026-01-01T00:00:0${random.below(10)}Z`,
        annotations,
        labels: {},
      },
      spec: {
        type: "LoadBalancer",
        clusterIPs: ["10.96.0.1"],
        ipFamilies: ["IPv4"],
        port: NAMES.indexOf(key as (typeof NAMES)[number]) % 3,
        ports: [{ protocol: "TCP", port: 80 + (NAMES.indexOf(key as (typeof NAMES)[number]) % 3) }],
        ...(random.chance(0.3) ? { loadBalancerIP: random.pick(ADDRESSES) } : {}),
      },
      status: { loadBalancer: {} },
    });
  }

  /** A change that nothing depends on. */
  relabel(): void {
    const key = this.random.pick(NAMES);
    const object = this.api.objects.get(key);
    if (!object) return;
    const labels = { touched: String(this.random.below(1_000_000)) };
    this.api.put(key, { ...object, metadata: { ...object.metadata, labels } });
  }
}
