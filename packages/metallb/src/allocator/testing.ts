import { ALLOCATED_FROM_POOL, type Service } from "#api";
import { sampleService } from "#api/testing";
import type { Pool, PoolAllocation } from "#config";
import { samplePool } from "#config/testing";
import { formatIp, type Instant } from "#net";
import type { Allocator } from "./allocator.ts";
import type { Decision, Desired } from "./decision.ts";

/** Builders for tests: only what matters is said. */
export const pool = samplePool;

export const pinned = (rest: Partial<PoolAllocation>): PoolAllocation => ({
  priority: 0,
  namespaces: null,
  services: () => true,
  hasServiceSelectors: rest.services !== undefined,
  ...rest,
});

/** Its Pods are its own: two such Services may not share where their endpoints must be the same. */
export const service = (name: string, rest: Partial<Service> = {}): Service =>
  sampleService(name, { selector: { app: name }, ...rest });

export const dual = (policy: Service["ipFamilyPolicy"] = "RequireDualStack"): Partial<Service> => ({
  clusterIPs: ["10.96.0.1", "fd00:96::1"],
  ipFamilies: ["IPv4", "IPv6"],
  ipFamilyPolicy: policy,
});

export const six: Partial<Service> = { clusterIPs: ["fd00:96::1"], ipFamilies: ["IPv6"] };

export const holds = (...ips: readonly string[]): Pick<Service, "ingress"> => ({
  ingress: ips.map((ip) => ({ ip, hostname: null, ipMode: "VIP" })),
});

/** The Service as the controller writes it. */
function written(before: Service, { ips, pool: name }: Desired): Service {
  const { [ALLOCATED_FROM_POOL]: _, ...others } = before.annotations;
  const annotations = name === null ? others : { ...others, [ALLOCATED_FROM_POOL]: name };
  return { ...before, annotations, ...holds(...ips.map(formatIp)) };
}

/** A world in which decisions come true at once: what is decided stands in the status of the next pass. */
export class Cluster {
  readonly services = new Map<string, Service>();
  readonly allocator: Allocator;
  pools: readonly Pool[] | null;
  now: Instant = 0;

  constructor(allocator: Allocator, pools: readonly Pool[] | null = null) {
    this.allocator = allocator;
    this.pools = pools;
  }

  put(...services: readonly Service[]): Decision[] {
    for (const each of services) this.services.set(each.key, each);
    return this.decide(services.map(({ key }) => key));
  }

  edit(key: string, rest: Partial<Service>): Decision[] {
    const before = this.services.get(key);
    if (!before) throw new Error(`no Service ${key}`);
    return this.put({ ...before, ...rest });
  }

  remove(...keys: readonly string[]): Decision[] {
    for (const key of keys) this.services.delete(key);
    return this.decide(keys);
  }

  setPools(pools: readonly Pool[] | null): Decision[] {
    this.pools = pools;
    return this.decide([], true);
  }

  decide(keys: readonly string[], pools = false): Decision[] {
    const decisions = this.allocator.decide(this, { services: keys, pools }, this.now);
    for (const { key, desired } of decisions) {
      const before = this.services.get(key);
      if (before && desired) this.services.set(key, written(before, desired));
    }
    return decisions;
  }

  /** The addresses that stand in the Service's status. */
  ips(key: string): string[] {
    return (this.services.get(key)?.ingress ?? []).map(({ ip }) => ip ?? "");
  }

  /** Why it has none: the code, or null. */
  refusal(key: string): string | null {
    const outcome = this.allocator.outcomes.get(key);
    return outcome?.kind === "refused"
      ? outcome.refusal.code
      : outcome?.kind === "allocated"
        ? (outcome.lacking?.code ?? null)
        : null;
  }
}

export const notes = (decisions: readonly Decision[]): string[] =>
  decisions.flatMap((decision) => decision.notes.map(({ reason }) => `${decision.key} ${reason}`));
