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

const lengthOf = (key: PrefixKey): number => (typeof key === "number" ? key % 64 : Number(key & 0xffn));

/** How many octets {@link writeNlri} writes. */
export const nlriOctets = (key: PrefixKey): number => 1 + ((lengthOf(key) + 7) >> 3);

/** RFC 4271 section 4.3: the length in bits, then as few octets as hold it. */
export function writeNlri(writer: ByteWriter, key: PrefixKey): void {
  const length = lengthOf(key);
  writer.u8(length);
  if (typeof key === "number") writeWord(writer, Math.floor(key / 64), length);
  else
    for (let at = 0; at < length; at += 32)
      writeWord(writer, Number(BigInt.asUintN(32, key >> BigInt(104 - at))), length - at);
}

/** The first octets of a word of 32 bits, as many as hold `bits`. */
function writeWord(writer: ByteWriter, word: number, bits: number): void {
  if (bits > 24) writer.u32(word);
  else for (let shift = 24; shift > 24 - bits; shift -= 8) writer.u8((word >>> shift) & 255);
}
