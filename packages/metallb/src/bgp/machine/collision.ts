import { compareIp, type Ip } from "#net";
import type { Asn } from "../settings.ts";

/** One end of a session, as its OPEN names it. */
interface Speaker {
  readonly identifier: Ip;
  readonly as: Asn;
}

/**
 * Which of two colliding connections stays (RFC 4271 section 6.8): the one that the side with the
 * higher BGP Identifier opened. With equal identifiers the higher AS decides (RFC 6286 section 2.3).
 */
export const collisionKeeps = (ours: Speaker, theirs: Speaker): "outgoing" | "incoming" =>
  (compareIp(ours.identifier, theirs.identifier) || ours.as - theirs.as) > 0 ? "outgoing" : "incoming";
