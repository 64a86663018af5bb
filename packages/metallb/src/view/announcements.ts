import type { SpeakerState } from "./states.ts";
import type { Refusals } from "./view.ts";

/** The reason of a node that says nothing: why, is told of the node itself. */
export const NOT_TOLD = "the speaker does not tell";

/** What one node says about Services. */
export interface NodeVoice {
  readonly node: string;
  /** Null: it does not answer. */
  readonly speaker: SpeakerState | null;
  /** Peers whose session is not established: what only they are told nobody hears. */
  readonly deaf: ReadonlySet<string>;
}

export const deafOf = (sessions: readonly { readonly peer: string; readonly established: boolean }[]) =>
  new Set(sessions.filter(({ established }) => !established).map(({ peer }) => peer));

/** Who announces a Service and who does not, those with the same reason together. */
export function announcementsOf(
  service: string,
  voices: readonly NodeVoice[],
): { readonly announcedFrom: readonly string[]; readonly refusals: readonly Refusals[] } {
  const announcedFrom: string[] = [];
  const reasons = new Map<string, string[]>();
  const add = (reason: string, node: string) => {
    const nodes = reasons.get(reason);
    if (nodes === undefined) reasons.set(reason, [node]);
    else nodes.push(node);
  };
  for (const voice of voices) {
    const reason = refusalOf(service, voice);
    if (reason !== null) add(reason, voice.node);
    else {
      announcedFrom.push(voice.node);
      for (const lack of voice.speaker?.verdicts.get(service)?.lacking ?? []) add(lack, voice.node);
    }
  }
  return { announcedFrom, refusals: [...reasons].map(([reason, nodes]) => ({ reason, nodes })) };
}

/** Null: it announces. Announced is what the speaker sends and somebody hears. */
function refusalOf(service: string, { speaker, deaf }: NodeVoice): string | null {
  if (speaker === null) return NOT_TOLD;
  const verdict = speaker.verdicts.get(service);
  if (verdict === undefined) {
    return speaker.isPartial ? "not told: there are too many Services" : "the speaker has not seen it yet";
  }
  if (!verdict.announced) return verdict.reason;
  const unheard = verdict.peers.length > 0 && verdict.peers.every((peer) => deaf.has(peer));
  return unheard && !verdict.by.includes("layer 2") ? "the BGP session is not established" : null;
}
