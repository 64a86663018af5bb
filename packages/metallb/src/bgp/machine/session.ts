import type { Ip } from "#net";
import type { LocalEnd } from "../agreement.ts";
import type { BgpEffect, ConnectionId, Instant, Link, PeerCounters, SessionReport, SessionState } from "../events.ts";
import { ERROR } from "../packet/constants.ts";
import type { Frame } from "../packet/framer.ts";
import { decodeNotification, type Notification, notification } from "../packet/notification.ts";
import { decodeOpen } from "../packet/open.ts";
import { decodeRouteRefresh } from "../packet/route-refresh.ts";
import { AdjRibOut } from "../rib/adj-rib-out.ts";
import type { RouteTable } from "../rib/route-table.ts";
import { hopsOf, type PeerSettings } from "../settings.ts";
import { settingsChange } from "../settings-change.ts";
import { Backoff } from "./backoff.ts";
import { collisionKeeps, survivesCollision } from "./collision.ts";
import { Connection, type ConnectionPorts, noMessages } from "./connection.ts";
import { Connections } from "./connections.ts";
import { EVENT_OF, FSM, UNEXPECTED } from "./fsm.ts";
import { goesOn, identifierOf, negotiate, openOf } from "./negotiate.ts";
import { farewells, reasons } from "./reasons.ts";
import { Reception } from "./reception.ts";
import { type Standing, Telling } from "./session-report.ts";
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
 * One peer: the finite state machine of RFC 4271 section 8, whose table is `fsm.ts`, one for each
 * connection while two collide. Optional attributes: DampPeerOscillations and TrackTcpState are on,
 * PassiveTcpEstablishment as configured, DelayOpen and SendNOTIFICATIONwithoutOPEN are off.
 */
export class Session {
  settings: PeerSettings;
  fallbackRouterId: Ip;
  readonly adjRibOut: AdjRibOut;
  readonly count = noMessages();
  private readonly ports: SessionPorts;
  private readonly connectionPorts: ConnectionPorts;
  private readonly timers = new Timers();
  private readonly connections: Connections;
  private readonly backoff: Backoff;
  private readonly telling: Telling;
  private readonly reception: Reception;
  private up: (Standing & { readonly connection: Connection }) | null = null;
  /** Where a session without a connection is: Active listens, Idle does not. */
  private resting: "Idle" | "Active" = "Idle";
  /** The peer protects itself by its TTL (RFC 5082): from now on nobody else is taken for it. */
  private guarded = false;
  /** BFD says that the peer is down: nothing starts. */
  private held = false;
  /** RFC 4724: no session has stood since this speaker started. */
  private restarting = true;

  constructor(settings: PeerSettings, fallbackRouterId: Ip, ports: SessionPorts, now: Instant) {
    this.settings = settings;
    this.fallbackRouterId = fallbackRouterId;
    this.ports = ports;
    this.backoff = new Backoff(() => ports.random());
    this.connections = new Connections((effect) => ports.emit(effect));
    this.connectionPorts = {
      emit: (effect) => ports.emit(effect),
      random: () => ports.random(),
      keepaliveTime: () => this.settings.keepaliveTime,
      count: this.count,
    };
    this.adjRibOut = new AdjRibOut(ports.table(settings.table));
    this.telling = new Telling(this, now);
    this.reception = new Reception(this.count, (message) => this.telling.log("warn", message));
  }

  // ===== what the shell and the engine say =====

  start(now: Instant): void {
    if (FSM[this.state].Start === "connect") this.connect(now);
    this.telling.tell(now);
  }

  connected(id: ConnectionId, local: LocalEnd, now: Instant): void {
    const connection = this.connections.get(id);
    if (connection && FSM[connection.state].Tcp_CR_Acked === "open") this.open(connection, local, now);
  }

