import { err, type Ip, ok, type Result } from "#net";
import type { LocalEnd, Negotiated } from "../agreement.ts";
import { ERROR, MAX_EXTENDED_LENGTH, MAX_LENGTH, OPEN_ERROR } from "../packet/constants.ts";
import { type Notification, notification } from "../packet/notification.ts";
import { encodeOpen, type Open } from "../packet/open.ts";
import type { AddressFamily, Asn, PeerSettings } from "../settings.ts";

/** RFC 4271 section 10. */
const DEFAULT_HOLD_TIME = 90;

/** Seconds for which a peer that offers graceful restart keeps our routes without us (RFC 4724 section 3). */
const DEFAULT_RESTART_TIME = 120;

/** In the order in which they are offered. */
const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const satisfies readonly AddressFamily[];

/** The OPEN that these settings make. `restarting`: the first since this speaker started (RFC 4724 section 4.1). */
export function openOf(settings: PeerSettings, identifier: Ip, restarting: boolean): Open {
  const families = FAMILIES.filter((family) => settings.families.includes(family));
  return {
    as: settings.localAs,
    holdTime: settings.holdTime ?? DEFAULT_HOLD_TIME,
    identifier,
    capabilities: {
      families,
      extendedNextHop: wantsExtendedNextHop(settings),
      routeRefresh: true,
      enhancedRouteRefresh: true,
      extendedMessage: true,
      fourOctetAs: settings.localAs,
      gracefulRestart: settings.gracefulRestart
        ? {
            restarting,
            notification: true,
            restartTime: settings.restartTime ?? DEFAULT_RESTART_TIME,
            // The kernel forwards to Services whether or not this speaker runs.
            families: families.map((family) => ({ family, forwarding: true })),
          }
        : null,
    },
  };
}

/** IPv4 routes over an IPv6 session have no other next hop than the session's own address. */
const wantsExtendedNextHop = ({ endpoint, families }: PeerSettings): boolean =>
  (endpoint.kind === "interface" || endpoint.address.family === 6) && families.includes("ipv4-unicast");

/** Checks the peer's OPEN against the settings (RFC 4271 section 6.2); the error is the NOTIFICATION to send. */
export function negotiate(settings: PeerSettings, ours: Ip, theirs: Open): Result<Negotiated, Notification> {
  const { capabilities } = theirs;
  const peerAs = capabilities.fourOctetAs ?? theirs.as;
  const internal = peerAs === settings.localAs;
  // RFC 7607: AS 0 is nobody, also where the capability names somebody.
  if (theirs.as === 0 || peerAs === 0 || !isWanted(settings, peerAs))
    return err(notification(ERROR.open, OPEN_ERROR.badPeerAs));
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
    graceful: !(settings.gracefulRestart && capabilities.gracefulRestart)
      ? null
      : capabilities.gracefulRestart.notification
        ? "with notifications"
        : "without notifications",
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

/** The BGP Identifier: configured, else an IPv4 address of this end (its own, its interface's), else the fallback. */
export const identifierOf = ({ routerId }: PeerSettings, { address, link }: LocalEnd, fallback: Ip): Ip =>
  routerId ?? (address.family === 4 ? address : (link?.ipv4 ?? fallback));

/** What was said on a connection so far. */
export interface Said {
  readonly offered: { readonly local: LocalEnd; readonly open: Open; readonly restarting: boolean };
  readonly agreed: { readonly theirs: Open } | null;
}

/** Whether with other settings the OPEN would be the same octets, and the peer's as good as it was. */
export function goesOn({ offered, agreed }: Said, settings: PeerSettings, fallback: Ip): boolean {
  const ours = identifierOf(settings, offered.local, fallback);
  const [then, now] = [encodeOpen(offered.open), encodeOpen(openOf(settings, ours, offered.restarting))];
  // Their lengths stand in them.
  if (then.some((octet, i) => octet !== now[i])) return false;
  return !agreed || negotiate(settings, ours, agreed.theirs).ok;
}
