import { type ByteReader, type Family, ip, type Prefix, prefixOf } from "#net";

/** Prefixes as they stand in a message, with lengths that were checked and nothing built. */
export interface PrefixRun {
  readonly family: Family;
  readonly octets: Uint8Array;
  readonly count: number;
}

/**
 * Takes all that the reader holds. Only the lengths are walked: 65,535 prefixes of a peer whose routes
 * nobody keeps cost no more than that. Null: a length beyond the family, or octets missing.
 */
export function readPrefixes(reader: ByteReader, family: Family): PrefixRun | null {
  const octets = reader.view(reader.remaining);
  const bits = family === 4 ? 32 : 128;
  let count = 0;
  let at = 0;
  for (; at < octets.length; count++) {
    const length = octets[at] as number;
    if (length > bits) return null;
    at += 1 + ((length + 7) >> 3);
  }
  return at === octets.length ? { family, octets, count } : null;
}

/** The prefixes of a run, for who keeps them. */
export function prefixesOf({ family, octets }: PrefixRun): Prefix[] {
  const prefixes: Prefix[] = [];
  const width = family === 4 ? 4 : 16;
  for (let at = 0; at < octets.length; ) {
    const length = octets[at] as number;
    const end = at + 1 + ((length + 7) >> 3);
    let value = 0n;
    for (let i = 0; i < width; i++)
      value = (value << 8n) | BigInt(at + 1 + i < end ? (octets[at + 1 + i] as number) : 0);
    // RFC 4271 section 4.3: bits beyond the length are irrelevant.
    prefixes.push(prefixOf(ip(family, value), length));
    at = end;
  }
  return prefixes;
}