  accepted(id: ConnectionId, local: LocalEnd, now: Instant): void {
    const connection = new Connection(id, false, this.connectionPorts);
    const action = FSM[this.state].TcpConnectionConfirmed;
    if (action === "refuse") return this.connections.close(connection);
    const earlier = this.connections.list().find((each) => !each.outgoing);
    // A peer that comes again has lost the earlier connection, unless that one is in use.
    if (earlier && action !== "dump") this.connections.dismiss(earlier, farewells.collision());
    this.open(connection, local, now);
    if (action === "dump") this.connections.dismiss(connection, farewells.collision());
  }

  lost(id: ConnectionId, reason: string, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    this.fall(connection, reason, now, FSM[connection.state].TcpConnectionFails === "listen" ? "Active" : "Idle");
  }

  /** The peer is seen to protect itself by RFC 5082. */
  guard(id: ConnectionId, now: Instant): void {
    const { up } = this;
    if (!up || up.connection.id !== id) return;
    this.guarded = true;
    this.up = { ...up, local: { ...up.local, guarded: true } };
    this.telling.tell(now, true);
  }

  /** The interface of a connection has other addresses: other next hops, and the same session. */
  relink(id: ConnectionId, link: Link, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection?.local) return;
    connection.link = link;
    if (this.up?.connection !== connection) return;
    this.up = { ...this.up, local: { ...this.up.local, link } };
    if (!this.adjRibOut.relink(this.up.local)) return;
    this.telling.tell(now, true);
    this.flush(now);
  }

  received(id: ConnectionId, bytes: Uint8Array, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection || FSM[connection.state].BGPHeaderErr === "ignore") return;
    for (const frame of connection.framer.push(bytes)) {
      if (!frame.ok) this.complain(connection, frame.error, now);
      else this.message(connection, frame.value, now);
      if (!this.connections.has(connection)) return;
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
      const action = FSM[this.state][name === "idleHold" ? "IdleHoldTimer_Expires" : "ConnectRetryTimer_Expires"];
      if (action === "connect") {
        this.connect(now);
        this.telling.tell(now);
      } else if (action === "connect again") this.connectAgain(now);
    }
    for (const connection of this.connections.list()) {
      if (!this.connections.has(connection)) continue;
      const ended = connection.time(now);
      if (ended === "hold") this.complain(connection, notification(ERROR.holdTimer), now);
      else if (ended === "sendHold") this.fall(connection, reasons.notReading, now);
    }
  }

  /** Takes other settings, and begins anew only where the session that stands cannot go on with them. */
  change(settings: PeerSettings, now: Instant): void {
    const change = settingsChange(this.settings, settings);
    if (change === "connection" || (change === "open" && !this.goesOnWith(settings)))
      this.takeLeave(farewells.changed(), reasons.changed, now, this.backoff.afresh());
    if (change === "connection") this.guarded = false;
    const moved = settings.table !== this.settings.table;
    this.settings = settings;
    if (moved) this.adjRibOut.moveTo(this.ports.table(settings.table));
    this.flush(now);
  }

  /** The peer is gone and is tried again as after a failure. */
  reset(farewell: Notification, reason: string, now: Instant): void {
    this.takeLeave(farewell, reason, now, this.pause(now));
  }

  /** BFD says that the peer is down: its routes go at once, and nothing starts until {@link release}. */
  hold(now: Instant): void {
    this.held = true;
    this.takeLeave(farewells.bfdDown(), reasons.bfdDown, now, null);
  }

  release(now: Instant): void {
    if (!this.held) return;
    this.held = false;
    this.timers.set("idleHold", now + this.backoff.afresh());
    this.telling.reason = reasons.bfdUp;
  }

  /** RFC 8326. */
  leave(leaving: boolean, now: Instant): void {
    this.adjRibOut.leave(leaving);
    this.flush(now);
  }

  remove(now: Instant): void {
    this.takeLeave(farewells.removed(), reasons.removed, now, null);
  }

  /** `keep`: the peer is to keep the routes until this speaker is back. */
  shutdown(text: string, keep: boolean, now: Instant): void {
    if (keep && this.up?.negotiated.graceful) {
      this.telling.log("info", "graceful restart: the peer keeps the routes until this speaker is back");
      this.connections.dismissAll((each) => each.graceful(farewells.reset(text)));
    } else if (keep && this.up && this.settings.gracefulRestart)
      this.telling.log("warn", "graceful restart was not agreed with the peer: the routes are withdrawn");
    this.takeLeave(farewells.shutdown(text), reasons.shutdown(text), now, null);
  }

  /** Sends what the table holds and the peer has not been told, unless the peer is still reading. */
  flush(now: Instant): void {
    if (!this.up || this.up.connection.busy) return;
    const chunks = this.adjRibOut.pending();
    if (chunks.length > 0) this.up.connection.send(chunks, now);
  }

  // ===== what it tells =====

  get state(): SessionState {
    return this.connections.furthest(this.resting);
  }

  nextTimer(): Instant | null {
    const [own, theirs] = [this.timers.next(), this.connections.nextTimer()];
    return own === null || (theirs !== null && theirs < own) ? theirs : own;
  }

  /** How far in its table this session is; null while it is not Established. */
  get position(): number | null {
    return this.up ? this.adjRibOut.position : null;
  }

  get table(): RouteTable {
    return this.adjRibOut.table;
  }

  get standing(): Standing | null {
    return this.up;
  }

  reportNow(): SessionReport {
    return this.telling.report();
  }

  counters(): PeerCounters {
    return this.telling.counters();
  }

  emit(effect: BgpEffect): void {
    this.ports.emit(effect);
  }

  // ===== beginnings =====

  private connect(now: Instant): void {
    this.timers.clear();
    if (this.held) return;
    this.resting = "Active";
    if (this.settings.passive) return;
    const connection = new Connection(this.ports.newConnection(this), true, this.connectionPorts);
    this.connections.add(connection);
    this.timers.set("connectRetry", now + this.backoff.attempt(this.settings.connectTime));
    const hops = this.guarded ? "guarded" : hopsOf(this.settings);
    this.ports.emit({ kind: "connect", connection: connection.id, settings: this.settings, hops });
  }

  private connectAgain(now: Instant): void {
    const attempt = this.connections.list().find((each) => each.state === "Connect");
    // It stands by now, or the peer's own connection does.
    if (!attempt) return;
    this.connections.close(attempt);
    this.telling.reason = reasons.attemptTimedOut(this.settings);
    this.connect(now);
    this.telling.tell(now, true);
  }

  private open(connection: Connection, local: LocalEnd, now: Instant): void {
    this.connections.add(connection);
    const open = openOf(this.settings, identifierOf(this.settings, local, this.fallbackRouterId), this.restarting);
    connection.open(local, { open, restarting: this.restarting }, now);
    this.telling.tell(now);
  }

  /** Whether every connection on which an OPEN was sent can go on with the settings. */
  private goesOnWith(settings: PeerSettings): boolean {
    const said = this.connections.list().filter((each) => each.offered !== null);
    return said.length > 0 && said.every((each) => goesOn(each, settings, this.fallbackRouterId));
  }

  // ===== messages =====

  private message(connection: Connection, { type, body }: Frame, now: Instant): void {
    const action = FSM[connection.state][EVENT_OF[type] ?? "BGPHeaderErr"];
    switch (action) {
      case "confirm":
        return this.confirm(connection, body, now);
      case "establish":
        return this.establish(connection, now);
      case "heard":
        this.count.keepalivesReceived++;
        return connection.heard(now);
      case "read routes":
        return this.up ? this.readRoutes(connection, this.up, body, now) : undefined;
      case "refresh":
        return this.refresh(connection, body, now);
      case "fall":
        this.count.notificationsReceived++;
        return this.fall(connection, reasons.received(decodeNotification(body)), now);
      case "complain":
        // RFC 6608: the subcode names the state, the data is the type of the message.
        return this.complain(
          connection,
          notification(ERROR.fsm, UNEXPECTED[connection.state], Uint8Array.of(type)),
          now,
        );
    }
  }

  private confirm(connection: Connection, body: Uint8Array, now: Instant): void {
    this.count.opensReceived++;
    const open = decodeOpen(body);
    if (!open.ok) return this.complain(connection, open.error, now);
    const ours = connection.offered?.open.identifier ?? this.fallbackRouterId;
    const agreed = negotiate(this.settings, ours, open.value);
    if (!agreed.ok) return this.complain(connection, agreed.error, now, reasons.ofOpen(open.value));
    const { identifier } = open.value;
    const kept = collisionKeeps(
      { identifier: ours, as: this.settings.localAs },
      { identifier, as: agreed.value.peerAs },
    );
    if (!survivesCollision(this.connections, connection, kept)) return;
    connection.confirm(open.value, agreed.value, now);
    this.telling.tell(now);
  }

  private establish(connection: Connection, now: Instant): void {
    this.count.keepalivesReceived++;
    const { agreed, local } = connection;
    if (!agreed || !local) return;
    for (const other of this.connections.others(connection)) this.connections.dismiss(other, farewells.collision());
    this.timers.clear();
    connection.establish(now);
    const { link } = connection;
    this.up = { connection, local: { ...local, link }, negotiated: agreed.negotiated };
    this.restarting = false;
    this.guarded ||= local.guarded;
    this.reception.begin();
    this.telling.reason = "";
    this.adjRibOut.begin(this.settings.localAs, this.up);
    this.telling.tell(now);
    this.flush(now);
  }

  private readRoutes(connection: Connection, { negotiated }: Standing, body: Uint8Array, now: Instant): void {
    const update = this.reception.update(body, negotiated);
    if (update.ok) connection.heard(now);
    else this.complain(connection, update.error, now);
  }

  private refresh(connection: Connection, body: Uint8Array, now: Instant): void {
    this.count.routeRefreshesReceived++;
    const refresh = decodeRouteRefresh(body);
    if (!refresh.ok) return this.complain(connection, refresh.error, now);
    connection.heard(now);
    const { family, subtype } = refresh.value;
    if (family && subtype === "request") this.adjRibOut.refresh(family);
    this.flush(now);
  }

  // ===== endings =====

  /** Tells the peer what is wrong, and ends the connection. */
  private complain(connection: Connection, reason: Notification, now: Instant, detail = ""): void {
    connection.notify(reason);
    this.fall(connection, reasons.sent(reason, detail), now);
  }

  /** Ends one connection. With it the session ends, unless the other of two that collide goes on. */
  private fall(connection: Connection, reason: string, now: Instant, resting: "Idle" | "Active" = "Idle"): void {
    this.connections.close(connection);
    if (this.connections.size > 0) return this.telling.tell(now);
    this.rest(resting, reason, now, this.pause(now));
  }

  /** Ends every connection with a word, so that the routes are gone; `again`: milliseconds until a new start, or never. */
  private takeLeave(farewell: Notification, reason: string, now: Instant, again: number | null): void {
    this.connections.dismissAll((each) => each.final(farewell));
    this.rest("Idle", reason, now, this.held ? null : again);
  }

  private rest(resting: "Idle" | "Active", reason: string, now: Instant, again: number | null): void {
    this.resting = resting;
    this.timers.clear();
    if (again !== null) this.timers.set(resting === "Idle" ? "idleHold" : "connectRetry", now + again);
    this.up = null;
    this.adjRibOut.end();
    this.telling.reason = reason;
    this.telling.tell(now, true);
  }

  /** Milliseconds until the next attempt. */
  private pause(now: Instant): number {
    return this.backoff.pause(this.up ? now - this.telling.since : null, this.settings.connectTime);
  }
}
