import type { Ip } from "#net";
import { EventRing, type RecordedEvent } from "./event-ring.ts";
import type { BgpEffect, BgpEvent, ConnectionId, Instant, PeerCounters, SessionReport } from "./events.ts";
import { RouteTable } from "./route-table.ts";
import { farewells, Session } from "./session.ts";
import type { PeerSettings } from "./settings.ts";
import { settingsChange } from "./settings-change.ts";

export interface BgpEngineOptions {
  /** 0 to 1: spreads timers. The only hidden input, so it comes in. */
  readonly random: () => number;
  /** How many of the last events can be dumped; default 256. */
  readonly ringSize?: number;
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
  private readonly random: () => number;
  private readonly ring: EventRing;
  private readonly sessions = new Map<string, Session>();
  private readonly owners = new Map<ConnectionId, Session>();
  private readonly tables = new Map<string, RouteTable>();
  private nextConnection: ConnectionId = 2;
  private effects: BgpEffect[] = [];
  private wakeAt: Instant | null = null;
  private closed = false;

  constructor({ random, ringSize = 256 }: BgpEngineOptions) {
    this.random = random;
    this.ring = new EventRing(ringSize);
  }

  step(event: BgpEvent, now: Instant): readonly BgpEffect[] {
    this.effects = [];
    this.ring.add(event, now);
    // The wish is spent, even when it was fulfilled a moment early: then it must be told again.
    if (event.kind === "time") this.wakeAt = null;
    this.handle(event, now);
    const next = this.nextTimer();
    if (next !== this.wakeAt) {
      this.wakeAt = next;
      this.effects.push({ kind: "wake", at: next });
    }
    return this.effects;
  }

  reports(): readonly SessionReport[] {
    return [...this.sessions.values()].map((session) => session.reportNow());
  }

  counters(): readonly PeerCounters[] {
    return [...this.sessions.values()].map((session) => session.counters());
  }

  recent(): readonly RecordedEvent[] {
    return this.ring.list();
  }

  private handle(event: BgpEvent, now: Instant): void {
    switch (event.kind) {
      case "peer-set":
        if (!this.closed) this.setPeer(event.settings, event.fallbackRouterId, now);
        return;
      case "peer-removed":
        this.removePeer(event.peer, now);
        return;
      case "routes":
        this.table(event.change.table).apply(event.change);
        return this.flushTable(event.change.table, now);
      case "connected":
        return this.owners.get(event.connection)?.connected(event.connection, event.local, event.remote, now);
      case "accepted":
        return this.accept(event, now);
      case "received":
        return this.owners.get(event.connection)?.received(event.connection, event.bytes, now);
      case "connect-failed":
      case "closed":
        return this.owners.get(event.connection)?.lost(event.connection, event.reason, now);
      case "drained":
        this.owners.get(event.connection)?.drained(event.connection, now);
        return this.trim();
      case "time":
        for (const session of this.sessions.values())
          if ((session.nextTimer() ?? Number.POSITIVE_INFINITY) <= now) session.time(now);
        return;
      case "peer-down":
        this.sessions
          .get(event.peer)
          ?.reset(
            event.cause === "bfd" ? farewells.bfdDown() : farewells.reset(event.text),
            event.cause === "bfd" ? "BFD says that the peer is down" : `reset: ${event.text}`,
            now,
          );
        return;
      case "shutdown":
        this.closed = true;
        for (const session of this.sessions.values())
          session.stop(farewells.shutdown(event.text), event.text || "shut down", now);
    }
  }

  private setPeer(settings: PeerSettings, fallbackRouterId: Ip, now: Instant): void {
    const session = this.sessions.get(settings.name);
    if (!session) {
      const fresh = new Session(settings, fallbackRouterId, this.context(), now);
      this.sessions.set(settings.name, fresh);
      fresh.start(now);
      return;
    }
    session.fallbackRouterId = fallbackRouterId;
    const change = settingsChange(session.settings, settings);
    if (change !== "none") session.adopt(settings, now);
    if (change === "reset") session.reset(farewells.changed(), "its settings changed", now);
    this.dropUnusedTables();
  }

  private removePeer(name: string, now: Instant): void {
    const session = this.sessions.get(name);
    if (!session) return;
    session.stop(farewells.removed(), "the peer was removed", now);
    this.sessions.delete(name);
    this.dropUnusedTables();
  }

  private accept(event: Extract<BgpEvent, { kind: "accepted" }>, now: Instant): void {
    const session = this.sessions.get(event.peer);
    if (!session || this.closed) {
      this.effects.push({ kind: "close", connection: event.connection });
      return;
    }
    this.owners.set(event.connection, session);
    session.accepted(event.connection, event.local, event.remote, now);
  }

  private table(name: string): RouteTable {
    let table = this.tables.get(name);
    if (!table) {
      table = new RouteTable();
      this.tables.set(name, table);
    }
    return table;
  }

  private flushTable(name: string, now: Instant): void {
    const table = this.table(name);
    for (const session of this.sessions.values()) if (session.table === table) session.flush(now);
    this.trim();
  }

  /** Lets tables forget what all their sessions are past. */
  private trim(): void {
    for (const table of this.tables.values()) {
      let slowest = table.position;
      for (const session of this.sessions.values())
        if (session.table === table) slowest = Math.min(slowest, session.position ?? slowest);
      table.trim(slowest);
    }
  }

  /** A table that no peer reads and that holds nothing is gone. */
  private dropUnusedTables(): void {
    const used = new Set([...this.sessions.values()].map((session) => session.table));
    for (const [name, table] of this.tables)
      if (!used.has(table) && table.count("ipv4-unicast") + table.count("ipv6-unicast") === 0) this.tables.delete(name);
  }

  private nextTimer(): Instant | null {
    let next: Instant | null = null;
    for (const session of this.sessions.values()) {
      const at = session.nextTimer();
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  private context(): ConstructorParameters<typeof Session>[2] {
    return {
      random: this.random,
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
}
