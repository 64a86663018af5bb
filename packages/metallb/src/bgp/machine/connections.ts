import type { Ip } from "#net";
import type { ConnectionId, Instant, SessionState } from "../events.ts";
import type { Notification } from "../packet/notification.ts";
import type { PeerSettings } from "../settings.ts";
import { Connection, type ConnectionPorts } from "./connection.ts";
import { goesOn } from "./negotiate.ts";

/** The connections of one session: none, one, or two while they collide (RFC 4271 section 6.8). */
export class Connections {
  private readonly all = new Map<ConnectionId, Connection>();
  private readonly ports: ConnectionPorts;

  constructor(ports: ConnectionPorts) {
    this.ports = ports;
  }

  /** One that counts once it is added. */
  create(id: ConnectionId, outgoing: boolean): Connection {
    return new Connection(id, outgoing, this.ports);
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

  /** The one that this side opens and that does not stand yet. */
  get attempt(): Connection | undefined {
    return this.list().find((each) => each.state === "Connect");
  }

  others(connection: Connection): readonly Connection[] {
    return this.list().filter((each) => each !== connection);
  }

  /** The state of the one that is furthest; `resting` where none is. */
  furthest(resting: SessionState): SessionState {
    const ranks = this.list().map(({ state }) => STATES.indexOf(state));
    return STATES[Math.max(STATES.indexOf(resting), ...ranks)] ?? resting;
  }

  /** Whether every connection on which an OPEN was sent can go on with the settings. */
  goOn(settings: PeerSettings, fallback: Ip): boolean {
    const said = this.list().filter((each) => each.offered !== null);
    return said.length > 0 && said.every((each) => goesOn(each, settings, fallback));
  }

  /** Infinity: no timer runs. */
  nextTimer(): Instant {
    return Math.min(Number.POSITIVE_INFINITY, ...this.list().map((each) => each.nextTimer()));
  }

  add(connection: Connection): void {
    this.all.set(connection.id, connection);
  }

  close(connection: Connection): void {
    this.all.delete(connection.id);
    this.ports.emit({ kind: "close", connection: connection.id });
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

/** From the first step to the last. */
const STATES = ["Idle", "Active", "Connect", "OpenSent", "OpenConfirm", "Established"] as const;
