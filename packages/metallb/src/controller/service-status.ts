import type { Desired } from "#allocator";
import { ALLOCATED_FROM_POOL } from "#api";
import { formatIp, parseIp, unmap } from "#net";
import type { Json } from "./ports.ts";

/**
 * The Service with the desired addresses and the pool's name in it; null when it says so already.
 * An entry whose address stays is kept as it is, with what others wrote into it (ipMode, ports).
 */
export function withDesired(service: Json, desired: Desired): Json | null {
  const status = asObject(service.status);
  const loadBalancer = asObject(status.loadBalancer);
  const present = Array.isArray(loadBalancer.ingress) ? loadBalancer.ingress.map(asObject) : [];
  const wanted = desired.ips.map(formatIp);
  const metadata = asObject(service.metadata);
  const annotations = asObject(metadata.annotations);
  const sameIngress = present.length === wanted.length && present.every((entry, i) => addressOf(entry) === wanted[i]);
  const pool = desired.pool ?? undefined;
  if (sameIngress && annotations[ALLOCATED_FROM_POOL] === pool) return null;
  const { [ALLOCATED_FROM_POOL]: _, ...others } = annotations;
  const ingress = sameIngress
    ? present
    : wanted.map((ip) => present.find((entry) => addressOf(entry) === ip && entry.hostname === undefined) ?? { ip });
  return {
    ...service,
    metadata: { ...metadata, annotations: pool === undefined ? others : { ...others, [ALLOCATED_FROM_POOL]: pool } },
    status: { ...status, loadBalancer: ingress.length === 0 ? {} : { ...loadBalancer, ingress } },
  };
}

/** The canonical text of an entry's address; "" for one that only has a hostname or makes no sense. */
function addressOf(entry: Json): string {
  if (typeof entry.ip !== "string") return "";
  const address = parseIp(entry.ip);
  return address.ok ? formatIp(unmap(address.value)) : "";
}

const asObject = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

export function resourceVersionOf(object: Json): string {
  const { resourceVersion } = asObject(object.metadata);
  return typeof resourceVersion === "string" ? resourceVersion : "";
}
