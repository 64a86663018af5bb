import { type ByteReader, type Family, ip, type Prefix, prefixOf } from "#net";

/** All prefixes that the reader holds; null: a length beyond the family, or octets missing. */
export function readPrefixes(reader: ByteReader, family: Family): Prefix[] | null {
  const prefixes: Prefix[] = [];
  const width = family === 4 ? 4 : 16;
  while (reader.remaining > 0) {
    const length = reader.u8();
    const octets = reader.view((length + 7) >> 3);
    if (length > width * 8 || reader.failed) return null;
    let value = 0n;
    for (let i = 0; i < width; i++) value = (value << 8n) | BigInt(octets[i] ?? 0);
    // RFC 4271 section 4.3: bits beyond the length are irrelevant.
    prefixes.push(prefixOf(ip(family, value), length));
  }
  return prefixes;
}
