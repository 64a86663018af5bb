import type { Service } from "#api";
import type { Pool } from "#config";
import { formatIp, type Ip } from "#net";
import type { Claim } from "./claim.ts";
import type { Conflict } from "./holder.ts";
import { need } from "./need.ts";
import { MAX_VERDICTS, type PoolReasonCode, poolVerdict, type Refusal, refuse } from "./reasons.ts";
import { signature } from "./wishes.ts";

export function conflictRefusal(claim: Claim, ips: readonly Ip[], conflict: Conflict): Refusal {
  const { holder } = claim;
  const refusal =
    conflict.kind === "port"
      ? refuse("portInUse", { port: conflict.port, ip: formatIp(conflict.ip) })
      : refuse("sharingKey", { service: holder.key, users: conflict.users.slice(0, MAX_VERDICTS) });
  const wish = { needs: [need.address(conflict.ip)], signature: `${ips.map(formatIp).join()} ${signature(claim)}` };
  return { ...refusal, wishes: [wish] };
}

/** Why the pool is not open to the Service; null: it is. */
export function closed(pool: Pool, service: Service): Refusal | null {
  const code = admission(pool, service);
  return code && { ...refuse("poolClosed", { pool: pool.name }), pools: [poolVerdict(pool.name, code)] };
}

/** Why the pool does not admit the Service; null when it does. */
export function admission({ allocation }: Pool, service: Service): PoolReasonCode | null {
  if (allocation?.namespaces && !allocation.namespaces.has(service.namespace)) return "otherNamespaces";
  return allocation && !allocation.services(service.labels) ? "otherServices" : null;
}
