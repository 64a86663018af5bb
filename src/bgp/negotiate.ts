import { err, type Ip, ok, type Result } from "#net";
import { ERROR, MAX_EXTENDED_LENGTH, MAX_LENGTH, OPEN_ERROR } from "./packet/constants.ts";
import { type Notification, notification } from "./packet/notification.ts";
import type { Open } from "./packet/open.ts";
import type { AddressFamily, Asn, PeerSettings } from "./settings.ts";

/** RFC 4271 section 10. */
export const DEFAULT_HOLD_TIME = 90;

/** What both sides agreed on. */
export interface Negotiated {
  readonly peerAs: Asn;
  readonly internal: boolean;
  /** Seconds; 0: neither keepalives nor hold timer. */
  readonly holdTime: number;
  readonly families: readonly AddressFamily[];
  readonly fourOctetAs: boolean;
  readonly limit: number;
  readonly enhancedRouteRefresh: boolean;
}

/** The OPEN that these settings make. */
export const openOf = (settings: PeerSettings, identifier: Ip): Open => ({
  as: settings.localAs,
  holdTime: settings.holdTime ?? DEFAULT_HOLD_TIME,
  identifier,
  capabilities: {
    families: settings.families,
    routeRefresh: true,
    enhancedRouteRefresh: true,
    extendedMessage: true,
    fourOctetAs: settings.localAs,
    gracefulRestart: null,
  },
});

/** Checks the peer's OPEN against the settings (RFC 4271 section 6.2); the error is the NOTIFICATION to send. */
export function negotiate(settings: PeerSettings, ours: Ip, theirs: Open): Result<Negotiated, Notification> {
  const { capabilities } = theirs;
  const peerAs = capabilities.fourOctetAs ?? theirs.as;
  const internal = peerAs === settings.localAs;
  const wanted =
    settings.peerAs === "internal" ? internal : settings.peerAs === "external" ? !internal : peerAs === settings.peerAs;
  if (!wanted || peerAs === 0) return err(notification(ERROR.open, OPEN_ERROR.badPeerAs));
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
    limit: capabilities.extendedMessage ? MAX_EXTENDED_LENGTH : MAX_LENGTH,
    enhancedRouteRefresh: capabilities.enhancedRouteRefresh,
  });
}
