import type { Service } from "#api";
import { formatIp, type Ip } from "#net";
import type { Choice } from "./choose.ts";
import { type Claim, sameIpSet } from "./claim.ts";
import type { Note } from "./decision.ts";
import { quoteList, type Refusal } from "./reasons.ts";

export const assigned = (what: string, ips: readonly Ip[]): Note => ({
  type: "Normal",
  reason: "IPAllocated",
  message: `${what} ${quoteList(ips.map(formatIp))}`,
});

/** Events of Services that cannot be served at all; upstream only logs the other cases. */
export function noteOfNoClaim(refusal: Refusal, clears: boolean, service: Service): Note | null {
  if (refusal.code === "notEnoughClusterIPs")
    return { type: "Warning", reason: "not enough clusterips", message: refusal.message };
  if (clears) return null;
  return service.ingress.length > 0
    ? {
        type: "Warning",
        reason: "noclusterIPsIPFamily",
        message: `Failed to retrieve cluster IPs family: ${refusal.message}`,
      }
    : {
        type: "Warning",
        reason: "AllocationFailed",
        message: `Failed to allocate IP for ${JSON.stringify(service.key)}: ${refusal.message}`,
      };
}

export const allocationFailed = (key: string, { message }: Refusal): Note => ({
  type: "Warning",
  reason: "AllocationFailed",
  message: `Failed to allocate IP for ${JSON.stringify(key)}: ${message}`,
});

/** A Service has less than it asks for, or something else; null: it has all of it, from a pool that gives nothing new. */
export function lacks(claim: Claim, has: Choice, refusal: Refusal): Note | null {
  const { request, asked, families, pool } = claim;
  const { key } = claim.service;
  const { code, message } = refusal;
  if (code.startsWith("ipam")) return { type: "Warning", reason: "ipamTrouble", message };
  if (request && !request.ok)
    return { type: "Warning", reason: "LoadBalancerFailed", message: `invalid requested loadbalancer IPs: ${message}` };
  if (has.ips.length === families.length) {
    const fulfilled = (pool === null || pool === has.pool) && (asked === null || sameIpSet(asked, has.ips));
    return fulfilled ? null : allocationFailed(key, refusal);
  }
  return {
    type: "Normal",
    reason: "AdditionalAssignFailed",
    message: `Failed to assign additional IP for ${JSON.stringify(key)}: ${message}`,
  };
}

export const cleared = (ips: readonly Ip[], { message }: Refusal): Note => ({
  type: "Normal",
  reason: "ClearAssignment",
  message: `current IP(s) ${quoteList(ips.map(formatIp))} cannot be kept: ${message}`,
});

export const unreadableStatus = ({ ingress }: Service): Note => ({
  type: "Warning",
  reason: "nolbIPsIPFamily",
  message: `Failed to retrieve LoadBalancer IPs family: ${quoteList(ingress.map(({ ip }) => ip ?? ""))}`,
});
