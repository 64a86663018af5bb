import type { Instant } from "../events.ts";

const TELL_EVERY = 1_000;

/**
 * How long a suspected member has to refute: the more members suspect it independently, the less
 * (Lifeguard: Dadgar, Phillips, Currey, 2017).
 */
export class Suspicion {
  readonly startedAt: Instant;
  private readonly from: Set<string>;
  private readonly wanted: number;
  private readonly minimum: number;
  private readonly maximum: number;
  private confirmations = 0;
  private toldAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(from: string, wanted: number, minimum: number, maximum: number, now: Instant) {
    this.from = new Set([from]);
    this.wanted = wanted;
    this.minimum = minimum;
    this.maximum = maximum;
    this.startedAt = now;
  }

  /** Gives whether it is news that others should hear. */
  confirm(from: string): boolean {
    if (this.confirmations >= this.wanted || this.from.has(from)) return false;
    this.from.add(from);
    this.confirmations += 1;
    return true;
  }

  /** Whether the suspected is to be told now: once a second at most. */
  mayTell(now: Instant): boolean {
    if (now - this.toldAt < TELL_EVERY) return false;
    this.toldAt = now;
    return true;
  }

  get endsAt(): Instant {
    if (this.wanted < 1) return this.startedAt + this.minimum;
    const share = Math.log(this.confirmations + 1) / Math.log(this.wanted + 1);
    return this.startedAt + Math.max(this.minimum, this.maximum - share * (this.maximum - this.minimum));
  }
}
