import { decodeIPAddressPool } from "#api";
import { compile, type Pool } from "#config";
import type { LeaseSpec } from "#kube";
import type { Json, WriteResult } from "../ports.ts";
import { type WatchedService, watchedService } from "../watched-service.ts";

/** An object as the API holds it; never changed in place. */
export interface Stored {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly annotations: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>> & { readonly type: string; readonly loadBalancerIP?: string };
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

/** A Service as it was at some time; what the watch makes of it is worked out when somebody looks. */
class ServiceEntry {
  readonly kind = "service";
  readonly key: string;
  private readonly object: Stored | null;
  private seen: WatchedService | null | undefined;

  constructor(key: string, object: Stored | null) {
    this.key = key;
    this.object = object;
  }

  get service(): WatchedService | null {
    this.seen ??= this.object && watchedService(this.object);
    return this.seen;
  }
}

/** What a watch tells, in the order in which it happened. */
export type Entry = ServiceEntry | { readonly kind: "pools"; readonly pools: readonly Pool[] };

function poolsOf(addresses: Readonly<Record<string, string>>): readonly Pool[] {
  const pools = Object.entries(addresses).flatMap(([name, range]) => {
    const decoded = decodeIPAddressPool({ metadata: { name, namespace: "metallb" }, spec: { addresses: [range] } });
    return decoded.ok ? [decoded.value] : [];
  });
  const none = { communities: [], namespaces: [], bgpAdvertisements: [], l2Advertisements: [], peers: [] };
  return compile({ ...none, pools, bfdProfiles: [], secrets: new Map(), malformed: [] }).config.pools;
}

/** How the pools may be: enough, scarce, one address, split in two, elsewhere, none. */
export const POOLS: readonly (readonly Pool[])[] = [
  { p: "10.0.0.0/29" },
  { p: "10.0.0.0/31" },
  { p: "10.0.0.0/32" },
  { p: "10.0.0.0/31", q: "10.0.0.2/31" },
  { q: "10.0.0.2/31" },
  {},
].map(poolsOf);

export const ipsOf = (object: Stored): readonly string[] =>
  (object.status.loadBalancer.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));

/**
 * The API server: objects with versions, conditional writes, one log that every watch follows at its own
 * pace. It looks at each status write: an address that another Service shows is a violation.
 */
export class ModelApi {
  readonly objects = new Map<string, Stored>();
  /** The last entry of each object that is there. */
  readonly latest = new Map<string, ServiceEntry>();
  readonly log: Entry[] = [];
  readonly violations: string[] = [];
  pools: readonly Pool[] = POOLS[0] as readonly Pool[];
  lease: { readonly spec: LeaseSpec; readonly version: number } | null = null;
  /** Nobody edits anything: no write may change an address, nor anything else. */
  calm = false;
  statusWrites = 0;
  private version = 0;

  /** Somebody makes or changes the object. */
  put(key: string, object: Stored): void {
    const metadata = { ...object.metadata, resourceVersion: String(++this.version) };
    const next = { ...object, metadata };
    const entry = new ServiceEntry(key, next);
    this.objects.set(key, next);
    this.latest.set(key, entry);
    this.log.push(entry);
  }

  remove(key: string): void {
    if (!this.objects.delete(key)) return;
    this.latest.delete(key);
    this.log.push(new ServiceEntry(key, null));
  }

  setPools(pools: readonly Pool[]): void {
    this.pools = pools;
    this.log.push({ kind: "pools", pools });
  }

  /** PUT on the status subresource. `conditional`: only on the version that the object has now. */
  writeStatus(key: string, sent: Json, conditional: boolean): WriteResult {
    const now = this.objects.get(key);
    if (!now) return { kind: "gone" };
    const object = sent as unknown as Stored;
    if (conditional && object.metadata.resourceVersion !== now.metadata.resourceVersion) return { kind: "conflict" };
    this.statusWrites++;
    this.judge(key, now, object);
    const metadata = { ...now.metadata, annotations: object.metadata.annotations };
    this.put(key, { ...now, metadata, status: object.status });
    return { kind: "written", object: this.objects.get(key) as unknown as Json };
  }

  writeLease(spec: LeaseSpec, on: number | null): { readonly conflict: boolean } {
    if ((this.lease?.version ?? null) !== on) return { conflict: true };
    this.lease = { spec, version: ++this.version };
    return { conflict: false };
  }

  private judge(key: string, before: Stored, after: Stored): void {
    const ips = ipsOf(after);
    if (this.calm) {
      const moved = ipsOf(before).join() !== ips.join();
      this.violations.push(
        moved
          ? `${key} moved from ${ipsOf(before).join()} to ${ips.join()} without a cause`
          : `${key} was written without a cause`,
      );
    }
    for (const [other, holder] of this.objects) {
      if (other === key || holder.spec.type !== "LoadBalancer") continue;
      const both = ipsOf(holder).find((ip) => ips.includes(ip));
      if (both !== undefined && !mayShare(before, holder))
        this.violations.push(`${both} is shown by ${other} and ${key}`);
    }
  }
}

const SHARING = "metallb.io/allow-shared-ip";

/** Contract 4.2, as far as the model goes: one key, and no port in common. */
export function mayShare(a: Stored, b: Stored): boolean {
  const [key, other] = [a.metadata.annotations[SHARING], b.metadata.annotations[SHARING]];
  return key !== undefined && key === other && a.spec.port !== b.spec.port;
}
