import { err, ok, type Result } from "#net";
import { ERROR, HEADER_ERROR, HEADER_LENGTH, MAX_EXTENDED_LENGTH, MAX_LENGTH, MESSAGE } from "./constants.ts";
import { type Notification, notification } from "./notification.ts";

/** One framed message: the type of its header and the octets after it. */
export interface Frame {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Least length of each type, RFC 4271 section 6.1; ROUTE-REFRESH: RFC 7313 section 5. */
const LEAST: Readonly<Record<number, number>> = { 1: 29, 2: 23, 3: 21, 4: 19, 5: 23 };

/**
 * Cuts a stream of octets into messages. Holds at most one message; a bad header is an error for good,
 * shaped as the NOTIFICATION to send (RFC 4271 section 6.1).
 */
export class Framer {
  private held = new Uint8Array(0);
  private failure: Notification | null = null;
  /** Whether messages up to 65,535 octets may come (RFC 8654). */
  extended = false;

  /** The messages that are whole with these octets, in order; they share memory with `bytes`. */
  *push(bytes: Uint8Array): Generator<Result<Frame, Notification>, undefined> {
    let rest = this.held.length === 0 ? bytes : join(this.held, bytes);
    while (this.failure === null && rest.length >= HEADER_LENGTH) {
      const length = this.check(rest);
      if (!length.ok) {
        this.failure = length.error;
        yield length;
        break;
      }
      if (rest.length < length.value) break;
      yield ok({ type: rest[18] as number, body: rest.subarray(HEADER_LENGTH, length.value) });
      rest = rest.subarray(length.value);
    }
    this.held = this.failure === null ? rest.slice() : new Uint8Array(0);
  }

  private check(bytes: Uint8Array): Result<number, Notification> {
    for (let i = 0; i < 16; i++)
      if (bytes[i] !== 0xff) return err(notification(ERROR.header, HEADER_ERROR.notSynchronized));
    const length = ((bytes[16] as number) << 8) | (bytes[17] as number);
    const type = bytes[18] as number;
    const least = LEAST[type];
    const field = bytes.slice(16, 18);
    if (least === undefined) {
      if (length < HEADER_LENGTH) return err(notification(ERROR.header, HEADER_ERROR.badLength, field));
      return err(notification(ERROR.header, HEADER_ERROR.badType, Uint8Array.of(type)));
    }
    const small = type === MESSAGE.open || type === MESSAGE.keepalive || !this.extended;
    const tooLong = length > (small ? MAX_LENGTH : MAX_EXTENDED_LENGTH);
    if (length < least || tooLong || (type === MESSAGE.keepalive && length !== HEADER_LENGTH))
      return err(notification(ERROR.header, HEADER_ERROR.badLength, field));
    return ok(length);
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
