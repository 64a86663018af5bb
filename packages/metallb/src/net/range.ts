import { addressBits, compareIp, type Family, formatIp, type Ip, ip, parseIp } from "./ip.ts";
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

/**
 * Reads what a pool's `addresses` hold: a CIDR, or `start-end` with spaces allowed around each address.
 * An IPv4-mapped address is refused: a pool that mixes notations would hide overlaps.
 */
export function parseRange(text: string): Result<IpRange> {
  if (text.length > 120) return err(`"${text.slice(0, 60)}…" is too long for a CIDR or a range`);
  const dash = text.indexOf("-");
  if (dash < 0) {
    const prefix = parsePrefix(text.trim());
    return prefix.ok ? ok(prefixRange(prefix.value)) : prefix;
  }
  const first = parseIp(text.slice(0, dash).trim());
  if (!first.ok) return err(`"${text}" is not a range: the start: ${first.error}`);
  const last = parseIp(text.slice(dash + 1).trim());
  if (!last.ok) return err(`"${text}" is not a range: the end: ${last.error}`);
  if (first.value.family !== last.value.family) return err(`"${text}" is not a range: it mixes IPv4 and IPv6`);
  if (compareIp(first.value, last.value) > 0) return err(`"${text}" is not a range: the start is after the end`);
  return ok({ family: first.value.family, first: first.value.value, last: last.value.value });
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
