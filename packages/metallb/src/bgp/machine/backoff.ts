import type { Seconds } from "#net";

/** Milliseconds that one attempt to connect may take (ConnectRetryTime, RFC 4271 section 10, made short). */
const CONNECT_TIME = 10_000;
/** First and longest pause between attempts, milliseconds. */
const FIRST_PAUSE = 1_000;
const MAX_PAUSE = 120_000;
/** A session that stood so long, in milliseconds, is tried again at once; one that fell sooner is as one that never stood. */
const STABLE = 10_000;
/** Pause after a session that stood, so that the peer can clean up; milliseconds. */
const BREATH = 100;

/**
 * When a session is tried again: at once after one that was stable, else after 1, 2, 4 … 120 s (RFC 4271
 * section 8.1.1, DampPeerOscillations). A peer that closes right after Established is not sent the whole
 * table every second for ever. All times are spread so that peers do not come together
 * (section 10).
 */
export class Backoff {
  /** ConnectRetryCounter: consecutive ends without a session that was stable. */
  failures = 0;
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** How long one attempt may take; `connectTime` as configured, in seconds. */
  attempt(connectTime: Seconds | null): number {
    return (connectTime ? connectTime * 1000 : CONNECT_TIME) * this.jitter();
  }

  /**
   * The pause after an end. `stood`: how long the session was Established, in milliseconds; null: it was
   * not. `connectTime` bounds the pause.
   */
  pause(stood: number | null, connectTime: Seconds | null): number {
    if (stood !== null && stood >= STABLE) return this.afresh();
    const bound = connectTime ? Math.min(connectTime * 1000, MAX_PAUSE) : MAX_PAUSE;
    return Math.min(FIRST_PAUSE * 2 ** Math.min(this.failures++, 20), bound) * this.jitter();
  }

  /** The pause before a start of which what failed before says nothing: other settings, a peer that is back. */
  afresh(): number {
    this.failures = 0;
    return BREATH * this.jitter();
  }

  private jitter(): number {
    return 0.75 + 0.25 * this.random();
  }
}
