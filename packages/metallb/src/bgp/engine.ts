import type { Ip } from "#net";
import type { LocalEnd } from "./agreement.ts";
import { EventRing, type RecordedEvent } from "./event-ring.ts";
import type { BgpEffect, BgpEvent, ConnectionId, Instant, Link, PeerCounters, SessionReport } from "./events.ts";
import { farewells, reasons } from "./machine/reasons.ts";
import { Session, type SessionPorts } from "./machine/session.ts";
import { RouteTable, TURN_ENTRIES } from "./rib/route-table.ts";
import type { PeerSettings } from "./settings.ts";

export interface BgpEngineOptions {
  /** 0 to 1: spreads timers. The only hidden input, so it comes in. */
  readonly random: () => number;
  /** How many of the last events can be dumped; default 256. */
  readonly ringSize?: number;
  /** How many routes are encoded in one step; the rest waits for `drained`, or for the next `time`. */
  readonly turn?: number;
}

/** A BGP speaker without sockets or clock. */
export interface BgpEngine {
  /** Takes one event at a time that never goes back; gives what is to be done, in order. */
  step(event: BgpEvent, now: Instant): readonly BgpEffect[];
  reports(): readonly SessionReport[];
  counters(): readonly PeerCounters[];
  /** The last events, oldest first, without secrets: what a test can replay. */
  recent(): readonly RecordedEvent[];
}

/** Ids that the engine gives to outgoing connections are even; a shell names accepted ones with odd numbers. */
export const createBgpEngine = (options: BgpEngineOptions): BgpEngine => new Engine(options);

class Engine implements BgpEngine {
  private readonly ring: EventRing;
  private readonly ports: SessionPorts;
  private readonly sessions = new Map<string, Session>();
  private readonly owners = new Map<ConnectionId, Session>();
  private readonly tables = new Map<string, RouteTable>();
  private nextConnection: ConnectionId = 2;
  private readonly effects: BgpEffect[] = [];
  /** Infinity: nothing was asked for. */
  private wakeAt: Instant = Number.POSITIVE_INFINITY;
  private closed = false;
  private leaving = false;
  /** Who has something to be told when the others have had their turn. */
  private readonly turn: number;
  private readonly behind = new Set<Session>();

  constructor({ random, ringSize = 256, turn = TURN_ENTRIES }: BgpEngineOptions) {
    this.turn = turn;
    this.ring = new EventRing(ringSize);
    this.ports = {
      random: () => {
        const value = random();
        this.ring.drew(value);
        return value;
      },
      newConnection: (session) => {
        const id = this.nextConnection;
        this.nextConnection += 2;
        this.owners.set(id, session);
        return id;
      },
      emit: (effect) => {
        if (effect.kind === "close") this.owners.delete(effect.connection);
        this.effects.push(effect);
      },
      table: (name) => this.table(name),
    };
  }

  step(event: BgpEvent, now: Instant): readonly BgpEffect[] {
    this.ring.add(event, now);
    const touched = this.handle(event, now);
    this.askToBeWoken(event.kind === "time", touched, now);
    return this.effects.splice(0);
  }

  /**
   * A wish is only replaced by an earlier one: waking for a timer that was put off meanwhile costs
   * less than looking at every session at every message. At `time` the wish is spent, even when it
   * was fulfilled a moment early.
   */
  private askToBeWoken(spent: boolean, touched: Iterable<Session>, now: Instant): void {
    let next = spent ? Number.POSITIVE_INFINITY : this.wakeAt;
    if (this.behind.size > 0) next = now;
    for (const session of touched) next = Math.min(next, session.nextTimer());
    if (Number.isFinite(next) && (spent || next !== this.wakeAt)) this.effects.push({ kind: "wake", at: next });
    this.wakeAt = next;
  }

  reports(): readonly SessionReport[] {
    return [...this.sessions.values()].map((session) => session.telling.report());
  }

  counters(): readonly PeerCounters[] {
    return [...this.sessions.values()].map((session) => session.telling.counters());
  }

  recent(): readonly RecordedEvent[] {
    return this.ring.list();
  }

