import type { Duration, Instant, Seconds } from "#net";
import type { PeerSettings } from "../settings.ts";
import { Backoff } from "./backoff.ts";
import type { FsmEvent } from "./fsm.ts";
import { Timers } from "./timers.ts";

/** When this side begins: the timers that run without a connection (RFC 4271 section 8), and what holds them off. */
export class Attempts {
  /** Where a session without a connection is: Active listens, Idle does not. */
  resting: "Idle" | "Active" = "Idle";
  /** BFD says that the peer is down: nothing starts. */
  private held = false;
  /** The retry timer limits an attempt, and does not wait for the next. */
  private attempting = false;
  private readonly timers = new Timers();
  private readonly backoff: Backoff;

  constructor(random: () => number) {
    this.backoff = new Backoff(random);
  }

  /** A start: whether to open a connection now. */
  begin({ passive, connectTime }: PeerSettings, now: Instant): boolean {
    this.timers.clear();
    if (this.held) return false;
    this.resting = "Active";
    if (passive) return false;
    this.timers.set("connectRetry", now + this.backoff.attempt(connectTime));
    this.attempting = true;
    return true;
  }

  /** The session stands. */
  settle(): void {
    this.timers.clear();
  }

  /** The session ended; `again`: after how long the next attempt begins, or never. */
  rest(resting: "Idle" | "Active", again: Duration | null, now: Instant): void {
    this.resting = resting;
    this.attempting = false;
    this.timers.clear();
    if (again !== null && !this.held) this.timers.set(resting === "Idle" ? "idleHold" : "connectRetry", now + again);
  }

  hold(): void {
    this.held = true;
  }

  /** False: nothing was held. */
  release(now: Instant): boolean {
    if (!this.held) return false;
    this.held = false;
    this.timers.set("idleHold", now + this.backoff.afresh());
    return true;
  }

  /** The pause after an end; `stood`: how long the session was Established, null: it was not. */
  pause(stood: Duration | null, connectTime: Seconds | null): Duration {
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

  /** What this side does by itself; an attempt under way is given up and made again. */
  get plan(): { readonly kind: "connect" | "give up"; readonly at: Instant } | null {
    const idle = this.timers.at("idleHold");
    if (idle !== null) return { kind: "connect", at: idle };
    const retry = this.timers.at("connectRetry");
    return retry === null ? null : { kind: this.attempting ? "give up" : "connect", at: retry };
  }

  next(): Instant | null {
    return this.timers.next();
  }

  expired(now: Instant): readonly FsmEvent[] {
    return this.timers
      .expired(now)
      .map(({ name }) => (name === "idleHold" ? "IdleHoldTimer_Expires" : "ConnectRetryTimer_Expires"));
  }
}
