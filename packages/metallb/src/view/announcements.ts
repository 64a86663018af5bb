import type { SpeakerState } from "./states.ts";
import type { Refusals } from "./view.ts";

/** What one node says about Services. */
export interface NodeVoice {
  readonly node: string;
  /** Null: it does not answer. */
  readonly speaker: SpeakerState | null;
  /** Why what it announces does not arrive, such as that no session is established; empty when it does. */
  readonly unheard: string;
}

/** Who announces a Service and who does not, those with the same reason together. */
export function announcementsOf(
  service: string,
  voices: readonly NodeVoice[],
): { readonly announcedFrom: readonly string[]; readonly refusals: readonly Refusals[] } {
  const announcedFrom: string[] = [];
  const reasons = new Map<string, string[]>();
  for (const voice of voices) {
    const reason = refusalOf(service, voice);
    if (reason === null) announcedFrom.push(voice.node);
    else {
      const nodes = reasons.get(reason);
      if (nodes === undefined) reasons.set(reason, [voice.node]);
      else nodes.push(voice.node);
    }
  }
  return { announcedFrom, refusals: [...reasons].map(([reason, nodes]) => ({ reason, nodes })) };
}

/** Null: it announces. Announced is what the speaker sends and somebody hears. */
function refusalOf(service: string, { speaker, unheard }: NodeVoice): string | null {
  if (speaker === null) return "the speaker does not answer";
  const verdict = speaker.verdicts.get(service);
  if (verdict === undefined) return "the speaker has not seen it yet";
  if (!verdict.announced) return verdict.reason;
  return unheard !== "" && !verdict.by.includes("layer 2") ? unheard : null;
}
