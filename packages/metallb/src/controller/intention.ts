import type { Desired } from "#allocator";
import { ALLOCATED_FROM_POOL } from "#api";
import { formatIp } from "#net";
import type { Json } from "./ports.ts";
import { ALLOCATED, type ConditionText, type WatchedService } from "./watched-service.ts";

/** What a Service is to say. */
export interface Intention {
  /** Addresses and the pool's annotation; null: they are left as they are. */
  readonly desired: Desired | null;
  /** Our condition; null: none; absent: it is left as it is. */
  readonly condition?: ConditionText | null;
}

/**
 * Whether the Service says so already, so that nothing is to be written. A Service that has all its
 * addresses and bears no condition yet, since another MetalLB gave them, gets it with the next write.
 */
export function says(service: WatchedService, { desired, condition }: Intention): boolean {
  return (
    (desired === null || saysAddresses(service, desired)) &&
    (condition === undefined || saysCondition(service.condition ?? null, condition))
  );
}

/** Whether exactly these addresses stand there as we write them, from this pool, with nothing that we never write. */
export function saysAddresses(service: WatchedService, { ips, pool }: Desired): boolean {
  const { ingress, annotations, hasPorts } = service;
  return (
    hasPorts === undefined &&
    ingress.length === ips.length &&
    ips.every((address, i) => {
      const entry = ingress[i];
      return entry?.ip === formatIp(address) && entry.hostname === null && entry.ipMode !== "Proxy";
    }) &&
    (annotations[ALLOCATED_FROM_POOL] ?? null) === pool
  );
}

/** What a Service that bears no condition yet is not written for: the next write tells it, or what comes of it. */
const UNTOLD: ReadonlySet<string> = new Set(["Allocated", "ipamAsked"]);

function saysCondition(stands: ConditionText | null, wanted: ConditionText | null): boolean {
  if (stands === null) return wanted === null || UNTOLD.has(wanted.reason);
  return (
    wanted !== null &&
    stands.status === wanted.status &&
    stands.reason === wanted.reason &&
    stands.message === wanted.message
  );
}

/** The Service's object with the intention in it; null when it says so already. `date` in RFC 3339. */
export function withIntention(service: Json, intention: Intention, date: string): Json | null {
  const addressed = intention.desired === null ? null : withAddresses(service, intention.desired);
  const conditions = withCondition(asObject(service.status).conditions, intention.condition, addressed !== null, date);
  if (addressed === null && conditions === null) return null;
  const next = addressed ?? service;
  return conditions === null ? next : { ...next, status: { ...asObject(next.status), conditions } };
}

function withAddresses(service: Json, { ips, pool }: Desired): Json | null {
  const status = asObject(service.status);
  const loadBalancer = asObject(status.loadBalancer);
  const present = Array.isArray(loadBalancer.ingress) ? loadBalancer.ingress.map(asObject) : [];
  const wanted = ips.map(formatIp);
  const metadata = asObject(service.metadata);
  const annotations = asObject(metadata.annotations);
  const sameIngress = present.length === wanted.length && present.every((entry, i) => isPlain(entry, wanted[i]));
  if (sameIngress && annotations[ALLOCATED_FROM_POOL] === (pool ?? undefined)) return null;
  const { [ALLOCATED_FROM_POOL]: _, ...others } = annotations;
  const ingress = sameIngress ? present : wanted.map((ip) => ({ ip }));
  return {
    ...service,
    metadata: { ...metadata, annotations: pool === null ? others : { ...others, [ALLOCATED_FROM_POOL]: pool } },
    status: { ...status, loadBalancer: ingress.length === 0 ? {} : { ...loadBalancer, ingress } },
  };
}

/** Nothing but the address, as we write it and the API server completes it. */
const isPlain = (entry: Json, ip: string | undefined): boolean =>
  entry.ip === ip && entry.hostname === undefined && entry.ports === undefined && entry.ipMode !== "Proxy";

/** Null: they stay as they are. The time changes with the status alone, as conditions have it. */
function withCondition(
  conditions: unknown,
  wanted: ConditionText | null | undefined,
  writing: boolean,
  date: string,
): readonly Json[] | null {
  if (wanted === undefined) return null;
  const present = Array.isArray(conditions) ? conditions.map(asObject) : [];
  const stands = present.find(({ type }) => type === ALLOCATED);
  const says = saysCondition((stands as unknown as ConditionText | undefined) ?? null, wanted);
  if (says && (stands !== undefined || wanted === null || !writing)) return null;
  const others = present.filter(({ type }) => type !== ALLOCATED);
  if (wanted === null) return others;
  const since = stands && stands.status === wanted.status ? stands.lastTransitionTime : undefined;
  return [...others, { type: ALLOCATED, ...wanted, lastTransitionTime: typeof since === "string" ? since : date }];
}

const asObject = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

export function resourceVersionOf(object: Json): string {
  const { resourceVersion } = asObject(object.metadata);
  return typeof resourceVersion === "string" ? resourceVersion : "";
}
