import { err, ok, type Result } from "#net";
import { ERROR, HEADER_ERROR, HEADER_LENGTH, MAX_EXTENDED_LENGTH, MAX_LENGTH, MESSAGE } from "./constants.ts";
import { type Notification, notification } from "./notification.ts";

/** One framed message: the type of its header and the octets after it. */
export interface Frame {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Least length of each type, RFC 4271 section 6.1; ROUTE-REFRESH: RFC 2918 section 3. */
const LEAST: Readonly<Record<number, number>> = { 1: 29, 2: 23, 3: 21, 4: 19, 5: 23 };

const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream of octets into messages. Holds at most one message and copies each octet at most
 * once, however small the pieces come. A bad header is an error for good, shaped as the NOTIFICATION
 * to send (RFC 4271 section 6.1).
 */
export class Framer {
  /** The message that is not whole: its header first, then a buffer of its length. */
  private partial = NOTHING;
  private filled = 0;
  private failure: Notification | null = null;
  /** Whether messages up to 65,535 octets may come (RFC 8654); may be set between two messages. */
  extended = false;

  /**
   * The messages that are whole with these octets, in order; they share memory with `bytes`. To be
   * read to the end, unless the connection is given up.
   */
  *push(bytes: Uint8Array): Generator<Result<Frame, Notification>, undefined> {
    let at = 0;
    while (this.failure === null && at < bytes.length) {
      if (this.filled > 0 || bytes.length - at < HEADER_LENGTH) {
        at = this.gather(bytes, at);
        if (this.filled < HEADER_LENGTH) return;
      }
      const head = this.filled > 0 ? this.partial : bytes.subarray(at);
      const length = this.check(head);
      if (!length.ok) {
        this.failure = length.error;
        yield length;
        return;
      }
      if (this.filled === 0 && at + length.value <= bytes.length) {
        yield ok({ type: head[18] as number, body: head.subarray(HEADER_LENGTH, length.value) });
        at += length.value;
        continue;
      }
      at = this.gather(bytes, at, length.value);
      if (this.filled < length.value) return;
      yield ok({ type: this.partial[18] as number, body: this.partial.subarray(HEADER_LENGTH) });
      this.release();
    }
  }

  /** Takes octets into the partial message until it has `want`; gives where the rest begins. */
  private gather(bytes: Uint8Array, at: number, want = Math.max(HEADER_LENGTH, this.partial.length)): number {
    if (this.partial.length < want) {
      const grown = new Uint8Array(want);
      grown.set(this.partial.subarray(0, this.filled));
      this.partial = grown;
    }
    const taken = bytes.subarray(at, at + want - this.filled);
    this.partial.set(taken, this.filled);
    this.filled += taken.length;
    return at + taken.length;
  }

  private release(): void {
    this.partial = NOTHING;
    this.filled = 0;
  }

  private check(bytes: Uint8Array): Result<number, Notification> {
    for (let i = 0; i < 16; i++)
      if (bytes[i] !== 0xff) return err(notification(ERROR.header, HEADER_ERROR.notSynchronized));
    const length = ((bytes[16] as number) << 8) | (bytes[17] as number);
    const type = bytes[18] as number;
    const badLength = err(notification(ERROR.header, HEADER_ERROR.badLength, bytes.slice(16, 18)));
    if (length < HEADER_LENGTH) return badLength;
    const least = LEAST[type];
    if (least === undefined) return err(notification(ERROR.header, HEADER_ERROR.badType, Uint8Array.of(type)));
    // RFC 8654 section 4: OPEN and KEEPALIVE keep the old bound.
    const small = type === MESSAGE.open || type === MESSAGE.keepalive || !this.extended;
    const tooLong = length > (small ? MAX_LENGTH : MAX_EXTENDED_LENGTH);
    return length < least || tooLong || (type === MESSAGE.keepalive && length !== least) ? badLength : ok(length);
  }
}
