import { err, type Ip, ok, type Result } from "#net";
import { ERROR, MAX_EXTENDED_LENGTH, MAX_LENGTH, OPEN_ERROR } from "../packet/constants.ts";
import { type Notification, notification } from "../packet/notification.ts";
import type { Open } from "../packet/open.ts";
import type { AddressFamily, Asn, PeerSettings } from "../settings.ts";

/** RFC 4271 section 10. */
export const DEFAULT_HOLD_TIME = 90;

/** Seconds for which a peer that offers graceful restart keeps our routes without us (RFC 4724 section 3). */
const RESTART_TIME = 120;

/** What both sides agreed on. */
export interface Negotiated {
  readonly peerAs: Asn;
  readonly internal: boolean;
  /** Seconds; 0: neither keepalives nor hold timer. */
  readonly holdTime: number;
  readonly families: readonly AddressFamily[];
  readonly fourOctetAs: boolean;
  /** RFC 8950: IPv4 routes may go with an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** Longest message that the peer takes, octets. */
  readonly limit: number;
  readonly enhancedRouteRefresh: boolean;
}

/** The OPEN that these settings make. `restarting`: the first since this speaker started (RFC 4724 section 4.1). */
export const openOf = (settings: PeerSettings, identifier: Ip, restarting: boolean): Open => ({
  as: settings.localAs,
  holdTime: settings.holdTime ?? DEFAULT_HOLD_TIME,
  identifier,
  capabilities: {
    families: settings.families,
    extendedNextHop: wantsExtendedNextHop(settings),
    routeRefresh: true,
    enhancedRouteRefresh: true,
    extendedMessage: true,
    fourOctetAs: settings.localAs,
    gracefulRestart: settings.gracefulRestart
      ? {
          restarting,
          notification: false,
          restartTime: RESTART_TIME,
          // The kernel forwards to Services whether or not this speaker runs.
          families: settings.families.map((family) => ({ family, forwarding: true })),
        }
      : null,
  },
});

/** IPv4 routes over an IPv6 session have no other next hop than the session's own address. */
const wantsExtendedNextHop = ({ address, families }: PeerSettings): boolean =>
  address.family === 6 && families.includes("ipv4-unicast");

/** Checks the peer's OPEN against the settings (RFC 4271 section 6.2); the error is the NOTIFICATION to send. */
export function negotiate(settings: PeerSettings, ours: Ip, theirs: Open): Result<Negotiated, Notification> {
  const { capabilities } = theirs;
  const peerAs = capabilities.fourOctetAs ?? theirs.as;
  const internal = peerAs === settings.localAs;
  // RFC 7607: AS 0 is nobody.
  if (peerAs === 0 || !isWanted(settings, peerAs)) return err(notification(ERROR.open, OPEN_ERROR.badPeerAs));
  if (theirs.holdTime === 1 || theirs.holdTime === 2)
    return err(notification(ERROR.open, OPEN_ERROR.unacceptableHoldTime));
  // RFC 6286 section 2.2: not zero, and within one AS not our own.
  if (theirs.identifier.value === 0n || (internal && theirs.identifier.value === ours.value))
    return err(notification(ERROR.open, OPEN_ERROR.badIdentifier));
  // RFC 4760 section 8: a peer that offers no families speaks IPv4 unicast alone.
  const offered: readonly AddressFamily[] = capabilities.families.length > 0 ? capabilities.families : ["ipv4-unicast"];
  return ok({
    peerAs,
    internal,
    holdTime: Math.min(settings.holdTime ?? DEFAULT_HOLD_TIME, theirs.holdTime),
    families: settings.families.filter((family) => offered.includes(family)),
    fourOctetAs: capabilities.fourOctetAs !== null,
    extendedNextHop: wantsExtendedNextHop(settings) && capabilities.extendedNextHop,
    limit: capabilities.extendedMessage ? MAX_EXTENDED_LENGTH : MAX_LENGTH,
    enhancedRouteRefresh: capabilities.enhancedRouteRefresh,
  });
}

function isWanted({ localAs, peerAs: wanted }: PeerSettings, peerAs: Asn): boolean {
  switch (wanted) {
    case "internal":
      return peerAs === localAs;
    case "external":
      return peerAs !== localAs;
    default:
      return peerAs === wanted;
  }
}
