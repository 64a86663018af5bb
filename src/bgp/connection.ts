import type { Ip } from "#net";
import type { ConnectionId, Instant } from "./events.ts";
import { Framer } from "./packet/framer.ts";
import type { Open } from "./packet/open.ts";
import { Timers } from "./timers.ts";

/**
 * One TCP connection to a peer with the part of the state machine that belongs to it: during a
 * collision (RFC 4271 section 6.8) a session has two.
 */
export class Connection {
  readonly id: ConnectionId;
  readonly outgoing: boolean;
  state: "Connect" | "OpenSent" | "OpenConfirm" | "Established" = "Connect";
  readonly framer = new Framer();
  readonly timers = new Timers();
  local: Ip | null = null;
  remote: Ip | null = null;
  /** The peer's OPEN, from OpenConfirm on. */
  open: Open | null = null;
  /** Seconds, from OpenConfirm on. */
  holdTime = 0;
  /** Since when octets wait to be handed to the kernel; null: none do. */
  waitingSince: Instant | null = null;

  constructor(id: ConnectionId, outgoing: boolean) {
    this.id = id;
    this.outgoing = outgoing;
  }
}
