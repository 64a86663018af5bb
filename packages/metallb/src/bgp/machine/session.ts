import type { Ip } from "#net";
import type { BgpEffect, ConnectionId, Instant, PeerCounters, SessionReport, SessionState } from "../events.ts";
import { ERROR, FSM_ERROR, MESSAGE } from "../packet/constants.ts";
import type { Frame } from "../packet/framer.ts";
import { decodeNotification, type Notification, notification } from "../packet/notification.ts";
import { decodeOpen, encodeOpen, type Open } from "../packet/open.ts";
import { decodeRouteRefresh } from "../packet/route-refresh.ts";
import { decodeUpdate } from "../packet/update.ts";
import { AdjRibOut } from "../rib/adj-rib-out.ts";
import type { RouteTable } from "../rib/route-table.ts";
import type { PeerSettings } from "../settings.ts";
import { Backoff } from "./backoff.ts";
import { collisionKeeps } from "./collision.ts";
import { Connection, type ConnectionPorts, type MessageCounts } from "./connection.ts";
import { type Negotiated, negotiate, openOf } from "./negotiate.ts";
import { farewells, reasons } from "./reasons.ts";
import { Timers } from "./timers.ts";

/** What a session needs of the engine around it. */
export interface SessionPorts {
  /** 0 to 1. */
  random(): number;
  newConnection(session: Session): ConnectionId;
  emit(effect: BgpEffect): void;
  table(name: string): RouteTable;
}

/**
 * One peer: the finite state machine of RFC 4271 section 8, one for each connection while two collide.
 * Numbers in comments are the events of section 8.1. Optional attributes: DampPeerOscillations and
 * TrackTcpState are on, DelayOpen, PassiveTcpEstablishment and SendNOTIFICATIONwithoutOPEN are off.
 */
export class Session {
  settings: PeerSettings;
  fallbackRouterId: Ip;
  private readonly ports: SessionPorts;
  private readonly connectionPorts: ConnectionPorts;
  private readonly timers = new Timers();
  private readonly connections = new Map<ConnectionId, Connection>();
  private readonly adjRibOut: AdjRibOut;
  private up: { readonly connection: Connection; readonly negotiated: Negotiated } | null = null;
  /** Where a session without a connection is: Active listens, Idle does not. */
  private resting: "Idle" | "Active" = "Idle";
  private readonly backoff: Backoff;
  /** RFC 4724: no session has stood since this speaker started. */
  private restarting = true;
  private reported: SessionState = "Idle";
  private reason = "";
  private since: Instant;
  private readonly count: MessageCounts = {
    opensSent: 0,
    opensReceived: 0,
    notificationsSent: 0,
    notificationsReceived: 0,
    updatesReceived: 0,
    keepalivesSent: 0,
    keepalivesReceived: 0,
    routeRefreshesReceived: 0,
  };

  constructor(settings: PeerSettings, fallbackRouterId: Ip, ports: SessionPorts, now: Instant) {
    this.settings = settings;
    this.fallbackRouterId = fallbackRouterId;
    this.ports = ports;
    this.backoff = new Backoff(() => ports.random());
    this.connectionPorts = {
      emit: (effect) => ports.emit(effect),
      random: () => ports.random(),
      keepaliveTime: () => this.settings.keepaliveTime,
      count: this.count,
    };
    this.since = now;
    this.adjRibOut = new AdjRibOut(ports.table(settings.table));
  }

  // ===== what the shell and the engine say =====

  /** ManualStart (1), AutomaticStart (3), ConnectRetryTimer_Expires (9) in Active, IdleHoldTimer_Expires (13). */
  start(now: Instant): void {
    this.timers.clear();
    this.connect(now);
    this.report(now);
  }

  /** Tcp_CR_Acked (16). */
  connected(id: ConnectionId, local: Ip, now: Instant): void {
    const connection = this.connections.get(id);
    if (connection?.state === "Connect") this.begin(connection, local, now);
  }

