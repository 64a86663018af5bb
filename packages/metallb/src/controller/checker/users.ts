import { type ModelApi, POOLS } from "./model-api.ts";
import type { Random } from "./random.ts";
import { happened, type Trace } from "./trace.ts";

export const NAMES = ["n/a", "n/b", "n/c", "n/d"] as const;
const ADDRESSES = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.9.9.9"] as const;
const SHARES = { "metallb.io/allow-shared-ip": "k" };

/** Users, and others who write what is not theirs. */
export class Users {
  private readonly api: ModelApi;
  private readonly random: Random;
  private readonly trace: Trace;
  private foreign = 0;

  constructor(api: ModelApi, random: Random, trace: Trace) {
    this.api = api;
    this.random = random;
    this.trace = trace;
  }

  edit(): void {
    const { api, random } = this;
    if (random.chance(0.15)) {
      const which = random.below(POOLS.length);
      this.note(NAMES.length, which);
      return api.setPools(POOLS[which] as (typeof POOLS)[number]);
    }
    const index = random.below(NAMES.length);
    const key = NAMES[index] as string;
    const object = api.objects.get(key);
    if (!object) return this.create(index, key);
    const { spec } = object;
    switch (random.below(6)) {
      case 0:
        this.note(index, 0);
        return api.remove(key);
      case 1: {
        // The API server clears the status of what is no LoadBalancer any more.
        const isBalancer = spec.type === "LoadBalancer";
        const type = isBalancer ? "ClusterIP" : "LoadBalancer";
        this.note(index, 1);
        return api.put(key, {
          ...object,
          spec: { ...spec, type },
          status: isBalancer ? { loadBalancer: {} } : object.status,
        });
      }
      case 2:
      case 3: {
        const { loadBalancerIP: _, ...rest } = spec;
        return api.put(key, { ...object, spec: { ...rest, ...this.wish(0.7, index, 2) } });
      }
      case 4: {
        if (this.foreign++ > 3) return;
        const empties = random.chance(0.5);
        this.note(index, empties ? 3 : 4);
        const loadBalancer = empties ? {} : { ingress: [{ ip: "192.0.2.99" }] };
        return api.put(key, { ...object, status: { loadBalancer } });
      }
      default:
        return this.relabel();
    }
  }

  private create(index: number, key: string): void {
    const { random } = this;
    const slash = key.indexOf("/");
    const age = random.below(10);
    const shares = random.chance(0.4);
    this.note(index, 32 + age * 2 + (shares ? 1 : 0));
    this.api.put(key, {
      metadata: {
        namespace: key.slice(0, slash),
        name: key.slice(slash + 1),
        resourceVersion: "",
        creationTimestamp: `2026-01-01T00:00:0${age}Z`,
        annotations: shares ? SHARES : {},
        labels: {},
      },
      spec: {
        type: "LoadBalancer",
        clusterIPs: ["10.96.0.1"],
        ipFamilies: ["IPv4"],
        port: index % 3,
        ports: [{ protocol: "TCP", port: 80 + (index % 3) }],
        ...this.wish(0.3, index, 6),
      },
      status: { loadBalancer: {} },
    });
  }

  /** An address that is asked for, or none. */
  private wish(probability: number, index: number, how: number): { readonly loadBalancerIP?: string } {
    const which = this.random.chance(probability) ? this.random.below(ADDRESSES.length) : ADDRESSES.length;
    this.note(index, how * 8 + which);
    const loadBalancerIP = ADDRESSES[which];
    return loadBalancerIP === undefined ? {} : { loadBalancerIP };
  }

  /** A change that nothing depends on. */
  relabel(): void {
    const index = this.random.below(NAMES.length);
    const key = NAMES[index] as string;
    const object = this.api.objects.get(key);
    if (!object) return;
    this.note(index, 5);
    const labels = { touched: String(this.random.below(1_000_000)) };
    this.api.put(key, { ...object, metadata: { ...object.metadata, labels } });
  }

  private note(index: number, how: number): void {
    this.trace.note(happened("edited", index, how));
  }
}
