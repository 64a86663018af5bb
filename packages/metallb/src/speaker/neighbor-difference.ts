import { formatIp } from "#net";
import type { Layer2Difference, Layer2Verdict, Layer2Withdrawal, ReasonCode } from "#planner";
import type { NeighborDifference } from "./neighbor-entry.ts";

export interface NeighborSources {
  /** Whether nobody has announced the address before, as far as this speaker can know. */
  readonly isNews: (address: string) => boolean;
  readonly verdict: (service: string) => Layer2Verdict;
  /** Whether the node's speaker hears what this one announces. */
  readonly isHeard: (node: string) => boolean;
}

/** Claims of one part: what the engine takes in a few milliseconds. */
const PART = 500;

/** What the neighbour engine is sent of a plan's difference, as things are now and not when a part is sent. */
export function neighborParts(
  { announce, withdraw }: Layer2Difference,
  { isNews, ...sources }: NeighborSources,
): readonly NeighborDifference[] {
  const events: NeighborDifference["events"] = [
    ...announce.map(
      (claim) =>
        ({ kind: "announce", ...claim, claim: isNews(formatIp(claim.address)) ? "probe-first" : "at-once" }) as const,
    ),
    ...withdraw.map((withdrawal) => {
      const { holder, address } = withdrawal;
      const release = isHandedOver(withdrawal, sources) ? "when-taken-over" : "at-once";
      return { kind: "withdraw", holder, address, release } as const;
    }),
  ];
  const count = Math.ceil(events.length / PART);
  return Array.from({ length: count }, (_, i) => ({ events: events.slice(i * PART, (i + 1) * PART) }));
}

/** Whether another node is to announce it, which will be heard: until then it is answered for. */
function isHandedOver(
  { holder, fenced }: Layer2Withdrawal,
  { verdict, isHeard }: Omit<NeighborSources, "isNews">,
): boolean {
  const now = verdict(holder);
  if (!takesPart(now)) return false;
  return !fenced || (!now.announced && now.facts.owner !== undefined && isHeard(now.facts.owner));
}

/** Whether the node announces the Service, or would when another did not. */
export const takesPart = (verdict: Layer2Verdict): boolean => verdict.announced || CANDIDATE.has(verdict.reason);

const CANDIDATE: ReadonlySet<string> = new Set([
  "ownedByOther",
  "noCandidate",
  "noUsableInterface",
  "noNamedInterface",
  "outsideSubnet",
] satisfies ReasonCode[]);
