import type { Family } from "#net";
import { acknowledgements, setMinTtl } from "./libc.ts";

/** A connection younger than this is busy with its beginning, milliseconds. */
const BEGINNING = 1_000;
/** How long a neighbour may take to acknowledge, milliseconds: more than its kernel delays that. */
const WINDOW = 300;
const TRIES = 3;

/**
 * Finds out whether a neighbour sends with TTL 255 (RFC 5082), which its handshake does not tell: a
 * listener's TTL is not that of its connections. For a moment only such segments are taken. When what was
 * sent in it is acknowledged, it stays so; when not, all are taken again, and TCP repeats what was lost.
 */
export class TtlTrial {
  private readonly fd: number;
  private readonly family: Family;
  private readonly passed: () => void;
  private readonly from = performance.now() + BEGINNING;
  private left = TRIES;
  /** Octets that were acknowledged before the trial. */
  private before = 0n;
  private running: NodeJS.Timeout | null = null;

  constructor(fd: number, family: Family, passed: () => void) {
    this.fd = fd;
    this.family = family;
    this.passed = passed;
  }

  /** Something is about to be sent on an idle connection. */
  beforeSend(): void {
    if (this.left === 0 || this.running || performance.now() < this.from) return;
    this.left--;
    setMinTtl(this.fd, this.family, 255);
    this.before = acknowledgements(this.fd).acknowledged;
    this.running = setTimeout(() => this.look(), WINDOW);
  }

  /** The connection ends: its descriptor must not be asked any more. */
  end(): void {
    this.left = 0;
    if (this.running) clearTimeout(this.running);
  }

  private look(): void {
    this.running = null;
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
