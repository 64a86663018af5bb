import type { Negotiated } from "../agreement.ts";
import type { PeerSettings } from "../settings.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { farewells } from "./reasons.ts";
import type { Telling } from "./session-report.ts";

/** Ends a session so that the peer keeps the routes until this speaker is back, where that was agreed (RFC 4724). */
export function leaveRoutes(
  { connection, negotiated }: { readonly connection: Connection; readonly negotiated: Negotiated },
  { gracefulRestart }: PeerSettings,
  connections: Connections,
  telling: Telling,
  text: string,
): void {
  if (negotiated.graceful) {
    telling.log("info", "graceful restart: the peer keeps the routes until this speaker is back");
    // Where NOTIFICATIONs are not graceful too (RFC 8538), only silence is.
    connections.dismiss(connection, negotiated.graceful === "with notifications" ? farewells.reset(text) : null);
  } else if (gracefulRestart)
    telling.log("warn", "graceful restart was not agreed with the peer: the routes are withdrawn");
}