  /** TcpConnectionConfirmed (17): the peer opened a connection. */
  accepted(id: ConnectionId, local: Ip, now: Instant): void {
    const connection = new Connection(id, false, this.connectionPorts);
    if (this.state === "Idle") return this.close(connection);
    const earlier = [...this.connections.values()].find((each) => !each.outgoing);
    // A peer that comes again has lost the earlier connection, unless that one is in use.
    if (earlier && !this.up) this.dismiss(earlier, farewells.collision());
    this.begin(connection, local, now);
    if (this.up) this.dismiss(connection, farewells.collision());
  }

  /** TcpConnectionFails (18). */
  lost(id: ConnectionId, reason: string, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    const { state } = connection;
    // Section 8.2.2 goes on listening after OpenSent; so does this after Connect, as with DelayOpen.
    this.fail(connection, reason, now, state === "Connect" || state === "OpenSent" ? "Active" : "Idle");
  }

  received(id: ConnectionId, bytes: Uint8Array, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection || connection.state === "Connect") return;
    for (const frame of connection.framer.push(bytes)) {
      // BGPHeaderErr (21).
      if (!frame.ok) this.failWith(connection, frame.error, now);
      else this.message(connection, frame.value, now);
      if (!this.connections.has(id)) return;
    }
  }

  drained(id: ConnectionId, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    connection.drained();
    this.flush(now);
  }

  time(now: Instant): void {
    for (const { name } of this.timers.expired(now)) {
      if (name === "idleHold" || this.connections.size === 0) this.start(now);
      else this.attemptTimedOut(now);
    }
    for (const connection of [...this.connections.values()]) {
      if (!this.connections.has(connection.id)) continue;
      const ended = connection.time(now);
      // HoldTimer_Expires (10).
      if (ended === "hold") this.failWith(connection, notification(ERROR.holdTimer), now);
      else if (ended === "sendHold") this.fail(connection, reasons.notReading, now);
    }
  }

  /** ManualStop (2) or AutomaticStop (8): takes leave on every connection and stays Idle. */
  stop(farewell: Notification, reason: string, now: Instant): void {
    this.rest(farewell, "Idle");
    this.fall(reason, now);
  }

  /** AutomaticStop (8), then a new start: at once after a change of settings, else as after a failure. */
  reset(farewell: Notification, reason: string, now: Instant, again: "at once" | "as after a failure"): void {
    this.rest(farewell, "Idle");
    this.timers.set("idleHold", now + (again === "at once" ? this.backoff.afresh() : this.pause(now)));
    this.fall(reason, now);
  }

  /** Takes settings whose change needs no new OPEN. */
  adopt(settings: PeerSettings, now: Instant): void {
    const moved = settings.table !== this.settings.table;
    this.settings = settings;
    if (moved) this.adjRibOut.moveTo(this.ports.table(settings.table));
    this.flush(now);
  }

  /** Sends what the table holds and the peer has not been told, unless the peer is still reading. */
  flush(now: Instant): void {
    if (!this.up || this.up.connection.busy) return;
    const chunks = this.adjRibOut.pending();
    if (chunks.length > 0) this.up.connection.send(chunks, now);
  }

  // ===== what it tells =====

  get state(): SessionState {
    let state: SessionState = this.resting;
    for (const connection of this.connections.values())
      if (RANK[connection.state] > RANK[state]) state = connection.state;
    return state;
  }

  nextTimer(): Instant | null {
    let next = this.timers.next();
    for (const connection of this.connections.values()) {
      const at = connection.nextTimer();
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  /** How far in its table this session is; null while it is not Established. */
  get position(): number | null {
    return this.up ? this.adjRibOut.position : null;
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
      localAddress: this.up?.connection.local ?? null,
      negotiatedHoldTime: this.up?.negotiated.holdTime ?? null,
      announcedPrefixes: this.adjRibOut.announced,
    };
  }

  counters(): PeerCounters {
    const { updatesSent, bytesSent, announced, waiting, standing } = this.adjRibOut;
    return {
      peer: this.settings.name,
      ...this.count,
      updatesSent,
      bytesSent,
      announcedPrefixes: announced,
      pendingPrefixes: this.up ? waiting : standing,
    };
  }

  // ===== connections =====

  private connect(now: Instant): void {
    this.resting = "Active";
    const connection = new Connection(this.ports.newConnection(this), true, this.connectionPorts);
    this.connections.set(connection.id, connection);
    this.timers.set("connectRetry", now + this.backoff.attempt(this.settings.connectTime));
    this.ports.emit({ kind: "connect", connection: connection.id, settings: this.settings });
  }

  /** ConnectRetryTimer_Expires (9) in Connect: drops the attempt and makes another. */
  private attemptTimedOut(now: Instant): void {
    const attempt = [...this.connections.values()].find((each) => each.state === "Connect");
    // It stands by now, or the peer's own connection does.
    if (!attempt) return;
    this.close(attempt);
    this.reason = reasons.attemptTimedOut;
    this.connect(now);
    this.report(now, true);
  }

  private begin(connection: Connection, local: Ip, now: Instant): void {
    this.connections.set(connection.id, connection);
    connection.open(local, encodeOpen(openOf(this.settings, this.identifier(local), this.restarting)), now);
    this.report(now);
  }

  /** The BGP Identifier: configured, else the IPv4 address of this end, else what the shell derived. */
  private identifier(local: Ip): Ip {
    return this.settings.routerId ?? (local.family === 4 ? local : this.fallbackRouterId);
  }

  // ===== messages =====

  private message(connection: Connection, { type, body }: Frame, now: Instant): void {
    if (type === MESSAGE.notification) {
      // NotifMsgVerErr (24), NotifMsg (25).
      this.count.notificationsReceived++;
      return this.fail(connection, reasons.received(decodeNotification(body)), now);
    }
    switch (connection.state) {
      case "OpenSent":
        if (type === MESSAGE.open) return this.openReceived(connection, body, now);
        return this.unexpected(connection, FSM_ERROR.inOpenSent, type, now);
      case "OpenConfirm":
        if (type === MESSAGE.keepalive) return this.confirmed(connection, now);
        return this.unexpected(connection, FSM_ERROR.inOpenConfirm, type, now);
      case "Established":
        return this.whileEstablished(connection, type, body, now);
    }
  }

  /** RFC 6608: the data is the type of the message. */
  private unexpected(connection: Connection, subcode: number, type: number, now: Instant): void {
    this.failWith(connection, notification(ERROR.fsm, subcode, Uint8Array.of(type)), now);
  }

  /** BGPOpen (19), BGPOpenMsgErr (22). */
  private openReceived(connection: Connection, body: Uint8Array, now: Instant): void {
    this.count.opensReceived++;
    const open = decodeOpen(body);
    if (!open.ok) return this.failWith(connection, open.error, now);
    const ours = this.identifier(connection.local ?? this.fallbackRouterId);
    const agreed = negotiate(this.settings, ours, open.value);
    if (!agreed.ok) return this.failWith(connection, agreed.error, now, reasons.ofOpen(open.value));
    if (!this.survivesCollision(connection, ours, open.value, agreed.value)) return;
    connection.confirm(agreed.value, now);
    this.report(now);
  }

  /** Resolves a collision (RFC 4271 section 6.8); false: this connection had to go. */
  private survivesCollision(connection: Connection, ours: Ip, { identifier }: Open, { peerAs }: Negotiated): boolean {
    const kept = collisionKeeps({ identifier: ours, as: this.settings.localAs }, { identifier, as: peerAs });
    for (const other of [...this.connections.values()]) {
      // With one in OpenSent it is decided when the peer's OPEN comes there too.
      if (other === connection || other.state === "OpenSent") continue;
      if (other.state === "OpenConfirm" && other.outgoing === (kept === "outgoing")) {
        this.dismiss(connection, farewells.collision());
        return false;
      }
      // OpenCollisionDump (23). An attempt that does not stand yet could only collide later.
      this.dismiss(other, farewells.collision());
    }
    return true;
  }

  /** KeepAliveMsg (26) in OpenConfirm. */
  private confirmed(connection: Connection, now: Instant): void {
    this.count.keepalivesReceived++;
    const { negotiated, local } = connection;
    if (!negotiated || !local) return;
    for (const other of [...this.connections.values()])
      if (other !== connection) this.dismiss(other, farewells.collision());
    this.timers.clear();
    connection.establish(now);
    this.up = { connection, negotiated };
    this.restarting = false;
    this.reason = "";
    this.adjRibOut.begin(this.settings.localAs, negotiated, local);
    this.report(now);
    this.flush(now);
  }

  private whileEstablished(connection: Connection, type: number, body: Uint8Array, now: Instant): void {
    switch (type) {
      // KeepAliveMsg (26).
      case MESSAGE.keepalive:
        this.count.keepalivesReceived++;
        return connection.heard(now);
      // UpdateMsg (27), UpdateMsgErr (28). We only originate: what the peer announces is read and dropped.
      case MESSAGE.update: {
        this.count.updatesReceived++;
        const update = decodeUpdate(body, { fourOctetAs: this.up?.negotiated.fourOctetAs ?? true });
        return update.ok ? connection.heard(now) : this.failWith(connection, update.error, now);
      }
      case MESSAGE.routeRefresh: {
        this.count.routeRefreshesReceived++;
        const refresh = decodeRouteRefresh(body);
        if (!refresh.ok) return this.failWith(connection, refresh.error, now);
        connection.heard(now);
        const { family, subtype } = refresh.value;
        if (family && subtype === "request") this.adjRibOut.refresh(family);
        return this.flush(now);
      }
      default:
        return this.unexpected(connection, FSM_ERROR.inEstablished, type, now);
    }
  }

  // ===== endings =====

  private failWith(connection: Connection, reason: Notification, now: Instant, detail = ""): void {
    connection.notify(reason);
    this.fail(connection, reasons.sent(reason, detail), now);
  }

  /** Ends one connection. With it the session ends, unless the other of two that collide goes on. */
  private fail(connection: Connection, reason: string, now: Instant, resting: "Idle" | "Active" = "Idle"): void {
    this.close(connection);
    if (this.connections.size > 0) return this.report(now);
    this.resting = resting;
    this.timers.clear();
    this.timers.set(resting === "Idle" ? "idleHold" : "connectRetry", now + this.pause(now));
    this.fall(reason, now);
  }

  /** Ends every connection and waits for nothing. */
  private rest(farewell: Notification, resting: "Idle" | "Active"): void {
    for (const connection of [...this.connections.values()]) this.dismiss(connection, farewell);
    this.resting = resting;
    this.timers.clear();
  }

  private dismiss(connection: Connection, farewell: Notification): void {
    connection.notify(farewell);
    this.close(connection);
  }

  private close(connection: Connection): void {
    this.connections.delete(connection.id);
    this.ports.emit({ kind: "close", connection: connection.id });
  }

  /** Milliseconds until the next attempt. */
  private pause(now: Instant): number {
    return this.backoff.pause(this.up ? now - this.since : null, this.settings.connectTime);
  }

  private fall(reason: string, now: Instant): void {
    this.up = null;
    this.adjRibOut.end();
    this.reason = reason;
    this.report(now, true);
  }

  private report(now: Instant, always = false): void {
    const state = this.state;
    if (state === this.reported && !always) return;
    const wasUp = this.reported === "Established";
    if (state !== this.reported) this.since = now;
    this.reported = state;
    const log = (level: "info" | "warn", message: string): void =>
      this.ports.emit({ kind: "log", level, peer: this.settings.name, message });
    if (state === "Established") log("info", "session established");
    else if (wasUp) log("warn", `session fell: ${this.reason}`);
    else if (always && this.reason !== "") log("info", `session not up: ${this.reason}`);
    this.ports.emit({ kind: "session", report: this.reportNow() });
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
