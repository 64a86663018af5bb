import { compareIp, type Ip } from "#net";
import type { Asn } from "../settings.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { farewells } from "./reasons.ts";

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

/** A good OPEN came on the connection: ends what collides with it; false: this connection had to go. */
export function survivesCollision(
  connections: Connections,
  connection: Connection,
  kept: "outgoing" | "incoming",
): boolean {
  for (const other of connections.others(connection)) {
    // With one in OpenSent it is decided when the peer's OPEN comes there too.
    if (other.state === "OpenSent") continue;
    if (other.state === "OpenConfirm" && other.outgoing === (kept === "outgoing")) {
      connections.dismiss(connection, farewells.collision());
      return false;
    }
    // OpenCollisionDump (23). An attempt that does not stand yet could only collide later.
    connections.dismiss(other, farewells.collision());
  }
  return true;
}
