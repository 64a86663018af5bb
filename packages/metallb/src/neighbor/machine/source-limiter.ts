import type { Instant } from "../events.ts";

const SLOTS = 1_024;

/**
 * How many answers a station gets: `rate` a second, and `burst` at once. In fixed memory: stations
 * whose addresses fall together share, so that forged ones gain nothing.
 */
export class SourceLimiter {
  private readonly tokens: Float64Array;
  private readonly refilled = new Float64Array(SLOTS);
  private readonly perMillisecond: number;
  private readonly burst: number;

  constructor(rate: number, burst: number) {
    this.perMillisecond = rate / 1_000;
    this.burst = burst;
    this.tokens = new Float64Array(SLOTS).fill(burst);
  }

  take(mac: Uint8Array, now: Instant): boolean {
    const slot = slotOf(mac);
    const earned = Math.max(0, now - (this.refilled[slot] as number)) * this.perMillisecond;
    const held = Math.min(this.burst, (this.tokens[slot] as number) + earned);
    this.refilled[slot] = now;
    this.tokens[slot] = held < 1 ? held : held - 1;
    return held >= 1;
  }
}

function slotOf(mac: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const octet of mac) hash = Math.imul(hash ^ octet, 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
