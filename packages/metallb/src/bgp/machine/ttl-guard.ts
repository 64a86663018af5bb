import type { BgpEffect } from "../events.ts";
import { hopsOf, type PeerSettings } from "../settings.ts";
import type { Connection } from "./connection.ts";

/**
 * Whether the peer is known to protect itself by its TTL (RFC 5082). It was found and not configured, so it is
 * no condition: section 3 has it that what was not asked for must not break a session. An attempt under guard that
 * no OPEN answers ends the knowledge, the next one takes packets of any TTL, and the session that stands finds
 * out anew.
 */
export class TtlGuard {
  known = false;

  hops(settings: PeerSettings): Extract<BgpEffect, { kind: "connect" }>["hops"] {
    return this.known ? "guarded" : hopsOf(settings);
  }

  /** A connection ended before its time: nothing that the peer sent need have been taken. */
  failed({ outgoing, state }: Pick<Connection, "outgoing" | "state">): void {
    if (outgoing && (state === "Connect" || state === "OpenSent")) this.known = false;
  }
}
