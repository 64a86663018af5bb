import { REASONS, type ReasonCode } from "./reasons.ts";

/** Annotation on the ConfigurationState of a speaker: what the condition of Services is worked out from. */
export const TOLD = "metallb.io/speaker";

/** What a speaker tells of itself to whoever looks at the whole cluster. */
export interface Told {
  /** Each peer that the node should have a session with, and the families that the session carries now. */
  readonly peers: ReadonlyMap<string, Carried>;
  /** Why the node announces nothing at all. */
  readonly unfit: ReasonCode | null;
}

/** Empty: the session is not up. */
export type Carried = "" | "4" | "6" | "46";

/** More are left out: an annotation holds 256 KiB, and a node with more peers is none that we know of. */
const MAX_PEERS = 500;

const CARRIED: readonly string[] = ["", "4", "6", "46"] satisfies readonly Carried[];

/** The text of the annotation: equal facts give equal texts. */
export function encodeTold({ peers, unfit }: Told): string {
  const sorted = [...peers].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MAX_PEERS);
  return JSON.stringify({ peers: Object.fromEntries(sorted), ...(unfit === null ? {} : { unfit }) });
}

/** Null: it says nothing that can be read. */
export function decodeTold(text: string | undefined): Told | null {
  if (text === undefined) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { peers, unfit } = value as { readonly peers?: unknown; readonly unfit?: unknown };
  const entries = Object.entries(typeof peers === "object" && peers !== null ? peers : {})
    .filter((entry): entry is [string, Carried] => CARRIED.includes(entry[1]))
    .slice(0, MAX_PEERS);
  const known = typeof unfit === "string" && Object.hasOwn(REASONS, unfit);
  return { peers: new Map(entries), unfit: known ? (unfit as ReasonCode) : null };
}
