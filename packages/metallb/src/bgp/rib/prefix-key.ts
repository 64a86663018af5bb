import type { ByteWriter, Prefix } from "#net";
import type { AddressFamily } from "../settings.ts";

/**
 * A prefix in as little memory as a table of many needs, equal where the prefixes are: for IPv4 the
 * number address × 64 + length, for IPv6 the bigint address × 256 + length.
 */
export type PrefixKey = number | bigint;

export const keyOf = ({ ip, length }: Prefix): PrefixKey =>
  ip.family === 4 ? Number(ip.value) * 64 + length : (ip.value << 8n) | BigInt(length);

export const familyOfKey = (key: PrefixKey): AddressFamily =>
  typeof key === "number" ? "ipv4-unicast" : "ipv6-unicast";

const lengthOf = (key: bigint): number => Number(key & 0xffn);

/**
 * Writes prefixes from `from` on as RFC 4271 section 4.3 has them, each its length in bits and as few octets as hold
 * it, as many as fit `room` octets; gives the first that does not. One loop for each family, without a call for each prefix:
 * the table of a new session is encoded before the compiler has seen the code often.
 */
export function writeNlri(writer: ByteWriter, keys: readonly PrefixKey[], from: number, room: number): number {
  return typeof keys[from] === "bigint" ? writeSix(writer, keys, from, room) : writeFour(writer, keys, from, room);
}

function writeFour(writer: ByteWriter, keys: readonly PrefixKey[], from: number, room: number): number {
  const bytes = writer.room(room);
  const start = writer.length;
  let at = start;
  let index = from;
  for (; index < keys.length; index++) {
    const key = keys[index] as number;
    const address = Math.floor(key / 64);
    const bits = key - address * 64;
    if (at - start + 1 + ((bits + 7) >> 3) > room) break;
    bytes[at++] = bits;
    if (bits > 24) {
      bytes[at] = address >>> 24;
      bytes[at + 1] = address >>> 16;
      bytes[at + 2] = address >>> 8;
      bytes[at + 3] = address;
      at += 4;
    } else for (let shift = 24; shift > 24 - bits; shift -= 8) bytes[at++] = address >>> shift;
  }
  writer.advance(at - start);
  return index;
}

function writeSix(writer: ByteWriter, keys: readonly PrefixKey[], from: number, room: number): number {
  const bytes = writer.room(room);
  const start = writer.length;
  let at = start;
  let index = from;
  for (; index < keys.length; index++) {
    const key = keys[index] as bigint;
    const bits = lengthOf(key);
    if (at - start + 1 + ((bits + 7) >> 3) > room) break;
    bytes[at++] = bits;
    for (let word = 0; word < bits; word += 32) {
      const value = Number(BigInt.asUintN(32, key >> BigInt(104 - word)));
      for (let shift = 24; shift >= 0 && word + 24 - shift < bits; shift -= 8) bytes[at++] = value >>> shift;
    }
  }
  writer.advance(at - start);
  return index;
}
