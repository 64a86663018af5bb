import type { Ip } from "#net";
import { compareIp } from "#net";
import { AdjRibOut } from "./adj-rib-out.ts";
import { Connection } from "./connection.ts";
import type { BgpEffect, ConnectionId, Instant, PeerCounters, SessionReport, SessionState } from "./events.ts";
import { DEFAULT_HOLD_TIME, type Negotiated, negotiate, openOf } from "./negotiate.ts";
import { CEASE, ERROR, FSM_ERROR, MESSAGE } from "./packet/constants.ts";
import type { Frame } from "./packet/framer.ts";
import { encodeKeepalive } from "./packet/keepalive.ts";
import {
  decodeNotification,
  describeNotification,
  encodeNotification,
  type Notification,
  notification,
  shutdown,
} from "./packet/notification.ts";
import { decodeOpen, encodeOpen } from "./packet/open.ts";
import { decodeRouteRefresh } from "./packet/route-refresh.ts";
import { decodeUpdate } from "./packet/update.ts";
import type { RouteTable } from "./route-table.ts";
import type { PeerSettings } from "./settings.ts";
import { Timers } from "./timers.ts";

/** What a session needs of the engine around it. */
export interface SessionContext {
  /** 0 to 1. */
  random(): number;
  newConnection(session: Session): ConnectionId;
  emit(effect: BgpEffect): void;
  table(name: string): RouteTable;
}

/** Milliseconds that one attempt to connect may take (ConnectRetryTime, RFC 4271 section 10, made short). */
const CONNECT_TIME = 10_000;
/** RFC 4271 section 8.2.2: "a large value" until the peer's OPEN names another. */
const OPEN_HOLD_TIME = 240_000;
/** Longest pause between attempts, milliseconds. */
const MAX_BACKOFF = 120_000;
/** RFC 9687 section 4: the send hold time is at least eight minutes. */
const MIN_SEND_HOLD = 480_000;

const KEEPALIVE = encodeKeepalive();

/**
 * One peer: the finite state machine of RFC 4271 section 8. It opens connections and takes those that
 * the shell accepts; it damps oscillation by IdleHoldTime (section 8.1.1) and enforces the hold timer.
 */
export class Session {
  settings: PeerSettings;
  fallbackRouterId: Ip;
  private readonly context: SessionContext;
  private readonly timers = new Timers();
  private readonly connections = new Map<ConnectionId, Connection>();
  private readonly adjRibOut: AdjRibOut;
  /** Consecutive times that the session fell before it was Established (ConnectRetryCounter). */
  private failures = 0;
  private reported: SessionState = "Idle";
  private reason = "";
  private since: Instant;
  private established: { readonly connection: Connection; readonly negotiated: Negotiated } | null = null;
  private readonly count = {
    opensSent: 0,
    opensReceived: 0,
    notificationsSent: 0,
    notificationsReceived: 0,
    updatesReceived: 0,
    keepalivesSent: 0,
    keepalivesReceived: 0,
    routeRefreshesReceived: 0,
  };

  constructor(settings: PeerSettings, fallbackRouterId: Ip, context: SessionContext, now: Instant) {
    this.settings = settings;
    this.fallbackRouterId = fallbackRouterId;
    this.context = context;
    this.since = now;
    this.adjRibOut = new AdjRibOut(context.table(settings.table));
  }

  // ===== events of the shell =====

  /** AutomaticStart (event 3). */
  start(now: Instant): void {
    this.timers.clear("idleHold");
    if ([...this.connections.values()].some((connection) => connection.outgoing)) return;
    const connection = new Connection(this.context.newConnection(this), true);
    this.connections.set(connection.id, connection);
    this.timers.set(
      "connectRetry",
      now + (this.settings.connectTime === null ? CONNECT_TIME : this.settings.connectTime * 1000),
    );
    this.context.emit({ kind: "connect", connection: connection.id, settings: this.settings });
    this.report(now);
  }

  /** Tcp_CR_Acked (16) or TcpConnectionConfirmed (17). */
  connected(id: ConnectionId, local: Ip, remote: Ip, now: Instant): void {
    const connection = this.connections.get(id);
    if (connection?.state !== "Connect") return;
    this.timers.clear("connectRetry");
    this.begin(connection, local, remote, now);
  }

  /** A connection that the peer opened; refused while there is one from it already. */
  accepted(id: ConnectionId, local: Ip, remote: Ip, now: Instant): void {
    const connection = new Connection(id, false);
    this.connections.set(id, connection);
    const other = [...this.connections.values()].find((each) => each !== connection && !each.outgoing);
    if (this.established || other) {
      this.refuse(
        connection,
        notification(ERROR.cease, this.established ? CEASE.connectionCollision : CEASE.connectionRejected),
      );
      return;
    }
    this.begin(connection, local, remote, now);
  }

