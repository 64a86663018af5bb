import type { Duration, Ip } from "#net";
import type { LocalEnd } from "../agreement.ts";
import type { BgpEffect, ConnectionId, Instant, Link, SessionState } from "../events.ts";
import { ERROR } from "../packet/constants.ts";
import { type Notification, notification } from "../packet/notification.ts";
import { AdjRibOut } from "../rib/adj-rib-out.ts";
import type { RouteTable } from "../rib/route-table.ts";
import type { PeerSettings } from "../settings.ts";
import { settingsChange } from "../settings-change.ts";
import { Attempts } from "./attempts.ts";
import { type Connection, noMessages } from "./connection.ts";
import { Connections } from "./connections.ts";
import { Dialogue } from "./dialogue.ts";
import { FSM } from "./fsm.ts";
import { leaveRoutes } from "./graceful-end.ts";
import { identifierOf, openOf } from "./negotiate.ts";
import { farewells, reasons } from "./reasons.ts";
import { type Standing, Telling } from "./session-report.ts";
import { TtlGuard } from "./ttl-guard.ts";

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
  private readonly connections: Connections;
  readonly attempts: Attempts;
  readonly telling: Telling;
  private readonly dialogue: Dialogue;
  private up: (Standing & { readonly connection: Connection }) | null = null;
  private readonly ttl = new TtlGuard();
  /** RFC 4724: no session has stood since this speaker started. */
  private restarting = true;

  constructor(settings: PeerSettings, fallbackRouterId: Ip, ports: SessionPorts, now: Instant) {
    this.settings = settings;
    this.fallbackRouterId = fallbackRouterId;
    this.ports = ports;
    this.attempts = new Attempts(() => ports.random());
    this.connections = new Connections({
      emit: (effect) => ports.emit(effect),
      random: () => ports.random(),
      keepaliveTime: () => this.settings.keepaliveTime,
      count: this.count,
    });
    this.adjRibOut = new AdjRibOut(ports.table(settings.table));
    this.telling = new Telling(this, ports, now);
    this.dialogue = new Dialogue(this, this.connections, {
      warn: (message) => this.telling.log("warn", message),
      moved: (at) => this.moved(at),
      establish: (connection, at) => this.establish(connection, at),
      flush: (at) => this.flush(at),
      complain: (connection, reason, at, detail) => this.complain(connection, reason, at, detail),
      fall: (connection, reason, at) => this.fall(connection, reason, at),
    });
  }

  // ===== what the shell and the engine say =====

  start(now: Instant): void {
    this.connect(now);
    this.telling.tell(now);
  }

  connected(id: ConnectionId, local: LocalEnd, now: Instant): void {
    const connection = this.connections.get(id);
    if (connection && FSM[connection.state].Tcp_CR_Acked === "open") this.open(connection, local, now);
  }

  accepted(id: ConnectionId, local: LocalEnd, now: Instant): void {
    const connection = this.connections.create(id, false);
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
  guard(now: Instant): void {
    const { up } = this;
    // With a session that stands there is no other connection.
    if (!up) return;
    this.ttl.known = true;
    this.up = { ...up, local: { ...up.local, guarded: true } };
    this.telling.tell(now, true);
  }

  /** Nothing came under guard: segments of any TTL are taken again. */
  unguard(id: ConnectionId): void {
    this.ttl.known = false;
    this.connections.get(id)?.unguard();
  }

  /** The interface of a connection has other addresses: other next hops, and the same session. */
  relink(id: ConnectionId, link: Link, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    connection.link = link;
    if (this.up?.connection !== connection) return;
    this.up = { ...this.up, local: { ...this.up.local, link } };
    if (!this.adjRibOut.relink(this.up.local)) return;
    this.telling.tell(now, true);
    this.flush(now);
  }

  received(id: ConnectionId, bytes: Uint8Array, now: Instant): void {
    this.dialogue.read(this.connections.get(id), bytes, now);
  }

  drained(id: ConnectionId, now: Instant): void {
    const connection = this.connections.get(id);
    if (!connection) return;
    connection.drained();
    this.flush(now);
  }

  time(now: Instant): void {
    const event = this.attempts.expired(now);
    const action = event && FSM[this.state][event];
    if (action === "connect") {
      this.connect(now);
      this.telling.tell(now);
    } else if (action === "connect again") this.connectAgain(now);
    for (const connection of this.connections.list()) {
      const ended = connection.time(now);
      if (ended === "hold") this.complain(connection, notification(ERROR.holdTimer), now);
      else if (ended === "sendHold") this.fall(connection, reasons.notReading, now);
    }
  }

  /** Takes other settings, and begins anew only where the session that stands cannot go on with them. */
  change(settings: PeerSettings, now: Instant): void {
    const change = settingsChange(this.settings, settings);
    if (change === "connection" || (change === "open" && !this.connections.goOn(settings, this.fallbackRouterId)))
      this.takeLeave(farewells.changed(), reasons.changed, now, this.attempts.afresh());
    if (change === "connection") this.ttl.known = false;
    const waits = this.settings.passive && this.state === "Active";
    this.settings = settings;
    // Who waited for the peer, and need not any more, begins.
    if (waits && !settings.passive) this.connect(now);
    this.adjRibOut.moveTo(this.ports.table(settings.table));
    this.flush(now);
  }

  /** The peer is gone and is tried again as after a failure. */
  reset(farewell: Notification, reason: string, now: Instant): void {
    this.takeLeave(farewell, reason, now, this.pause(now));
  }

  /** BFD says that the peer is down: its routes go at once, and nothing starts until {@link release}. */
  hold(now: Instant): void {
    this.attempts.hold();
    this.takeLeave(farewells.bfdDown(), reasons.bfdDown, now, null);
  }

  release(now: Instant): void {
    if (!this.attempts.release(now)) return;
    this.telling.reason = reasons.bfdUp;
    this.telling.tell(now, true);
  }

  remove(text: string | undefined, now: Instant): void {
    this.takeLeave(farewells.removed(text), reasons.removed(text), now, null);
  }

  /** `keep`: the peer is to keep the routes until this speaker is back. */
  shutdown(text: string, keep: boolean, now: Instant): void {
    if (keep && this.up) leaveRoutes(this.up, this.settings, this.connections, this.telling, text);
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
    return this.connections.furthest(this.attempts.resting);
  }

  /** Infinity: no timer runs. */
  nextTimer(): Instant {
    return Math.min(this.attempts.plan?.at ?? Number.POSITIVE_INFINITY, this.connections.nextTimer());
  }

  /** Null while it is not Established. */
  get standing(): Standing | null {
    return this.up;
  }

  // ===== beginnings =====

  private connect(now: Instant): void {
    const { settings } = this;
    if (!this.attempts.begin(settings, this.ttl.known, now)) return;
    const connection = this.connections.create(this.ports.newConnection(this), true);
    this.connections.add(connection);
    this.ports.emit({ kind: "connect", connection: connection.id, settings, hops: this.ttl.hops(settings) });
  }

  private connectAgain(now: Instant): void {
    const { attempt } = this.connections;
    if (attempt) this.connections.close(attempt);
    this.ttl.known = false;
    this.telling.reason = reasons.attemptTimedOut(this.settings);
    this.connect(now);
    this.telling.tell(now, true);
  }

  private open(connection: Connection, local: LocalEnd, now: Instant): void {
    this.connections.add(connection);
    const open = openOf(this.settings, identifierOf(this.settings, local, this.fallbackRouterId), this.restarting);
    connection.open({ local, open, restarting: this.restarting }, now);
    this.moved(now);
  }

  /** A connection is further: ConnectRetryTimer stops, unless an attempt of this side is still under way. */
  private moved(now: Instant): void {
    if (!this.connections.attempt) this.attempts.settle();
    this.telling.tell(now);
  }

  private establish(connection: Connection, now: Instant): void {
    const { agreed, local } = connection;
    if (!agreed || !local) return;
    for (const other of this.connections.others(connection)) this.connections.dismiss(other, farewells.collision());
    connection.establish(now);
    const { link } = connection;
    this.up = { connection, local: { ...local, link }, negotiated: agreed.negotiated };
    this.restarting = false;
    this.ttl.known ||= local.guarded;
    this.telling.reason = "";
    this.adjRibOut.begin(this.settings.localAs, this.up);
    this.telling.tell(now);
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
    this.ttl.failed(connection);
    this.connections.close(connection);
    if (this.connections.size > 0) return this.moved(now);
    this.rest(resting, reason, now, this.pause(now));
  }

  /** Ends every connection with a word, so that the routes are gone; `again`: milliseconds until a new start, or never. */
  private takeLeave(farewell: Notification, reason: string, now: Instant, again: Duration | null): void {
    this.connections.dismissAll((each) => each.final(farewell));
    this.rest("Idle", reason, now, again);
  }

  private rest(resting: "Idle" | "Active", reason: string, now: Instant, again: Duration | null): void {
    this.attempts.rest(resting, again, now);
    this.up = null;
    this.adjRibOut.end();
    this.telling.reason = reason;
    this.telling.tell(now, true);
  }

  private pause(now: Instant): Duration {
    return this.attempts.pause(this.up ? now - this.telling.since : 0, this.settings.connectTime);
  }
}
