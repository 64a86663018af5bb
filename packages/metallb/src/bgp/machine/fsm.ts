import type { SessionState } from "../events.ts";
import { FSM_ERROR, MESSAGE } from "../packet/constants.ts";

/**
 * The events of RFC 4271 section 8.1 by its names, with the numbers it gives them; those of DelayOpen
 * (11, 12, 20) never come, since this speaker does not delay its OPEN. ROUTE-REFRESH is RFC 2918, the
 * send hold timer RFC 9687.
 */
export type FsmEvent =
  /** 1, 3. */
  | "Start"
  /** 2, 8: the peer was removed or the speaker shuts down. */
  | "Stop"
  /** 8: a new start follows. */
  | "Reset"
  /** 9. */
  | "ConnectRetryTimer_Expires"
  /** 10. */
  | "HoldTimer_Expires"
  /** 11. */
  | "KeepaliveTimer_Expires"
  /** 13. */
  | "IdleHoldTimer_Expires"
  | "SendHoldTimer_Expires"
  /** 16: a connection that this side opened stands. */
  | "Tcp_CR_Acked"
  /** 17: one that the peer opened. */
  | "TcpConnectionConfirmed"
  /** 18. */
  | "TcpConnectionFails"
  /** 19, 22: which of the two, the OPEN says. */
  | "BGPOpen"
  /** 21. */
  | "BGPHeaderErr"
  /** 24, 25. */
  | "NotifMsg"
  /** 26. */
  | "KeepAliveMsg"
  /** 27, 28. */
  | "UpdateMsg"
  | "RouteRefreshMsg";

export type FsmAction =
  /** It cannot be, or does not matter. */
  | "ignore"
  /** Opens a connection → Connect; a passive peer is waited for → Active. */
  | "connect"
  /** Drops the attempt that does not stand yet, if there is one, and makes another. */
  | "connect again"
  /** The connection stands: sends OPEN → OpenSent. */
  | "open"
  /** Takes no connection now: closes it. */
  | "refuse"
  /** OpenCollisionDump (23): the session stands already. Sends OPEN and Cease, and closes. */
  | "dump"
  /** Ends the connection, and goes on waiting for the peer → Active. */
  | "listen"
  /** Ends the connection → Idle. */
  | "fall"
  /** Takes leave with a NOTIFICATION where a connection stands → Idle. */
  | "take leave"
  /** Checks the OPEN, resolves a collision, sends KEEPALIVE → OpenConfirm; a wrong one → Idle. */
  | "confirm"
  /** → Established: the table is sent. */
  | "establish"
  /** Sends the NOTIFICATION that says what is wrong → Idle. */
  | "complain"
  /** Sends KEEPALIVE. */
  | "keep alive"
  /** Starts the hold timer again. */
  | "heard"
  /** Checks what the peer announces and drops it; only what cannot be read at all → Idle. */
  | "read routes"
  /** Sends the table again. */
  | "refresh";

type Row = Readonly<Record<FsmEvent, FsmAction>>;

/**
 * What each event does in each state. While two connections collide (section 6.8) each has a state of
 * its own; the state of the session is then the further one. One choice is not the RFC's: after a failed
 * attempt it goes to Idle unless DelayOpen runs; this goes on listening, as operators know it from routers.
 */
