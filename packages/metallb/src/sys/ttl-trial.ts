import type { Family } from "#net";
import { acknowledgements, setMinTtl } from "./libc.ts";

/** A connection younger than this is busy with its beginning, milliseconds. */
const BEGINNING = 1_000;
/**
 * How long a neighbour may take to acknowledge, milliseconds: more than its kernel delays that, and less than ours waits
 * before it sends again (200), after which it would hold back what follows.
 */
const WINDOW = 150;
const TRIES = 3;
/** Only something so short is tried with, octets: a KEEPALIVE, which nobody waits for. */
const PROBE = 19;

/**
 * Finds out whether a neighbour sends with TTL 255 (RFC 5082), which its handshake does not tell: a
 * listener's TTL is not that of its connections. For the moment of a KEEPALIVE only such segments are
 * taken. When it is acknowledged, it stays so; when not, or when there is something else to send, all are taken again.
 */
export class TtlTrial {
  private readonly fd: number;
  private readonly family: Family;
  private readonly passed: () => void;
  private readonly from: number;
  private left = TRIES;
  /** Octets that were acknowledged before the trial. */
  private before = 0n;
  private running: NodeJS.Timeout | null = null;

  constructor(fd: number, family: Family, passed: () => void, beginning = BEGINNING) {
    this.from = performance.now() + beginning;
    this.fd = fd;
    this.family = family;
    this.passed = passed;
  }

  /** So many octets are about to be sent; `idle`: nothing waits before them. */
  beforeSend(octets: number, idle: boolean): void {
    if (this.running) return this.giveWay();
    if (this.left === 0 || !idle || octets > PROBE || performance.now() < this.from) return;
    setMinTtl(this.fd, this.family, 255);
    this.before = acknowledgements(this.fd).acknowledged;
    this.running = setTimeout(() => this.look(), WINDOW);
  }

  /** The connection ends: its descriptor must not be asked any more. */
  end(): void {
    this.left = 0;
    if (this.running) clearTimeout(this.running);
  }

  /** Routes must not wait for an acknowledgement that is not taken. */
  private giveWay(): void {
    if (this.running) clearTimeout(this.running);
    this.running = null;
    setMinTtl(this.fd, this.family, 0);
  }

  private look(): void {
    this.running = null;
    this.left--;
    const { unacknowledged, acknowledged } = acknowledgements(this.fd);
    // Nothing that waits proves nothing: where the interface is down, or a firewall drops, nothing was sent.
    if (unacknowledged > 0 || acknowledged === this.before) return setMinTtl(this.fd, this.family, 0);
    this.left = 0;
    this.passed();
  }
}

/** How long a neighbour may take to say something on a connection that it took, milliseconds. */
const PROOF = 1_000;

/**
 * A connection of which only segments with TTL 255 are taken, because an earlier one had them, and of which nothing
 * came yet: the neighbour may be set up otherwise by now, since that its handshake came proves nothing. What
 * stays away is asked for without the guard, and TCP repeats it.
 */
export class TtlProof {
  private readonly timer: NodeJS.Timeout;

  constructor(fd: number, family: Family, failed: () => void) {
    this.timer = setTimeout(() => {
      setMinTtl(fd, family, 0);
      failed();
    }, PROOF);
  }

  /** Something came, or the connection ends. */
  end(): void {
    clearTimeout(this.timer);
  }
}
