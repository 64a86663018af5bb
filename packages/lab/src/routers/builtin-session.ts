import type { Socket } from "node:net";
import {
  CEASE,
  decodeOpen,
  decodeUpdate,
  ERROR,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  Framer,
  FSM_ERROR,
  MESSAGE,
  type Notification,
  notification,
  OPEN_ERROR,
  type Open,
  type SessionState,
  shutdown,
  type Update,
} from "metallb/bgp";
import { formatIp, formatPrefix, ip, parseIp } from "metallb/net";
import type { Neighbour, RouterPath } from "./router.ts";

export interface BuiltinSessionOptions {
  readonly socket: Socket;
  readonly neighbour: Neighbour;
  /** The router's own. */
  readonly asn: number;
  readonly routerId: string;
}

/** RFC 4271 section 8: how long an OPEN may take, in seconds. */
const OPEN_HOLD_TIME = 240;

export const isUp = (session: BuiltinSession): boolean => session.state === "Established";

/** One connection that a neighbour opened: the passive half of RFC 4271 section 8, and an Adj-RIB-In. */
export class BuiltinSession {
  /** By prefix text. */
  readonly learned = new Map<string, RouterPath>();
  private readonly options: BuiltinSessionOptions;
  private readonly framer = new Framer();
  private phase: SessionState = "Active";
  private fourOctetAs = true;
  private holdTimer: NodeJS.Timeout | null = null;
  private keepaliveTimer: NodeJS.Timeout | null = null;

  constructor(options: BuiltinSessionOptions) {
    this.options = options;
    options.socket.on("error", () => {});
    options.socket.once("close", () => this.end());
  }

  get state(): SessionState {
    return this.phase;
  }

  begin(): void {
    const { socket, neighbour, asn, routerId } = this.options;
    const identifier = parseIp(routerId);
    const open: Open = {
      as: asn,
      holdTime: neighbour.holdTime,
      identifier: identifier.ok ? identifier.value : ip(4, 0n),
      capabilities: {
        families: neighbour.families,
        routeRefresh: false,
        enhancedRouteRefresh: false,
        extendedMessage: false,
        extendedNextHop: false,
        fourOctetAs: asn,
        gracefulRestart: null,
      },
    };
    socket.write(encodeOpen(open));
    this.phase = "OpenSent";
    this.hold(OPEN_HOLD_TIME);
    socket.on("data", (bytes: Uint8Array) => this.receive(bytes));
  }

  /** Ends a connection that is one too many. */
  reject(): void {
    this.fail(notification(ERROR.cease, CEASE.connectionCollision));
  }

  shutdown(): void {
    this.fail(shutdown(CEASE.administrativeShutdown, "the lab ends"));
  }

  private receive(bytes: Uint8Array): void {
    for (const frame of this.framer.push(bytes)) {
      if (this.options.socket.writableEnded) return;
      if (!frame.ok) {
        this.fail(frame.error);
        return;
      }
      this.holdTimer?.refresh();
      this.take(frame.value.type, frame.value.body);
    }
  }

  private take(type: number, body: Uint8Array): void {
    if (type === MESSAGE.notification) {
      this.options.socket.destroy();
    } else if (type === MESSAGE.open && this.phase === "OpenSent") {
      this.open(body);
    } else if (type === MESSAGE.keepalive && this.phase === "OpenConfirm") {
      this.phase = "Established";
    } else if (this.phase !== "Established") {
      const subcode = this.phase === "OpenSent" ? FSM_ERROR.inOpenSent : FSM_ERROR.inOpenConfirm;
      this.fail(notification(ERROR.fsm, subcode));
    } else if (type === MESSAGE.update) {
      const update = decodeUpdate(body, {
        fourOctetAs: this.fourOctetAs,
        internal: this.options.neighbour.asn === this.options.asn,
      });
      if (update.ok) this.learn(update.value);
      else this.fail(update.error);
    } else if (type === MESSAGE.open) {
      this.fail(notification(ERROR.fsm, FSM_ERROR.inEstablished));
    }
  }

  private open(body: Uint8Array): void {
    const open = decodeOpen(body);
    if (!open.ok) {
      this.fail(open.error);
      return;
    }
    const { as, holdTime, capabilities } = open.value;
    const { neighbour, socket } = this.options;
    if ((capabilities.fourOctetAs ?? as) !== neighbour.asn) {
      this.fail(notification(ERROR.open, OPEN_ERROR.badPeerAs));
      return;
    }
    if (holdTime === 1 || holdTime === 2) {
      this.fail(notification(ERROR.open, OPEN_ERROR.unacceptableHoldTime));
      return;
    }
    this.fourOctetAs = capabilities.fourOctetAs !== null;
    socket.write(encodeKeepalive());
    this.phase = "OpenConfirm";
    const negotiated = Math.min(holdTime, neighbour.holdTime);
    this.hold(negotiated);
    if (negotiated > 0) {
      this.keepaliveTimer = setInterval(() => socket.write(encodeKeepalive()), (negotiated * 1_000) / 3);
    }
  }

  private learn(update: Update): void {
    for (const prefix of update.withdrawn) this.learned.delete(formatPrefix(prefix));
    if (update.announced.length === 0) return;
    const { asPath, localPref, multiExitDisc, communities, largeCommunities } = update.attributes;
    // RFC 4271 section 9.1.2: a path that has been here already is no way.
    if (asPath.includes(this.options.asn)) return;
    const path = {
      from: this.options.neighbour.name,
      asPath,
      localPref,
      med: multiExitDisc,
      communities: communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
      largeCommunities: largeCommunities.map((parts) => parts.join(":")),
    };
    for (const { prefix, nextHop } of update.announced) {
      this.learned.set(formatPrefix(prefix), { ...path, nextHop: nextHop === null ? "" : formatIp(nextHop) });
    }
  }

  /** Starts the hold timer anew; zero seconds: none. */
  private hold(seconds: number): void {
    if (this.holdTimer !== null) clearTimeout(this.holdTimer);
    this.holdTimer = seconds === 0 ? null : setTimeout(() => this.fail(notification(ERROR.holdTimer)), seconds * 1_000);
  }

  private fail(problem: Notification): void {
    const { socket } = this.options;
    // Read on, or the neighbour's own end is never seen.
    if (!socket.destroyed) socket.resume().end(encodeNotification(problem));
    this.end();
    // A neighbour that is gone answers no FIN.
    setTimeout(() => socket.destroy(), 1_000).unref();
  }

  private end(): void {
    if (this.holdTimer !== null) clearTimeout(this.holdTimer);
    if (this.keepaliveTimer !== null) clearInterval(this.keepaliveTimer);
    this.phase = "Idle";
    this.learned.clear();
  }
}
