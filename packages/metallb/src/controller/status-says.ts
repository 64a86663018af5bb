import type { Desired } from "#allocator";
import { ALLOCATED_FROM_POOL, type Service } from "#api";
import { formatIp } from "#net";

/** Whether the Service already says what is desired, so that nothing is to be written. */
export function statusSays({ ingress, annotations }: Service, { ips, pool }: Desired): boolean {
  return (
    ingress.length === ips.length &&
    ips.every((address, i) => ingress[i]?.ip === formatIp(address) && ingress[i]?.hostname === null) &&
    (annotations[ALLOCATED_FROM_POOL] ?? null) === pool
  );
}
