import { ByteReader, ByteWriter, type Duration } from "#net";
import type { Instant } from "./events.ts";

/** What our echo packets begin with, so that others on the port are known as others. */
const MAGIC = 0x6d6c_6266;
const LENGTH = 20;

/**
 * The echo function of one session (RFC 5880 section 6.4, RFC 5881 section 4): packets that the peer sends
 * back without looking at them, so that its forwarding is tested, at a rate that its control plane need not bear.
 */
export class EchoFunction {
  private readonly discriminator: number;
  private readonly random: () => number;
  /** What nobody knows who has not seen a packet of ours. */
  private readonly secret: readonly [number, number];
  private interval: Duration = 0;
  private sequence = 0;
  private sendAt: Instant | null = null;
  private detectAt: Instant | null = null;

  constructor(discriminator: number, random: () => number) {
    this.discriminator = discriminator;
    this.random = random;
    const word = (): number => Math.floor(random() * 0x1_0000_0000);
    this.secret = [word(), word()];
  }

  get isRunning(): boolean {
    return this.detectAt !== null;
  }

  /** Begins, or goes on with another interval; `patience`: so long the first may be away. */
  run(interval: Duration, patience: Duration, now: Instant): void {
    if (this.isRunning && interval === this.interval) return;
    const isNew = !this.isRunning;
    this.interval = interval;
    this.sendAt = now;
    if (isNew) this.detectAt = now + patience;
  }

  stop(): void {
    this.sendAt = null;
    this.detectAt = null;
  }

  /** The packet that is due; null: none is. */
  due(now: Instant): Uint8Array | null {
    if (this.sendAt === null || this.sendAt > now) return null;
    // As control packets are spread (section 6.8.7), so that many sessions do not beat together.
    this.sendAt = now + this.interval * (1 - 0.25 * this.random());
    this.sequence = (this.sequence + 1) % 0x1_0000_0000;
    const [high, low] = this.secret;
    return new ByteWriter(LENGTH).u32(MAGIC).u32(this.discriminator).u32(this.sequence).u32(high).u32(low).bytes();
  }

  /** One came back: whether it is of this session and no older than the detection time allows. */
  returned(bytes: Uint8Array, detectMultiplier: number, now: Instant): boolean {
    const reader = new ByteReader(bytes);
    const [magic, discriminator, sequence, high, low] = [
      reader.u32(),
      reader.u32(),
      reader.u32(),
      reader.u32(),
      reader.u32(),
    ];
    if (magic !== MAGIC || discriminator !== this.discriminator) return false;
    if (high !== this.secret[0] || low !== this.secret[1] || !this.isRunning) return false;
    const age = (this.sequence - sequence + 0x1_0000_0000) % 0x1_0000_0000;
    if (age > 2 * detectMultiplier) return false;
    this.detectAt = now + detectMultiplier * this.interval;
    return true;
  }

  /** So many as the multiplier says are missing. */
  hasFailed(now: Instant): boolean {
    return this.detectAt !== null && this.detectAt <= now;
  }

  get nextTimer(): Instant | null {
    if (this.sendAt === null || this.detectAt === null) return null;
    return Math.min(this.sendAt, this.detectAt);
  }
}

/** Of which session an echo packet of ours is; null: it is not ours. */
export function echoDiscriminator(bytes: Uint8Array): number | null {
  const reader = new ByteReader(bytes);
  return bytes.length >= LENGTH && reader.u32() === MAGIC ? reader.u32() : null;
}