  /** TcpConnectionFails (18), before or after it stood. */
  lost(id: ConnectionId, reason: string, now: Instant): void {
    const connection = this.connections.get(id);
    if (connection) this.fail(connection, reason, now);
  }

  received(id: ConnectionId, bytes: Uint8Array, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    for (const frame of connection.framer.push(bytes)) {
      if (!frame.ok) this.failWith(connection, frame.error, now);
      else this.message(connection, frame.value, now);
      if (!this.connections.has(id)) return;
    }
  }

  drained(id: ConnectionId, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    connection.waitingSince = null;
    connection.timers.clear("sendHold");
    this.flush(now);
  }

  time(now: Instant): void {
    for (const name of this.timers.expired(now)) {
      if (name === "idleHold") this.start(now);
      else this.retryConnect(now);
    }
    for (const connection of this.connections.values())
      for (const name of connection.timers.expired(now))
        if (this.connections.has(connection.id)) this.connectionTimer(connection, name, now);
  }

  /** ManualStop (2) or AutomaticStop (8): says goodbye on every connection and stays Idle. */
  stop(farewell: Notification, reason: string, now: Instant): void {
    for (const connection of [...this.connections.values()]) this.refuse(connection, farewell);
    this.timers.clear();
    this.fall(reason, now);
  }

  /** Ends the session and starts it again after a moment. */
  reset(farewell: Notification, reason: string, now: Instant): void {
    this.stop(farewell, reason, now);
    this.timers.set("idleHold", now + 100);
  }

  /** Takes settings whose change needs no new OPEN. */
  adopt(settings: PeerSettings, now: Instant): void {
    const moved = settings.table !== this.settings.table;
    this.settings = settings;
    if (moved) this.adjRibOut.moveTo(this.context.table(settings.table));
    this.flush(now);
  }

  /** Sends what the table holds and the peer has not been told, unless the peer is still reading. */
  flush(now: Instant): void {
    const up = this.established;
    if (!up || up.connection.waitingSince !== null) return;
    const chunks = this.adjRibOut.pending();
    if (chunks.length > 0) this.send(up.connection, chunks, now);
  }

  // ===== state =====

  get state(): SessionState {
    let state: SessionState = "Idle";
    for (const connection of this.connections.values())
      if (RANK[connection.state] > RANK[state]) state = connection.state;
    return state;
  }

