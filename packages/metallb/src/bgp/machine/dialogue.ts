import type { Instant, Ip } from "#net";
import { ERROR } from "../packet/constants.ts";
import type { Frame } from "../packet/framer.ts";
import { decodeNotification, type Notification, notification } from "../packet/notification.ts";
import { decodeOpen } from "../packet/open.ts";
import { decodeRouteRefresh } from "../packet/route-refresh.ts";
import type { AdjRibOut } from "../rib/adj-rib-out.ts";
import type { PeerSettings } from "../settings.ts";
import { collisionKeeps, survivesCollision } from "./collision.ts";
import type { Connection, MessageCounts } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { EVENT_OF, FSM, UNEXPECTED } from "./fsm.ts";
import { negotiate } from "./negotiate.ts";
import { reasons } from "./reasons.ts";
import { Reception } from "./reception.ts";
import type { Standing } from "./session-report.ts";

/** What a dialogue needs of its session. */
interface Listening {
  readonly settings: PeerSettings;
  readonly fallbackRouterId: Ip;
  /** Null: not Established. */
  readonly standing: Standing | null;
  readonly adjRibOut: AdjRibOut;
  readonly count: MessageCounts;
}

/** What comes of what the peer says. */
interface Consequences {
  warn(message: string): void;
  /** The state of a connection is another. */
  moved(now: Instant): void;
  establish(connection: Connection, now: Instant): void;
  /** There is something to send. */
  flush(now: Instant): void;
  /** Tells the peer what is wrong, and ends the connection. */
  complain(connection: Connection, reason: Notification, now: Instant, detail?: string): void;
  fall(connection: Connection, reason: string, now: Instant): void;
}

/** What the peer says, read by the columns of `fsm.ts` that are messages. */
export class Dialogue {
  private readonly session: Listening;
  private readonly connections: Connections;
  private readonly outcome: Consequences;
  private readonly reception: Reception;

  constructor(session: Listening, connections: Connections, outcome: Consequences) {
    this.session = session;
    this.connections = connections;
    this.outcome = outcome;
    this.reception = new Reception(session.count, (message) => outcome.warn(message));
  }

  read(connection: Connection | undefined, bytes: Uint8Array, now: Instant): void {
    if (!connection || FSM[connection.state].BGPHeaderErr === "ignore") return;
    for (const frame of connection.framer.push(bytes)) {
      if (!frame.ok) this.outcome.complain(connection, frame.error, now);
      else this.message(connection, frame.value, now);
      if (!this.connections.has(connection)) return;
    }
  }

  private message(connection: Connection, { type, body }: Frame, now: Instant): void {
    const { count } = this.session;
    const action = FSM[connection.state][EVENT_OF[type] ?? "BGPHeaderErr"];
    switch (action) {
      case "confirm":
        return this.confirm(connection, body, now);
      case "establish":
        count.keepalivesReceived++;
        return this.outcome.establish(connection, now);
      case "heard":
        count.keepalivesReceived++;
        return connection.heard(now);
      case "read routes":
        return this.readRoutes(connection, body, now);
      case "refresh":
        return this.refresh(connection, body, now);
      case "fall":
        count.notificationsReceived++;
        return this.outcome.fall(connection, reasons.received(decodeNotification(body)), now);
      case "complain": {
        // RFC 6608: the subcode names the state, the data is the type of the message.
        const unexpected = notification(ERROR.fsm, UNEXPECTED[connection.state], Uint8Array.of(type));
        return this.outcome.complain(connection, unexpected, now);
      }
    }
  }

  private confirm(connection: Connection, body: Uint8Array, now: Instant): void {
    const { settings, fallbackRouterId, count } = this.session;
    count.opensReceived++;
    const open = decodeOpen(body);
    if (!open.ok) return this.outcome.complain(connection, open.error, now);
    const ours = connection.offered?.open.identifier ?? fallbackRouterId;
    const agreed = negotiate(settings, ours, open.value);
    if (!agreed.ok) return this.outcome.complain(connection, agreed.error, now, reasons.ofOpen(open.value));
    const { identifier } = open.value;
    const kept = collisionKeeps({ identifier: ours, as: settings.localAs }, { identifier, as: agreed.value.peerAs });
    if (!survivesCollision(this.connections, connection, kept)) return;
    connection.confirm(open.value, agreed.value, now);
    this.outcome.moved(now);
  }

  private readRoutes(connection: Connection, body: Uint8Array, now: Instant): void {
    const { standing } = this.session;
    if (!standing) return;
    const update = this.reception.update(body, standing.negotiated);
    if (update.ok) connection.heard(now);
    else this.outcome.complain(connection, update.error, now);
  }

  private refresh(connection: Connection, body: Uint8Array, now: Instant): void {
    this.session.count.routeRefreshesReceived++;
    const refresh = decodeRouteRefresh(body, this.session.standing?.negotiated.enhancedRouteRefresh ?? false);
    if (!refresh.ok) return this.outcome.complain(connection, refresh.error, now);
    connection.heard(now);
    const { family, subtype } = refresh.value;
    if (family && subtype === "request") this.session.adjRibOut.refresh(family);
    this.outcome.flush(now);
  }
}
