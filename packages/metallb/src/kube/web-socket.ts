/** Frames of a WebSocket (RFC 6455), as a client sends and receives them. Pure but for the mask, which is given. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Message {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A message of more is no answer that anybody here asks for. */
const MAX_MESSAGE = 64 * 1024 * 1024;

/** One whole message as one frame; what a client sends is masked (section 5.3). */
export function encodeFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Buffer {
  const { length } = payload;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(size + 4 + length);
  frame[0] = 0x80 | opcode;
  if (size === 2) frame[1] = 0x80 | length;
  else if (size === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(mask, size);
  for (let i = 0; i < length; i++) frame[size + 4 + i] = (payload[i] as number) ^ (mask[i & 3] as number);
  return frame;
}

/** Cuts what arrives into messages, in pieces of any length. */
export class FrameReader {
  private held: Buffer = Buffer.alloc(0);
  private parts: Buffer[] = [];
  private gathered = 0;
  private opcode: number = OPCODE.binary;

  /** @throws Error where the other side does not keep to the protocol */
  *push(piece: Buffer): Generator<Message> {
    this.held = this.held.length === 0 ? piece : Buffer.concat([this.held, piece]);
    for (let frame = this.take(); frame !== null; frame = this.take()) {
      const { opcode, payload, isLast } = frame;
      // Control frames may come between the parts of a message (section 5.4).
      if (opcode >= OPCODE.close) {
        yield { opcode, payload };
        continue;
      }
      if (opcode !== OPCODE.continuation) this.opcode = opcode;
      this.parts.push(payload);
      this.gathered += payload.length;
      if (this.gathered > MAX_MESSAGE) throw new Error("a message of the WebSocket is too long");
      if (!isLast) continue;
      yield { opcode: this.opcode, payload: Buffer.concat(this.parts) };
      this.parts = [];
      this.gathered = 0;
    }
  }

  private take(): (Message & { readonly isLast: boolean }) | null {
    const { held } = this;
    if (held.length < 2) return null;
    const [first = 0, second = 0] = held;
    if ((second & 0x80) !== 0) throw new Error("the server masks its frames, which RFC 6455 forbids");
    const short = second & 0x7f;
    const size = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (held.length < size) return null;
    const length = size === 2 ? short : size === 4 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2));
    if (length > MAX_MESSAGE) throw new Error("a frame of the WebSocket is too long");
    if (held.length < size + length) return null;
    this.held = held.subarray(size + length);
    return { opcode: first & 0x0f, payload: held.subarray(size, size + length), isLast: (first & 0x80) !== 0 };
  }
}
