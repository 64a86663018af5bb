import type { Outcome, PoolUsage, Refusal } from "#allocator";
import type { Problem } from "#config";
import { formatIp } from "#net";
import type { ControllerReport } from "#report";

export interface StateSources {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly usage: readonly PoolUsage[];
  readonly problems: readonly Problem[];
  readonly leading: boolean;
  readonly ready: boolean;
}

/** More would make an answer of many megabytes; `omitted` tells how many are left out. */
const MAX_SERVICES = 5_000;

/** What `GET /state` answers: pools, who has what, and who waits and why. Counts of addresses are decimal texts. */
export function stateOf({ outcomes, usage, problems, leading, ready }: StateSources): ControllerReport {
  const allocations: ControllerReport["allocations"][number][] = [];
  const waiting: ControllerReport["waiting"][number][] = [];
  let omitted = 0;
  for (const [service, outcome] of outcomes) {
    if ((outcome.kind === "refused" || outcome.kind === "pending") && waiting.length < MAX_SERVICES)
      waiting.push({ service, ...refusalOf(outcome.refusal) });
    else if (outcome.kind === "allocated" && allocations.length < MAX_SERVICES)
      allocations.push({
        service,
        pool: outcome.pool,
        ips: outcome.ips.map(formatIp),
        lacking: outcome.lacking && refusalOf(outcome.lacking),
      });
    else if (outcome.kind !== "released") omitted++;
  }
  return {
    ready,
    leading,
    pools: usage.map(({ pool, ipv4, ipv6 }) => ({ name: pool, ipv4: addresses(ipv4), ipv6: addresses(ipv6) })),
    allocations,
    waiting,
    omitted,
    problems: problems.map(({ kind, name, path, code, message }) => ({ kind, name, path, code, message })),
  };
}

const addresses = ({ total, used }: PoolUsage["ipv4"]) => ({
  total: String(total),
  used,
  free: String(total - BigInt(used)),
});

const refusalOf = ({ code, message, pools }: Refusal) => ({ code, message, pools });
