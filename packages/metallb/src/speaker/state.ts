import { formatIp } from "#net";
import { type Plan, type ProtocolVerdict, sentence } from "#planner";
import type { WatchedWorld } from "#world";
import type { BgpSessions } from "./bgp-sessions.ts";
import type { EngineThread } from "./engine-thread.ts";

/** What `/state` tells: for `metallb lab status`, the dashboard and whoever looks. No secrets. */
export function stateOf(
  node: string,
  world: WatchedWorld,
  plan: Plan,
  sequence: EngineThread["sequence"],
  sessions: BgpSessions,
  peerProblems: readonly { readonly peer: string; readonly message: string }[],
): unknown {
  return {
    node,
    ready: world.isSynced,
    sequence,
    sessions: [...sessions.reports.values()].map((report) => ({
      ...report,
      localAddress: report.localAddress && formatIp(report.localAddress),
      announcedPrefixes: sessions.counters.get(report.peer)?.announcedPrefixes ?? report.announcedPrefixes,
    })),
    services: Object.fromEntries(
      [...world.services].map(([key, service]) => {
        const { bgp, layer2 } = plan.verdict(key, service);
        return [key, { bgp: explained(bgp), layer2: explained(layer2) }];
      }),
    ),
    peerProblems,
    problems: world.problems,
  };
}

const explained = (verdict: ProtocolVerdict): unknown =>
  verdict.announced ? verdict : { ...verdict, message: sentence(verdict) };
