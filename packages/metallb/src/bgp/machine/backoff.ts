import { backoff, type Duration, type Seconds } from "#net";

/** Milliseconds that one attempt to connect may take (ConnectRetryTime, RFC 4271 section 10, made short). */
const CONNECT_TIME = 10_000;
/** Pauses between attempts, with the jitter of RFC 4271 section 10: 0.75 to 1 of each time. */
const PAUSE = { first: 1_000, max: 120_000, sure: 0.75 };
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
  attempt(connectTime: Seconds | null, limit = Number.POSITIVE_INFINITY): Duration {
    return this.jittered(Math.min(limit, connectTime ? connectTime * 1000 : CONNECT_TIME));
  }

  /**
   * The pause after an end. `stood`: how long the session was Established, in milliseconds; 0: it was
   * not. `connectTime` bounds the pause.
   */
  pause(stood: Duration, connectTime: Seconds | null): Duration {
    if (stood >= STABLE) return this.afresh();
    const max = connectTime ? Math.min(connectTime * 1000, PAUSE.max) : PAUSE.max;
    return backoff({ ...PAUSE, max }, ++this.failures, this.random());
  }

  /** The pause before a start of which what failed before says nothing: other settings, a peer that is back. */
  afresh(): Duration {
    this.failures = 0;
    return this.jittered(BREATH);
  }

  private jittered(time: Duration): Duration {
    return backoff({ ...PAUSE, first: time, max: time }, 1, this.random());
  }
}