export const FSM = {
  Idle: {
    Start: "connect",
    Stop: "take leave",
    Reset: "take leave",
    ConnectRetryTimer_Expires: "ignore",
    HoldTimer_Expires: "ignore",
    KeepaliveTimer_Expires: "ignore",
    IdleHoldTimer_Expires: "connect",
    SendHoldTimer_Expires: "ignore",
    Tcp_CR_Acked: "ignore",
    TcpConnectionConfirmed: "refuse",
    TcpConnectionFails: "ignore",
    BGPOpen: "ignore",
    BGPHeaderErr: "ignore",
    NotifMsg: "ignore",
    KeepAliveMsg: "ignore",
    UpdateMsg: "ignore",
    RouteRefreshMsg: "ignore",
  },
  Connect: {
    Start: "ignore",
    Stop: "take leave",
    Reset: "take leave",
    ConnectRetryTimer_Expires: "connect again",
    HoldTimer_Expires: "ignore",
    KeepaliveTimer_Expires: "ignore",
    IdleHoldTimer_Expires: "ignore",
    SendHoldTimer_Expires: "ignore",
    Tcp_CR_Acked: "open",
    TcpConnectionConfirmed: "open",
    TcpConnectionFails: "listen",
    BGPOpen: "ignore",
    BGPHeaderErr: "ignore",
    NotifMsg: "ignore",
    KeepAliveMsg: "ignore",
    UpdateMsg: "ignore",
    RouteRefreshMsg: "ignore",
  },
  Active: {
    Start: "ignore",
    Stop: "take leave",
    Reset: "take leave",
    ConnectRetryTimer_Expires: "connect",
    HoldTimer_Expires: "ignore",
    KeepaliveTimer_Expires: "ignore",
    IdleHoldTimer_Expires: "ignore",
    SendHoldTimer_Expires: "ignore",
    Tcp_CR_Acked: "ignore",
    TcpConnectionConfirmed: "open",
    TcpConnectionFails: "ignore",
    BGPOpen: "ignore",
    BGPHeaderErr: "ignore",
    NotifMsg: "ignore",
    KeepAliveMsg: "ignore",
    UpdateMsg: "ignore",
    RouteRefreshMsg: "ignore",
  },
  OpenSent: {
    Start: "ignore",
    Stop: "take leave",
    Reset: "take leave",
    ConnectRetryTimer_Expires: "connect again",
    HoldTimer_Expires: "complain",
    KeepaliveTimer_Expires: "ignore",
    IdleHoldTimer_Expires: "ignore",
    SendHoldTimer_Expires: "fall",
    Tcp_CR_Acked: "ignore",
    TcpConnectionConfirmed: "open",
    TcpConnectionFails: "listen",
    BGPOpen: "confirm",
    BGPHeaderErr: "complain",
    NotifMsg: "fall",
    KeepAliveMsg: "complain",
    UpdateMsg: "complain",
    RouteRefreshMsg: "complain",
  },
  OpenConfirm: {
    Start: "ignore",
    Stop: "take leave",
    Reset: "take leave",
    ConnectRetryTimer_Expires: "connect again",
    HoldTimer_Expires: "complain",
    KeepaliveTimer_Expires: "keep alive",
    IdleHoldTimer_Expires: "ignore",
    SendHoldTimer_Expires: "fall",
    Tcp_CR_Acked: "ignore",
    // Which of the two goes is decided when the peer's OPEN comes on the new one.
    TcpConnectionConfirmed: "open",
    TcpConnectionFails: "fall",
    BGPOpen: "complain",
    BGPHeaderErr: "complain",
    NotifMsg: "fall",
    KeepAliveMsg: "establish",
    UpdateMsg: "complain",
    RouteRefreshMsg: "complain",
  },
  Established: {
    Start: "ignore",
    Stop: "take leave",
    Reset: "take leave",
    ConnectRetryTimer_Expires: "ignore",
    HoldTimer_Expires: "complain",
    KeepaliveTimer_Expires: "keep alive",
    IdleHoldTimer_Expires: "ignore",
    SendHoldTimer_Expires: "fall",
    Tcp_CR_Acked: "ignore",
    TcpConnectionConfirmed: "dump",
    TcpConnectionFails: "fall",
    BGPOpen: "complain",
    BGPHeaderErr: "complain",
    NotifMsg: "fall",
    KeepAliveMsg: "heard",
    UpdateMsg: "read routes",
    RouteRefreshMsg: "refresh",
  },
} as const satisfies Readonly<Record<SessionState, Row>>;

/** The event that a message of each type is. */
export const EVENT_OF: Readonly<Record<number, MessageEvent>> = {
  [MESSAGE.open]: "BGPOpen",
  [MESSAGE.update]: "UpdateMsg",
  [MESSAGE.notification]: "NotifMsg",
  [MESSAGE.keepalive]: "KeepAliveMsg",
  [MESSAGE.routeRefresh]: "RouteRefreshMsg",
};

type MessageEvent = Extract<FsmEvent, "BGPOpen" | "UpdateMsg" | "NotifMsg" | "KeepAliveMsg" | "RouteRefreshMsg">;

/** The subcode of a message that does not belong in the state (RFC 6608). In the other states nothing is read. */
export const UNEXPECTED: Readonly<Record<SessionState, number>> = {
  Idle: 0,
  Connect: 0,
  Active: 0,
  OpenSent: FSM_ERROR.inOpenSent,
  OpenConfirm: FSM_ERROR.inOpenConfirm,
  Established: FSM_ERROR.inEstablished,
};
