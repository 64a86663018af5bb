import { ByteReader, ByteWriter } from "#net";
import { crc32 } from "./crc32.ts";
import { compress, decompress } from "./lzw.ts";
import { decodeMessage, type GossipMessage, TYPE } from "./messages.ts";
import { packFields, unpackFields } from "./msgpack.ts";

/** AES-256-GCM with this cluster's key. */
export interface GossipCipher {
  /** Ciphertext and the tag of 16 octets behind it. */
  seal(plain: Uint8Array, nonce: Uint8Array, additional: Uint8Array): Uint8Array;
  /** Null: not sealed with this key. */
  open(sealed: Uint8Array, nonce: Uint8Array, additional: Uint8Array): Uint8Array | null;
  /** Twelve octets that were never used with this key. */
  nonce(): Uint8Array;
}

export interface PacketOptions {
  /** Null: in clear text. */
  readonly cipher: GossipCipher | null;
  readonly compress: boolean;
}

const ENCRYPTION_VERSION = 1;
const NONCE = 12;
const TAG = 16;
const NOTHING = new Uint8Array();
/** What a datagram may grow to when it is opened. */
const MAX_OPENED = 1 << 16;
/** Wrappings within wrappings: compressed, checked, compound. */
const MAX_DEPTH = 4;
/** Octets that wrapping adds to a message in a compound at most. */
export const COMPOUND_OVERHEAD = { packet: 2 + 5 + 1 + NONCE + TAG, part: 2 } as const;

export function sealPayload(plain: Uint8Array, cipher: GossipCipher, additional: Uint8Array): Uint8Array {
  const nonce = cipher.nonce();
  return new ByteWriter(plain.length + 1 + NONCE + TAG)
    .u8(ENCRYPTION_VERSION)
    .put(nonce)
    .put(cipher.seal(plain, nonce, additional))
    .bytes();
}

/** Version 0 is padded (PKCS #7), version 1 is not. Null: not ours to read. */
export function openPayload(sealed: Uint8Array, cipher: GossipCipher, additional: Uint8Array): Uint8Array | null {
  const version = sealed[0];
  if ((version !== 0 && version !== ENCRYPTION_VERSION) || sealed.length < 1 + NONCE + TAG) return null;
  const plain = cipher.open(sealed.subarray(1 + NONCE), sealed.subarray(1, 1 + NONCE), additional);
  if (plain === null || version === ENCRYPTION_VERSION) return plain;
  const padding = plain[plain.length - 1] ?? 0;
  return padding === 0 || padding > 16 || padding > plain.length ? null : plain.subarray(0, plain.length - padding);
}

/** What is shorter never gets shorter. */
const WORTHWHILE = 96;

/** Wrapped in a compression message where that makes it shorter. */
export function compressed(plain: Uint8Array): Uint8Array {
  if (plain.length < WORTHWHILE) return plain;
  const buffer = compress(plain);
  if (buffer.length + 16 >= plain.length) return plain;
  const writer = new ByteWriter(buffer.length + 32).u8(TYPE.compress);
  packFields(writer, { Algo: 0, Buf: buffer });
  return writer.bytes();
}

/** What a compression message holds; null: broken, or too large. */
export function decompressed(reader: ByteReader, limit: number): Uint8Array | null {
  const fields = unpackFields(reader);
  return reader.failed || fields.uint("Algo") !== 0 ? null : decompress(fields.octets("Buf"), limit);
}

/**
 * One datagram for one member: `messages` are encoded ones. `check` adds the checksum that members of
 * protocol 5 look at.
 */
export function encodePacket(
  messages: readonly Uint8Array[],
  { cipher, compress: wantsCompression }: PacketOptions,
  check: boolean,
): Uint8Array {
  let packet = messages.length === 1 ? (messages[0] as Uint8Array) : compound(messages);
  if (wantsCompression) packet = compressed(packet);
  if (check) packet = new ByteWriter(packet.length + 5).u8(TYPE.crc).u32(crc32(packet)).put(packet).bytes();
  return cipher === null ? packet : sealPayload(packet, cipher, NOTHING);
}

function compound(messages: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(1_500).u8(TYPE.compound).u8(messages.length);
  for (const { length } of messages) writer.u16(length);
  for (const message of messages) writer.put(message);
  return writer.bytes();
}

/** The messages of a datagram, in order. Null: none is to be read, or it is not sealed as it must be. */
export function decodePacket(datagram: Uint8Array, cipher: GossipCipher | null): readonly GossipMessage[] | null {
  const packet = cipher === null ? datagram : openPayload(datagram, cipher, NOTHING);
  if (packet === null) return null;
  const messages: GossipMessage[] = [];
  return collect(packet, messages, 0) || messages.length > 0 ? messages : null;
}

function collect(packet: Uint8Array, into: GossipMessage[], depth: number): boolean {
  if (packet.length === 0 || depth > MAX_DEPTH) return false;
  const reader = new ByteReader(packet);
  switch (reader.u8()) {
    case TYPE.crc: {
      const sum = reader.u32();
      const rest = reader.view(reader.remaining);
      return !reader.failed && crc32(rest) === sum && collect(rest, into, depth + 1);
    }
    case TYPE.compress: {
      const plain = decompressed(reader, MAX_OPENED);
      return plain !== null && collect(plain, into, depth + 1);
    }
    case TYPE.compound: {
      const lengths = Array.from({ length: reader.u8() }, () => reader.u16());
      if (reader.failed) return false;
      for (const length of lengths) {
        const part = reader.view(length);
        if (reader.failed) return false;
        collect(part, into, depth + 1);
      }
      return true;
    }
    default: {
      const message = decodeMessage(packet);
      if (message === null) return false;
      into.push(message);
      return true;
    }
  }
}
