/**
 * A cursor over received octets, big-endian. Reading past the end returns zero and sets `failed`,
 * so that a decoder can read a whole structure and ask once.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;
  failed = false;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  private take(count: number): number {
    const at = this.offset;
    if (count < 0 || at + count > this.end) {
      this.failed = true;
      this.offset = this.end;
      return -1;
    }
    this.offset = at + count;
    return at;
  }

  u8(): number {
    const at = this.take(1);
    return at < 0 ? 0 : (this.bytes[at] as number);
  }

  u16(): number {
    const at = this.take(2);
    return at < 0 ? 0 : ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  u32(): number {
    const at = this.take(4);
    if (at < 0) return 0;
    const b = this.bytes;
    return (
      (b[at] as number) * 0x1000000 +
      (((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number))
    );
  }

  /** The next octets, sharing the reader's memory; empty when there are not so many. */
  view(count: number): Uint8Array {
    const at = this.take(count);
    return at < 0 ? this.bytes.subarray(0, 0) : this.bytes.subarray(at, at + count);
  }

  /** A reader over the next octets alone. */
  sub(count: number): ByteReader {
    const at = this.take(count);
    const reader = at < 0 ? new ByteReader(this.bytes, this.end, this.end) : new ByteReader(this.bytes, at, at + count);
    if (at < 0) reader.failed = true;
    return reader;
  }
}

/** Octets being written, big-endian, growing as needed. */
export class ByteWriter {
  private buffer: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity);
  }

  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length));
      grown.set(this.buffer.subarray(0, at));
      this.buffer = grown;
    }
    return at;
  }

  u8(value: number): this {
    const at = this.reserve(1);
    this.buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    this.patchU16(this.reserve(2), value);
    return this;
  }

  u32(value: number): this {
    const at = this.reserve(4);
    this.buffer[at] = value >>> 24;
    this.buffer[at + 1] = value >>> 16;
    this.buffer[at + 2] = value >>> 8;
    this.buffer[at + 3] = value;
    return this;
  }

  /**
   * The memory with room for so many octets from {@link length} on, for a loop that writes many of them itself;
   * {@link advance} says how many it wrote.
   */
  room(count: number): Uint8Array {
    this.length = this.reserve(count);
    return this.buffer;
  }

  advance(count: number): void {
    this.length += count;
  }

  put(bytes: Uint8Array): this {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  fill(value: number, count: number): this {
    const at = this.reserve(count);
    this.buffer.fill(value, at, at + count);
    return this;
  }

  /** Overwrites two octets written before, such as a length that is known only at the end. */
  patchU16(at: number, value: number): void {
    this.buffer[at] = value >>> 8;
    this.buffer[at + 1] = value;
  }

  patchU8(at: number, value: number): void {
    this.buffer[at] = value;
  }

  /** What was written, sharing memory until the next write. */
  view(from = 0): Uint8Array {
    return this.buffer.subarray(from, this.length);
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  /** Forgets what was written after `length`; the memory is kept. */
  truncate(length = 0): void {
    this.length = length;
  }
}
