import { formatIp } from "#net";
import { CEASE, ERROR } from "../packet/constants.ts";
import { type Notification, notification, shutdown } from "../packet/notification.ts";
import { describeNotification } from "../packet/notification-text.ts";
import type { Open } from "../packet/open.ts";
import type { PeerSettings } from "../settings.ts";

// Why a session ended: what the peer is told, and what people are told.

/** What the peer is told when this side ends a connection on purpose (RFC 4486). */
export const farewells = {
  shutdown: (text: string): Notification => shutdown(CEASE.administrativeShutdown, text),
  removed: (text?: string): Notification =>
    text === undefined
      ? notification(ERROR.cease, CEASE.peerDeconfigured)
      : shutdown(CEASE.administrativeShutdown, text),
  changed: (): Notification => notification(ERROR.cease, CEASE.otherConfigurationChange),
  /** RFC 9384. */
  bfdDown: (): Notification => notification(ERROR.cease, CEASE.bfdDown),
  reset: (text: string): Notification => shutdown(CEASE.administrativeReset, text),
  /** RFC 8538 section 3: the peer must not keep our routes, though NOTIFICATIONs are graceful on this session. */
  hard: ({ code, subcode, data }: Notification): Notification =>
    notification(ERROR.cease, CEASE.hardReset, Uint8Array.of(code, subcode, ...data)),
  collision: (): Notification => notification(ERROR.cease, CEASE.connectionCollision),
} as const;

export const reasons = {
  /** A wrong key is silence, and so is a closed port, whose reset is not signed (RFC 2385 section 2.0). */
  attemptTimedOut: ({ endpoint, password }: PeerSettings): string => {
    if (endpoint.kind === "interface")
      return `no answer on ${endpoint.interface}: no router advertises itself there, or it does not answer`;
    return password === null
      ? "no answer: the connection attempt timed out"
      : "no answer: nothing listens there, or the passwords differ";
  },
  notReading: "the peer stopped reading (send hold timer expired)",
  removed: (text = "the peer was removed"): string => text,
  changed: "its settings changed",
  bfdDown: "BFD says that the peer is down; the session waits until it is up",
  bfdUp: "BFD says that the peer is up again",
  shutdown: (text: string): string => text || "shut down",
  reset: (text: string): string => (text ? `reset: ${text}` : "reset"),
  received: (received: Notification): string => `the peer sent ${describeNotification(received)}`,
  sent: (sent: Notification, detail = ""): string => `we sent ${describeNotification(sent)}${detail}`,
  /** What the refused OPEN said. */
  ofOpen: ({ as, holdTime, identifier, capabilities }: Open): string =>
    ` (AS ${capabilities.fourOctetAs ?? as}, hold time ${holdTime} s, identifier ${formatIp(identifier)})`,
} as const;
