import type { PeerSettings } from "#bgp";
import { formatIp } from "#net";
import { type Plan, type ProtocolVerdict, type Reason, sentence } from "#planner";
import type { ReportedPath, ReportedReason, ReportedSession, ReportedVerdict, SpeakerReport } from "#report";
import type { WatchedWorld } from "#world";
import type { BfdSessions } from "./bfd-sessions.ts";
import type { BgpSessions } from "./bgp-sessions.ts";
import type { Drain } from "./drain.ts";
import type { Layer2 } from "./layer2.ts";

export interface StateSources {
  readonly node: string;
  readonly world: Pick<WatchedWorld, "isSynced" | "services" | "problems">;
  readonly plan: Plan;
  readonly sequence: SpeakerReport["sequence"];
  readonly sessions: BgpSessions;
  readonly bfd: BfdSessions;
  readonly peerProblems: SpeakerReport["peerProblems"];
  readonly strictReversePaths: readonly string[];
  readonly drain: Pick<Drain, "phase" | "since">;
  readonly layer2: Pick<Layer2, "addresses" | "allMembers">;
  /** Whether the engines have what was decided of the Service. */
  readonly isApplied: (service: string) => boolean;
}

/** More would make an answer of many megabytes; `omitted` tells how many are left out. */
const MAX_SERVICES = 5_000;

/** What `/state` tells: for `metallb lab status`, the dashboard and whoever looks. No secrets. */
export function stateOf(sources: StateSources): SpeakerReport {
  const { drain, node, world, plan, sequence, sessions, bfd, layer2, peerProblems, strictReversePaths, isApplied } =
    sources;
  const services: Record<string, SpeakerReport["services"][string]> = {};
  let told = 0;
  for (const [key, service] of world.services) {
    if (told >= MAX_SERVICES) break;
    told++;
    const { bgp, layer2 } = plan.verdict(key, service);
    services[key] = { applied: isApplied(key), bgp: explained(bgp), layer2: explained(layer2) };
  }
  return {
    node,
    ready: world.isSynced,
    sequence,
    sessions: sessionsOf(plan, sessions, bfd),
    drain: drain.phase === "none" ? null : { phase: drain.phase, since: drain.since },
    services,
    omitted: world.services.size - told,
    layer2: [...plan.layer2()].map(({ address, holder, interfaces }) => ({
      address: formatIp(address),
      service: holder,
      interfaces,
    })),
    neighbors: [...layer2.addresses].map(([address, { state, since, foreign }]) => ({
      address,
      state,
      since,
      foreign,
    })),
    members: layer2.allMembers.map(({ name, state, since }) => ({ name, state, since })),
    peerProblems,
    strictReversePaths,
    problems: world.problems.map(({ kind, name, path, code, message }) => ({ kind, name, path, code, message })),
  };
}

const addressOf = ({ endpoint }: PeerSettings): string =>
  endpoint.kind === "interface" ? endpoint.interface : formatIp(endpoint.address);

function sessionsOf(plan: Plan, sessions: BgpSessions, bfd: BfdSessions): readonly ReportedSession[] {
  return [...sessions.reports.values()].map((report) => {
    const settings = plan.peers.get(report.peer);
    const counters = sessions.counters.get(report.peer);
    return {
      peer: report.peer,
      address: settings ? addressOf(settings) : "",
      port: settings?.port ?? 0,
      state: report.state,
      reason: report.reason,
      since: report.since,
      localAddress: report.localAddress && formatIp(report.localAddress),
      ttlSecurity: report.ttlSecurity,
      peerAs: report.peerAs,
      negotiatedHoldTime: report.negotiatedHoldTime,
      families: report.families,
      shortcomings: report.shortcomings,
      announcedPrefixes: counters?.announcedPrefixes ?? report.announcedPrefixes,
      pendingPrefixes: counters?.pendingPrefixes ?? 0,
      next: report.next,
      failures: report.failures,
      holdEndsAt: report.state === "Established" ? (counters?.holdEndsAt ?? null) : null,
      bfd: pathOf(bfd.of(report.peer)),
    };
  });
}

function pathOf(report: ReturnType<BfdSessions["of"]>): ReportedPath | null {
  if (!report) return null;
  const { state, since, reason, path, transmitInterval, detectionTime } = report;
  return { state, since, reason, path, transmitInterval, detectionTime };
}

function explained(verdict: ProtocolVerdict): ReportedVerdict {
  if (!verdict.announced) return inWords(verdict);
  if (!("lacking" in verdict)) return verdict;
  const { lacking, notes, ...rest } = verdict;
  return { ...rest, lacking: lacking.map(inWords), ...(notes ? { notes: notes.map(inWords) } : {}) };
}

const inWords = <R extends Reason>(refused: R): R & ReportedReason => ({ ...refused, message: sentence(refused) });
