import type { BgpEffect, ConnectionId, Instant, SessionState } from "../events.ts";
import type { Notification } from "../packet/notification.ts";
import type { Connection } from "./connection.ts";

/** The connections of one session: none, one, or two while they collide (RFC 4271 section 6.8). */
export class Connections {
  private readonly all = new Map<ConnectionId, Connection>();
  private readonly emit: (effect: BgpEffect) => void;

  constructor(emit: (effect: BgpEffect) => void) {
    this.emit = emit;
  }

  get size(): number {
    return this.all.size;
  }

  get(id: ConnectionId): Connection | undefined {
    return this.all.get(id);
  }

  has({ id }: Connection): boolean {
    return this.all.has(id);
  }

  /** A copy: those that it lists may end while it is walked. */
  list(): readonly Connection[] {
    return [...this.all.values()];
  }

  others(connection: Connection): readonly Connection[] {
    return this.list().filter((each) => each !== connection);
  }

  /** The state of the one that is furthest; `resting` where none is. */
  furthest(resting: SessionState): SessionState {
    let state = resting;
    for (const connection of this.all.values()) if (RANK[connection.state] > RANK[state]) state = connection.state;
    return state;
  }

  nextTimer(): Instant | null {
    let next: Instant | null = null;
    for (const connection of this.all.values()) {
      const at = connection.nextTimer();
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  add(connection: Connection): void {
    this.all.set(connection.id, connection);
  }

  close(connection: Connection): void {
    this.all.delete(connection.id);
    this.emit({ kind: "close", connection: connection.id });
  }

  /** Says why and closes; null: closes without a word. */
  dismiss(connection: Connection, farewell: Notification | null): void {
    if (farewell) connection.notify(farewell);
    this.close(connection);
  }

  dismissAll(farewell: (connection: Connection) => Notification | null): void {
    for (const connection of this.list()) this.dismiss(connection, farewell(connection));
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
