import { formatIp } from "#net";
import { type Plan, type ProtocolVerdict, sentence } from "#planner";
import type { WatchedWorld } from "#world";
import type { EngineThread } from "./engine-thread.ts";

/** What `/state` tells: for `metallb lab status`, the dashboard and whoever looks. No secrets. */
export function stateOf(
  node: string,
  world: WatchedWorld,
  plan: Plan,
  thread: EngineThread,
  peerProblems: readonly { readonly peer: string; readonly message: string }[],
): unknown {
  return {
    node,
    ready: world.isSynced,
    sequence: thread.sequence,
    sessions: [...thread.reports.values()].map((report) => ({
      ...report,
      localAddress: report.localAddress && formatIp(report.localAddress),
      announcedPrefixes:
        thread.counters.find(({ peer }) => peer === report.peer)?.announcedPrefixes ?? report.announcedPrefixes,
    })),
    services: Object.fromEntries(
      [...plan.verdicts].map(([key, { bgp, layer2 }]) => [key, { bgp: explained(bgp), layer2: explained(layer2) }]),
    ),
    peerProblems,
    problems: world.problems,
  };
}

const explained = (verdict: ProtocolVerdict): unknown =>
  verdict.announced ? verdict : { ...verdict, message: sentence(verdict.reason, verdict.facts) };