  /** Gives the sessions whose timers may have changed. */
  private handle(event: BgpEvent, now: Instant): Iterable<Session> {
    switch (event.kind) {
      case "peer-set":
        return this.closed ? NONE : this.setPeer(event.settings, event.fallbackRouterId, now);
      case "peer-removed":
        return this.removePeer(event.peer, event.text, now);
      case "routes":
        this.table(event.change.table).apply(event.change);
        return this.flushTable(event.change.table, now);
      case "connected":
        return this.owner(event.connection, (session) => session.connected(event.connection, localEnd(event), now));
      case "accepted":
        return this.accept(event, now);
      case "guarded":
        return this.owner(event.connection, (session) => session.guard(now));
      case "unguarded":
        return this.owner(event.connection, (session) => session.unguard(event.connection));
      case "link":
        return this.owner(event.connection, (session) => session.relink(event.connection, event.link, now));
      case "received":
        return this.owner(event.connection, (session) => session.received(event.connection, event.bytes, now));
      case "connect-failed":
      case "closed":
        return this.owner(event.connection, (session) => session.lost(event.connection, event.reason, now));
      case "drained":
        return this.owner(event.connection, (session) => {
          session.drained(event.connection, now);
          this.trim(session.adjRibOut.table);
        });
      case "time":
        for (const session of this.sessions.values()) session.time(now);
        this.flush([...this.behind], now);
        return this.sessions.values();
      case "peer-down":
        return this.peer(event.peer, (session) =>
          event.cause === "bfd"
            ? session.hold(now)
            : session.reset(farewells.reset(event.text), reasons.reset(event.text), now),
        );
      case "peer-up":
        return this.peer(event.peer, (session) => session.release(now));
      case "drain":
        this.leaving = event.on;
        for (const session of this.sessions.values()) session.adjRibOut.leave(event.on);
        this.flush([...this.sessions.values()], now);
        return this.sessions.values();
      case "shutdown":
        this.closed = true;
        for (const session of this.sessions.values()) session.shutdown(event.text, event.routes === "keep", now);
        return NONE;
    }
  }

  /** After the shutdown nothing starts again. */
  private peer(name: string, act: (session: Session) => void): readonly Session[] {
    const session = this.closed ? undefined : this.sessions.get(name);
    if (!session) return NONE;
    act(session);
    return [session];
  }

  private owner(connection: ConnectionId, act: (session: Session) => void): readonly Session[] {
    const session = this.owners.get(connection);
    if (!session) return NONE;
    act(session);
    return [session];
  }

  private setPeer(settings: PeerSettings, fallbackRouterId: Ip, now: Instant): readonly Session[] {
    const session = this.sessions.get(settings.name);
    if (!session) {
      const fresh = new Session(settings, fallbackRouterId, this.ports, now);
      this.sessions.set(settings.name, fresh);
      if (this.leaving) fresh.adjRibOut.leave(true);
      fresh.start(now);
      return [fresh];
    }
    session.fallbackRouterId = fallbackRouterId;
    session.change(settings, now);
    this.dropUnusedTables();
    return [session];
  }

  private removePeer(name: string, text: string | undefined, now: Instant): readonly Session[] {
    const session = this.sessions.get(name);
    if (!session) return NONE;
    session.remove(text, now);
    this.behind.delete(session);
    this.sessions.delete(name);
    this.dropUnusedTables();
    return NONE;
  }

  private accept(event: Extract<BgpEvent, { kind: "accepted" }>, now: Instant): readonly Session[] {
    const session = this.sessions.get(event.peer);
    if (!session) {
      this.effects.push({ kind: "close", connection: event.connection });
      return NONE;
    }
    this.owners.set(event.connection, session);
    session.accepted(event.connection, localEnd(event), now);
    return [session];
  }

  private table(name: string): RouteTable {
    let table = this.tables.get(name);
    if (!table) {
      table = new RouteTable(this.turn);
      this.tables.set(name, table);
    }
    return table;
  }

  private flushTable(name: string, now: Instant): readonly Session[] {
    const table = this.table(name);
    const readers = [...this.sessions.values()].filter((session) => session.adjRibOut.table === table);
    this.flush(readers, now);
    this.trim(table);
    return readers;
  }

  /** What one step encodes is bounded, however many peers there are: the others' turn is at the next `time`. */
  private flush(sessions: readonly Session[], now: Instant): void {
    let room = this.turn;
    for (const session of sessions) {
      if (room <= 0) {
        this.behind.add(session);
        continue;
      }
      this.behind.delete(session);
      const { table } = session.adjRibOut;
      const before = table.packed;
      session.flush(now);
      room -= table.packed - before;
    }
  }

  /** Lets a table forget what all its sessions are past. */
  private trim(table: RouteTable): void {
    let slowest = table.position;
    for (const session of this.sessions.values())
      if (session.adjRibOut.table === table)
        slowest = Math.min(slowest, session.standing ? session.adjRibOut.position : slowest);
    table.trim(slowest);
  }

  /** A table that no peer reads and that holds nothing is gone. */
  private dropUnusedTables(): void {
    const used = new Set([...this.sessions.values()].map((session) => session.adjRibOut.table));
    for (const [name, table] of this.tables)
      if (!used.has(table) && table.count("ipv4-unicast") + table.count("ipv6-unicast") === 0) this.tables.delete(name);
  }
}

const localEnd = ({
  local,
  link = null,
  guarded = false,
}: {
  readonly local: Ip;
  readonly link?: Link | null;
  readonly guarded?: boolean;
}): LocalEnd => ({ address: local, link, guarded });

const NONE: readonly Session[] = [];
