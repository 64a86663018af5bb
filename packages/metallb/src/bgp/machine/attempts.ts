import type { Duration, Instant, Seconds } from "#net";
import type { SessionReport } from "../events.ts";
import type { PeerSettings } from "../settings.ts";
import { Backoff } from "./backoff.ts";
import type { FsmEvent } from "./fsm.ts";

/** How long an attempt under guard may take, milliseconds: a neighbour answers the first SYN, or the second. */
const GUARDED_TIME = 2_500;

/** When this side begins: the timers that run without a connection (RFC 4271 section 8), and what holds them off. */
export class Attempts {
  /** Where a session without a connection is: Active listens, Idle does not. */
  resting: "Idle" | "Active" = "Idle";
  /** What this side does by itself: of IdleHoldTimer and ConnectRetryTimer one runs at a time. */
  plan: SessionReport["next"] = null;
  /** BFD says that the peer is down: nothing starts. */
  private held = false;
  private readonly backoff: Backoff;

  constructor(random: () => number) {
    this.backoff = new Backoff(random);
  }

  /** A start: whether to open a connection now; `guarded`: to a neighbour, of which only TTL 255 is taken. */
  begin({ passive, connectTime }: PeerSettings, guarded: boolean, now: Instant): boolean {
    this.resting = "Active";
    if (passive) return false;
    this.plan = { kind: "give up", at: now + this.backoff.attempt(connectTime, guarded ? GUARDED_TIME : undefined) };
    return true;
  }

  /** No attempt is under way, and none is needed. */
  settle(): void {
    this.plan = null;
  }

  /** The session ended; `again`: after how long the next attempt begins, or never. */
  rest(resting: "Idle" | "Active", again: Duration | null, now: Instant): void {
    this.resting = resting;
    this.plan = again === null || this.held ? null : { kind: "connect", at: now + again };
  }

  hold(): void {
    this.held = true;
  }

  /** False: nothing was held. */
  release(now: Instant): boolean {
    if (!this.held) return false;
    this.held = false;
    this.plan = { kind: "connect", at: now + this.backoff.afresh() };
    return true;
  }

  /** The pause after an end; `stood`: how long the session was Established, 0: it was not. */
  pause(stood: Duration, connectTime: Seconds | null): Duration {
    return this.backoff.pause(stood, connectTime);
  }

  /** The pause before a start of which what failed before says nothing. */
  afresh(): Duration {
    return this.backoff.afresh();
  }

  /** Consecutive ends without a session that was stable (ConnectRetryCounter). */
  get failures(): number {
    return this.backoff.failures;
  }

  /** The timer that is due, once; null: none is. */
  expired(now: Instant): FsmEvent | null {
    const { plan } = this;
    if (plan === null || plan.at > now) return null;
    this.plan = null;
    return this.resting === "Idle" ? "IdleHoldTimer_Expires" : "ConnectRetryTimer_Expires";
  }
}
