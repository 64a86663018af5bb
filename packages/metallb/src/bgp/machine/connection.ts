import type { LocalEnd, Negotiated } from "../agreement.ts";
import type { BgpEffect, ConnectionId, Instant, Link } from "../events.ts";
import { Framer } from "../packet/framer.ts";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeNotification, type Notification } from "../packet/notification.ts";
import { encodeOpen, type Open } from "../packet/open.ts";
import { farewells } from "./reasons.ts";
import { Timers } from "./timers.ts";

/** RFC 4271 section 8.2.2: "a large value" until the peer's OPEN names another; milliseconds. */
const OPEN_HOLD_TIME = 240_000;
/** RFC 9687 section 4: the send hold time is at least eight minutes. */
const MIN_SEND_HOLD = 480_000;

const KEEPALIVE = encodeKeepalive();

/** The OPEN that was sent; `restarting`: as the first since this speaker started. */
export interface Offer {
  readonly local: LocalEnd;
  readonly open: Open;
  readonly restarting: boolean;
}

/** Messages that were counted, over all connections of a session. */
export interface MessageCounts {
  opensSent: number;
  opensReceived: number;
  notificationsSent: number;
  notificationsReceived: number;
  updatesReceived: number;
  keepalivesSent: number;
  keepalivesReceived: number;
  routeRefreshesReceived: number;
  updatesTreatedAsWithdraw: number;
  attributesDiscarded: number;
}

export const noMessages = (): MessageCounts => ({
  opensSent: 0,
  opensReceived: 0,
  notificationsSent: 0,
  notificationsReceived: 0,
  updatesReceived: 0,
  keepalivesSent: 0,
  keepalivesReceived: 0,
  routeRefreshesReceived: 0,
  updatesTreatedAsWithdraw: 0,
  attributesDiscarded: 0,
});

/** What a connection needs of the session around it. */
export interface ConnectionPorts {
  emit(effect: BgpEffect): void;
  /** 0 to 1. */
  random(): number;
  /** Configured, seconds; null: a third of the hold time. */
  keepaliveTime(): number | null;
  readonly count: MessageCounts;
}

/**
 * One TCP connection to a peer with the part of the state machine that belongs to it: during a
 * collision (RFC 4271 section 6.8) a session has two.
 */
export class Connection {
  readonly id: ConnectionId;
  /** Whether this side opened it. */
  readonly outgoing: boolean;
  readonly framer = new Framer();
  state: "Connect" | "OpenSent" | "OpenConfirm" | "Established" = "Connect";
  /** This end, once the connection stands. */
  local: LocalEnd | null = null;
  /** The addresses of its interface now; what its OPEN said came from those in `local`. */
  link: Link | null = null;
  /** What was offered, once the connection stands. */
  offered: Offer | null = null;
  /** From OpenConfirm on: the peer's OPEN and what both agreed on. */
  agreed: { readonly theirs: Open; readonly negotiated: Negotiated } | null = null;
  /** Since when octets wait to be handed to the kernel; null: none do. */
  private waitingSince: Instant | null = null;
  private readonly timers = new Timers();
  private readonly ports: ConnectionPorts;

  constructor(id: ConnectionId, outgoing: boolean, ports: ConnectionPorts) {
    this.id = id;
    this.outgoing = outgoing;
    this.ports = ports;
  }

  /** The connection stands: sends OPEN and enters OpenSent. */
  open(offered: Offer, now: Instant): void {
    const { local } = offered;
    this.local = local;
    this.link = local.link;
    this.offered = offered;
    this.state = "OpenSent";
    this.ports.count.opensSent++;
    this.send([encodeOpen(offered.open)], now);
    this.timers.set("hold", now + OPEN_HOLD_TIME);
  }

  /** What it was taken for by its TTL it is not. */
  unguard(): void {
    if (this.local) this.local = { ...this.local, guarded: false };
  }

  /** The peer's OPEN is good: sends KEEPALIVE and enters OpenConfirm. */
  confirm(theirs: Open, negotiated: Negotiated, now: Instant): void {
    this.agreed = { theirs, negotiated };
    this.state = "OpenConfirm";
    this.framer.extended = negotiated.limit > 4096;
    this.keepalive(now);
    this.heard(now);
  }

  /** The peer has confirmed. */
  establish(now: Instant): void {
    this.state = "Established";
    this.heard(now);
  }

  /** The peer gave a sign of life: the hold timer starts again. */
  heard(now: Instant): void {
    if (this.holdTime > 0) this.timers.set("hold", now + this.holdTime * 1000);
    else this.timers.clear("hold");
  }

  /** Whether the peer still has to read what was sent: more would only pile up. */
  get busy(): boolean {
    return this.waitingSince !== null;
  }

  send(chunks: readonly Uint8Array[], now: Instant): void {
    this.ports.emit({ kind: "send", connection: this.id, chunks });
    if (this.waitingSince !== null) return;
    this.waitingSince = now;
    this.timers.set("sendHold", now + Math.max(MIN_SEND_HOLD, 2000 * this.holdTime));
  }

  drained(): void {
    this.waitingSince = null;
    this.timers.clear("sendHold");
  }

  /** The NOTIFICATION after which the peer forgets our routes at once. */
  final(reason: Notification): Notification {
    return this.agreed?.negotiated.graceful === "with notifications" ? farewells.hard(reason) : reason;
  }

  /** Nothing is said on a connection that does not stand yet. */
  notify(reason: Notification): void {
    if (this.state === "Connect") return;
    this.ports.count.notificationsSent++;
    this.ports.emit({ kind: "send", connection: this.id, chunks: [encodeNotification(reason)] });
  }

  /** When silence ends the connection; null: never. */
  get holdEndsAt(): Instant | null {
    return this.timers.at("hold");
  }

  nextTimer(): Instant {
    return this.timers.next();
  }

  /** Does what is due; says which timer has ended the connection. */
  time(now: Instant): "hold" | "sendHold" | null {
    if (this.timers.due("hold", now)) return "hold";
    if (this.timers.due("sendHold", now)) return "sendHold";
    if (!this.timers.due("keepalive", now)) return null;
    // Octets that already wait tell the peer as much as a keepalive behind them.
    if (this.busy) this.armKeepalive(now);
    else this.keepalive(now);
    return null;
  }

  private get holdTime(): number {
    return this.agreed?.negotiated.holdTime ?? 0;
  }

  private keepalive(now: Instant): void {
    this.ports.count.keepalivesSent++;
    this.send([KEEPALIVE], now);
    this.armKeepalive(now);
  }

  private armKeepalive(now: Instant): void {
    if (this.holdTime === 0) return;
    // RFC 4271 section 4.4: at most a third of the hold time, and not more than one a second.
    const third = this.holdTime / 3;
    const seconds = Math.max(1, Math.min(this.ports.keepaliveTime() || third, third));
    // RFC 4271 section 10: spread by a factor between 0.75 and 1.
    this.timers.set("keepalive", now + seconds * 1000 * (0.75 + 0.25 * this.ports.random()));
  }
}
