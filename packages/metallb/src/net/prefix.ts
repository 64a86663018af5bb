import { addressBits, compareIp, type Family, formatIp, type Ip, ip, parseIp } from "./ip.ts";
import { err, ok, type Result } from "./result.ts";

/** An address block: `ip` has all bits after `length` zero. Length 0 to 32 or 0 to 128. */
export interface Prefix {
  readonly ip: Ip;
  readonly length: number;
}

const hostBits = (family: Family, length: number): bigint => BigInt(addressBits(family) - length);

/** The block of `length` that holds the address: host bits are masked off. `length` must fit the family. */
export function prefixOf(address: Ip, length: number): Prefix {
  const bits = hostBits(address.family, length);
  return { ip: ip(address.family, (address.value >> bits) << bits), length };
}

/** The address alone: a /32 or a /128. */
export const hostPrefix = (address: Ip): Prefix => ({ ip: address, length: addressBits(address.family) });

/** Reads `address/length` as Go's `netip.ParsePrefix` does (no leading zeros); host bits are masked off. */
export function parsePrefix(text: string): Result<Prefix> {
  const slash = text.lastIndexOf("/");
  if (slash < 0) return err(`"${text.slice(0, 60)}" is not a CIDR: it has no "/"`);
  const address = parseIp(text.slice(0, slash));
  if (!address.ok) return err(`"${text.slice(0, 60)}" is not a CIDR: ${address.error}`);
  const digits = text.slice(slash + 1);
  const length = Number(digits);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || length > addressBits(address.value.family))
    return err(`"${text}" is not a CIDR: the length must be 0 to ${addressBits(address.value.family)}`);
  return ok(prefixOf(address.value, length));
}

export const formatPrefix = (prefix: Prefix): string => `${formatIp(prefix.ip)}/${prefix.length}`;

/** Orders by address, then shorter prefixes first. */
export const comparePrefix = (a: Prefix, b: Prefix): number => compareIp(a.ip, b.ip) || a.length - b.length;

export const prefixEquals = (a: Prefix, b: Prefix): boolean => comparePrefix(a, b) === 0;

export const prefixContains = (prefix: Prefix, address: Ip): boolean =>
  prefix.ip.family === address.family &&
  address.value >> hostBits(address.family, prefix.length) ===
    prefix.ip.value >> hostBits(address.family, prefix.length);

/** How many addresses the block has. */
export const prefixSize = (prefix: Prefix): bigint => 1n << hostBits(prefix.ip.family, prefix.length);
