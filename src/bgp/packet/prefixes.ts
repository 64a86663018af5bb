import { type ByteReader, type Family, type Ip, ip, ipToBytes, type Prefix, prefixOf } from "#net";

/** RFC 4271 section 4.3: the length in bits, then as few octets as hold it. */
export function encodeNlri(address: Ip, length: number): Uint8Array {
  const octets = (length + 7) >> 3;
  const nlri = new Uint8Array(1 + octets);
  nlri[0] = length;
  nlri.set(ipToBytes(address).subarray(0, octets), 1);
  return nlri;
}

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