  nextTimer(): Instant | null {
    let next = this.timers.next();
    for (const connection of this.connections.values()) {
      const at = connection.timers.next();
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  /** How far in its table this session is; null while it is not Established. */
  get position(): number | null {
    return this.established ? this.adjRibOut.position : null;
  }

  get table(): RouteTable {
    return this.adjRibOut.table;
  }

  reportNow(): SessionReport {
    return {
      peer: this.settings.name,
      state: this.state,
      reason: this.reason,
      since: this.since,
      localAddress: this.established?.connection.local ?? null,
      negotiatedHoldTime: this.established?.negotiated.holdTime ?? null,
      announcedPrefixes: this.adjRibOut.announced,
    };
  }

  counters(): PeerCounters {
    const { updatesSent, bytesSent, announced, waiting } = this.adjRibOut;
    return {
      peer: this.settings.name,
      ...this.count,
      updatesSent,
      bytesSent,
      announcedPrefixes: announced,
      pendingPrefixes: this.established ? waiting : this.adjRibOut.standing,
    };
  }

  // ===== connections =====

  private begin(connection: Connection, local: Ip, remote: Ip, now: Instant): void {
    Object.assign(connection, { local, remote, state: "OpenSent" });
    this.count.opensSent++;
    this.send(connection, [encodeOpen(openOf(this.settings, this.identifier(local)))], now);
    connection.timers.set("hold", now + OPEN_HOLD_TIME);
    this.report(now);
  }

  /** The BGP Identifier: configured, else the IPv4 address of this end, else what the shell derived. */
  private identifier(local: Ip): Ip {
    return this.settings.routerId ?? (local.family === 4 ? local : this.fallbackRouterId);
  }

  private retryConnect(now: Instant): void {
    for (const connection of [...this.connections.values()])
      if (connection.state === "Connect") this.fail(connection, "the connection attempt timed out", now);
  }

  private connectionTimer(connection: Connection, name: string, now: Instant): void {
    if (name === "hold") this.failWith(connection, notification(ERROR.holdTimer), now);
    else if (name === "sendHold") this.fail(connection, "the peer stopped reading (send hold timer expired)", now);
    else if (name === "keepalive") {
      // Octets already wait: the peer reads nothing, and a keepalive behind them would change nothing.
      if (connection.waitingSince === null) this.keepalive(connection, now);
      this.armKeepalive(connection, now);
    }
  }

  private keepalive(connection: Connection, now: Instant): void {
    this.count.keepalivesSent++;
    this.send(connection, [KEEPALIVE], now);
  }

  private armKeepalive(connection: Connection, now: Instant): void {
    if (connection.holdTime === 0) return;
    const seconds = Math.max(
      1,
      Math.min(this.settings.keepaliveTime || connection.holdTime / 3, connection.holdTime / 3),
    );
    // RFC 4271 section 10: timers are spread by a factor between 0.75 and 1.
    connection.timers.set("keepalive", now + seconds * 1000 * (0.75 + 0.25 * this.context.random()));
  }

  private armHold(connection: Connection, now: Instant): void {
    if (connection.holdTime > 0) connection.timers.set("hold", now + connection.holdTime * 1000);
    else connection.timers.clear("hold");
  }

  private send(connection: Connection, chunks: readonly Uint8Array[], now: Instant): void {
    this.context.emit({ kind: "send", connection: connection.id, chunks });
    if (connection.waitingSince !== null) return;
    connection.waitingSince = now;
    connection.timers.set("sendHold", now + Math.max(MIN_SEND_HOLD, 2000 * (connection.holdTime || DEFAULT_HOLD_TIME)));
  }

  // ===== messages =====

  private message(connection: Connection, { type, body }: Frame, now: Instant): void {
    if (type === MESSAGE.notification) {
      this.count.notificationsReceived++;
      return this.fail(connection, `the peer sent ${describeNotification(decodeNotification(body))}`, now);
    }
    if (connection.state === "OpenSent") {
      if (type === MESSAGE.open) return this.openReceived(connection, body, now);
      return this.failWith(connection, notification(ERROR.fsm, FSM_ERROR.inOpenSent, Uint8Array.of(type)), now);
    }
    if (connection.state === "OpenConfirm") {
      if (type === MESSAGE.keepalive) return this.confirmed(connection, now);
      return this.failWith(connection, notification(ERROR.fsm, FSM_ERROR.inOpenConfirm, Uint8Array.of(type)), now);
    }
    this.inEstablished(connection, type, body, now);
  }

  private openReceived(connection: Connection, body: Uint8Array, now: Instant): void {
    this.count.opensReceived++;
    const open = decodeOpen(body);
    if (!open.ok) return this.failWith(connection, open.error, now);
    const ours = this.identifier(connection.local ?? this.fallbackRouterId);
    const agreed = negotiate(this.settings, ours, open.value);
    if (!agreed.ok) {
      const saw = open.value.capabilities.fourOctetAs ?? open.value.as;
      return this.failWith(connection, agreed.error, now, ` (AS ${saw}, hold time ${open.value.holdTime} s)`);
    }
    if (!this.survivesCollision(connection, ours, open.value.identifier)) return;
    Object.assign(connection, { state: "OpenConfirm", open: open.value, holdTime: agreed.value.holdTime });
    connection.framer.extended = agreed.value.limit > 4096;
    this.keepalive(connection, now);
    this.armKeepalive(connection, now);
    this.armHold(connection, now);
    this.report(now);
  }

  /** RFC 4271 section 6.8: of two connections the one that the side with the higher identifier opened stays. */
  private survivesCollision(connection: Connection, ours: Ip, theirs: Ip): boolean {
    const collision = notification(ERROR.cease, CEASE.connectionCollision);
    for (const other of [...this.connections.values()]) {
      if (other === connection) continue;
      if (other.state === "Connect") this.abandon(other);
      else if (other.state === "OpenConfirm" || other.state === "Established") {
        const ourOneStays = compareIp(ours, theirs) > 0;
        if (other.state === "Established" || other.outgoing === ourOneStays) {
          this.refuse(connection, collision);
          return false;
        }
        this.refuse(other, collision);
      }
    }
    return true;
  }

  private confirmed(connection: Connection, now: Instant): void {
    this.count.keepalivesReceived++;
    const { open, local } = connection;
    if (!open || !local) return;
    const negotiated = negotiate(this.settings, this.identifier(local), open);
    if (!negotiated.ok) return this.failWith(connection, negotiated.error, now);
    for (const other of [...this.connections.values()])
      if (other !== connection) this.refuse(other, notification(ERROR.cease, CEASE.connectionCollision));
    this.timers.clear();
    connection.state = "Established";
    this.established = { connection, negotiated: negotiated.value };
    this.failures = 0;
    this.reason = "";
    this.armHold(connection, now);
    this.adjRibOut.begin(this.settings.localAs, negotiated.value, local);
    this.report(now);
    this.flush(now);
  }

  private inEstablished(connection: Connection, type: number, body: Uint8Array, now: Instant): void {
    switch (type) {
      case MESSAGE.keepalive:
        this.count.keepalivesReceived++;
        return this.armHold(connection, now);
      case MESSAGE.update: {
        // We only originate: what the peer announces is read for its framing and dropped.
        this.count.updatesReceived++;
        const update = decodeUpdate(body, { fourOctetAs: this.established?.negotiated.fourOctetAs ?? true });
        return update.ok ? this.armHold(connection, now) : this.failWith(connection, update.error, now);
      }
      case MESSAGE.routeRefresh: {
        this.count.routeRefreshesReceived++;
        const { family, subtype } = decodeRouteRefresh(body);
        this.armHold(connection, now);
        if (family && subtype === "request") this.adjRibOut.refresh(family);
        return this.flush(now);
      }
      default:
        return this.failWith(connection, notification(ERROR.fsm, FSM_ERROR.inEstablished, Uint8Array.of(type)), now);
    }
  }

  // ===== endings =====

  private failWith(connection: Connection, reason: Notification, now: Instant, detail = ""): void {
    this.notify(connection, reason);
    this.fail(connection, `we sent ${describeNotification(reason)}${detail}`, now, true);
  }

  private notify(connection: Connection, reason: Notification): void {
    if (connection.state === "Connect") return;
    this.count.notificationsSent++;
    this.context.emit({ kind: "send", connection: connection.id, chunks: [encodeNotification(reason)] });
  }

  /** Ends one connection with a word to the peer; the session is not asked. */
  private refuse(connection: Connection, farewell: Notification): void {
    this.notify(connection, farewell);
    this.abandon(connection);
  }

  private abandon(connection: Connection): void {
    this.connections.delete(connection.id);
    this.context.emit({ kind: "close", connection: connection.id });
  }

  private fail(connection: Connection, reason: string, now: Instant, close = true): void {
    this.connections.delete(connection.id);
    if (close) this.context.emit({ kind: "close", connection: connection.id });
    // The other of two colliding connections goes on.
    if (this.connections.size > 0) return;
    const wasUp = this.established !== null;
    this.timers.clear();
    this.failures = wasUp ? 0 : this.failures + 1;
    this.timers.set("idleHold", now + this.idleHold());
    this.fall(reason, now);
  }

  /** IdleHoldTime: at once after a session that stood, then 1, 2, 4 … 120 s, spread so that peers do not come together. */
  private idleHold(): number {
    const jitter = 0.75 + 0.25 * this.context.random();
    if (this.failures === 0) return 100 * jitter;
    const backoff = Math.min(MAX_BACKOFF, 1000 * 2 ** (Math.min(this.failures, 20) - 1));
    const bound = this.settings.connectTime === null ? MAX_BACKOFF : this.settings.connectTime * 1000;
    return Math.min(backoff, bound) * jitter;
  }

  private fall(reason: string, now: Instant): void {
    this.established = null;
    this.adjRibOut.end();
    this.reason = reason;
    this.report(now, true);
  }

  private report(now: Instant, always = false): void {
    const state = this.state;
    if (state === this.reported && !always) return;
    if (state !== this.reported) this.since = now;
    const wasUp = this.reported === "Established";
    this.reported = state;
    const { name } = this.settings;
    if (state === "Established")
      this.context.emit({ kind: "log", level: "info", peer: name, message: "session established" });
    else if (state === "Idle" && this.reason !== "")
      this.context.emit({
        kind: "log",
        level: wasUp ? "warn" : "info",
        peer: name,
        message: `session ${wasUp ? "fell" : "not up"}: ${this.reason}`,
      });
    this.context.emit({ kind: "session", report: this.reportNow() });
  }
}

const RANK: Readonly<Record<SessionState, number>> = {
  Idle: 0,
  Active: 1,
  Connect: 2,
  OpenSent: 3,
  OpenConfirm: 4,
  Established: 5,
};

/** What the peer is told when this side goes away for good. */
export const farewells = {
  shutdown: (text: string): Notification => shutdown(CEASE.administrativeShutdown, text),
  removed: (): Notification => notification(ERROR.cease, CEASE.peerDeconfigured),
  changed: (): Notification => notification(ERROR.cease, CEASE.otherConfigurationChange),
  bfdDown: (): Notification => notification(ERROR.cease, CEASE.bfdDown),
  reset: (text: string): Notification => shutdown(CEASE.administrativeReset, text),
} as const;
