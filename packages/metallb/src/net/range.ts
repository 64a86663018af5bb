import { addressBits, compareIp, type Family, formatIp, type Ip, ip, parseIp, unmap } from "./ip.ts";
import { formatPrefix, type Prefix, parsePrefix, prefixSize } from "./prefix.ts";
import { err, ok, type Result } from "./result.ts";

/** Addresses from `first` to `last`, both included, of one family. */
export interface IpRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

export const prefixRange = (prefix: Prefix): IpRange => ({
  family: prefix.ip.family,
  first: prefix.ip.value,
  last: prefix.ip.value + prefixSize(prefix) - 1n,
});

/** The longest text that can mean something: two addresses, a dash and some spaces. */
const MAX_TEXT = 120;

/**
 * Reads what a pool's `addresses` hold, as upstream does: a CIDR, or `start-end`, with spaces allowed around each
 * address. IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2) are the IPv4 addresses that they stand for. Null: a
 * range from one family to the other, which is accepted and holds nothing.
 */
export function parsePoolEntry(text: string): Result<IpRange | null> {
  if (text.length > MAX_TEXT) return err(`"${text.slice(0, 60)}…" is too long for a CIDR or a range`);
  const dash = text.indexOf("-");
  if (dash < 0) {
    const prefix = parsePrefix(text.trim());
    return prefix.ok ? ok(prefixRange(unmapPrefix(prefix.value))) : prefix;
  }
  const start = parseIp(text.slice(0, dash).trim());
  if (!start.ok) return err(`"${text}" is not a range: the start: ${start.error}`);
  const end = parseIp(text.slice(dash + 1).trim());
  if (!end.ok) return err(`"${text}" is not a range: the end: ${end.error}`);
  const [first, last] = [unmap(start.value), unmap(end.value)];
  if (first.family !== last.family) return ok(null);
  if (compareIp(first, last) > 0) return err(`"${text}" is not a range: the start is after the end`);
  return ok({ family: first.family, first: first.value, last: last.value });
}

/** The same for a text that must hold addresses. */
export function parseRange(text: string): Result<IpRange> {
  const entry = parsePoolEntry(text);
  if (!entry.ok || entry.value !== null) return entry as Result<IpRange>;
  return err(`"${text}" is not a range: it mixes IPv4 and IPv6`);
}

/** The length of ::ffff:0:0/96, which holds all IPv4-mapped addresses. */
const MAPPED_LENGTH = 96;

function unmapPrefix({ ip: address, length }: Prefix): Prefix {
  const mapped = unmap(address);
  if (mapped.family === address.family || length < MAPPED_LENGTH) return { ip: address, length };
  return { ip: mapped, length: length - MAPPED_LENGTH };
}

/** The CIDR where the range is exactly one, else `first-last`. */
export function formatRange(range: IpRange): string {
  const prefixes = rangeToPrefixes(range);
  const only = prefixes.next();
  if (!only.done && prefixes.next().done) return formatPrefix(only.value);
  return `${formatIp(ip(range.family, range.first))}-${formatIp(ip(range.family, range.last))}`;
}

export const rangeSize = (range: IpRange): bigint => range.last - range.first + 1n;

export const rangeContains = (range: IpRange, address: Ip): boolean =>
  range.family === address.family && range.first <= address.value && address.value <= range.last;

export const rangesOverlap = (a: IpRange, b: IpRange): boolean =>
  a.family === b.family && a.first <= b.last && b.first <= a.last;

/** The fewest CIDRs that cover the range exactly, ascending: at most 2 × 128 - 2. */
export function* rangeToPrefixes({ family, first, last }: IpRange): Generator<Prefix, undefined> {
  const bits = addressBits(family);
  let next = first;
  while (next <= last) {
    let host = 0;
    while (
      host < bits &&
      (next & ((1n << BigInt(host + 1)) - 1n)) === 0n &&
      next + (1n << BigInt(host + 1)) - 1n <= last
    )
      host++;
    yield { ip: ip(family, next), length: bits - host };
    next += 1n << BigInt(host);
  }
}
