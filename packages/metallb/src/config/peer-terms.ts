import type { BGPPeer } from "#api";
import type { Seconds } from "#net";
import { parseDuration } from "./duration.ts";
import { type ProblemList, quoted } from "./problems.ts";

/** What annotations of a BGPPeer say, beyond upstream's fields. */
export interface PeerTerms {
  /** The router opens the connection, and this side never does. */
  readonly passive: boolean;
  /** For how long the router keeps the routes while the speaker is away; null: the default. */
  readonly restartTime: Seconds | null;
}

const PASSIVE = "metallb.io/passive";
const RESTART_TIME = "metallb.io/graceful-restart-time";
/** RFC 4724 section 3: twelve bits. */
const MAX_RESTART_TIME = 4_095;

/** A wrong annotation is a problem of the peer and says nothing. */
export function readPeerTerms({ annotations, spec }: BGPPeer, problems: ProblemList): PeerTerms {
  return { passive: readPassive(annotations, spec, problems), restartTime: readRestartTime(annotations, problems) };
}

function readPassive(
  annotations: BGPPeer["annotations"],
  { interface: unnumbered }: BGPPeer["spec"],
  problems: ProblemList,
): boolean {
  const text = annotations[PASSIVE] ?? "false";
  const complaint =
    text !== "true" && text !== "false"
      ? `${quoted(text)} is neither "true" nor "false"`
      : text === "true" && unnumbered
        ? "an unnumbered peer cannot be passive: who connects is told by its address"
        : null;
  if (complaint === null) return text === "true";
  problems.add("invalidAnnotation", pathOf(PASSIVE), complaint);
  return false;
}

function readRestartTime(annotations: BGPPeer["annotations"], problems: ProblemList): Seconds | null {
  const text = annotations[RESTART_TIME];
  if (text === undefined) return null;
  const parsed = parseDuration(text);
  const complaint = !parsed.ok
    ? parsed.error
    : Number.isInteger(parsed.value) && parsed.value >= 1 && parsed.value <= MAX_RESTART_TIME
      ? null
      : `${quoted(text)} is not a whole number of seconds from 1 to ${MAX_RESTART_TIME}`;
  if (complaint === null && parsed.ok) return parsed.value;
  problems.add("invalidAnnotation", pathOf(RESTART_TIME), complaint ?? "");
  return null;
}

const pathOf = (annotation: string): string => `metadata.annotations[${annotation}]`;
