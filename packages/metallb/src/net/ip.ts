import { err, ok, type Result } from "./result.ts";

/** IP version: 4 (RFC 791) or 6 (RFC 8200). */
export type Family = 4 | 6;

/**
 * An IP address without zone. `value` is the address read as one unsigned big-endian number:
 * 0 to 2^32-1 for family 4, 0 to 2^128-1 for family 6.
 */
export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

/** Bits in an address of the family: 32 or 128. */
export const addressBits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);

/** The highest address value of the family. */
export const maxValue = (family: Family): bigint => (family === 4 ? 0xffffffffn : (1n << 128n) - 1n);

export const ip = (family: Family, value: bigint): Ip => ({ family, value });

export const ipEquals = (a: Ip, b: Ip): boolean => a.value === b.value && a.family === b.family;

/** Orders IPv4 before IPv6, then by value. */
export const compareIp = (a: Ip, b: Ip): number =>
  a.family !== b.family ? a.family - b.family : a.value < b.value ? -1 : a.value > b.value ? 1 : 0;

/** The longest text of an address: "ffff:" seven times and a dotted quad. */
const MAX_TEXT = 45;

/**
 * Reads one address by the strict grammar that Go's `net/netip` has: dotted decimal of exactly four
 * parts without leading zeros, or RFC 4291 section 2.2 text. No zone, no prefix length, no spaces.
 * An IPv4-mapped IPv6 address stays IPv6; see {@link unmap}.
 */
export function parseIp(text: string): Result<Ip> {
  if (text.length === 0 || text.length > MAX_TEXT) return err(`"${text.slice(0, 60)}" is not an IP address`);
  const value = text.includes(":") ? parse6(text) : parse4(text);
  if (typeof value === "string") return err(`"${text}" is not an IP address: ${value}`);
  return ok(ip(text.includes(":") ? 6 : 4, value));
}

function parse4(text: string): bigint | string {
  let value = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      if (part < 0) return "an octet is empty";
      value = value * 256 + part;
      parts++;
      part = -1;
      if (parts > 4) return "it has more than four octets";
    } else if (code >= 0x30 && code <= 0x39) {
      if (part === 0) return "an octet has a leading zero";
      part = (part < 0 ? 0 : part * 10) + (code - 0x30);
      if (part > 255) return "an octet is above 255";
    } else return `unexpected character "${text[i]}"`;
  }
  return parts === 4 ? BigInt(value) : "it has fewer than four octets";
}

function parse6(text: string): bigint | string {
  if (text.includes("%")) return "zones are not allowed here";
  const gap = text.indexOf("::");
  if (gap >= 0 && text.indexOf("::", gap + 1) >= 0) return "it has more than one ::";
  const head = gap < 0 ? text : text.slice(0, gap);
  const tail = gap < 0 ? "" : text.slice(gap + 2);
  const left = readGroups(head, gap < 0);
  if (typeof left === "string") return left;
  const right = readGroups(tail, true);
  if (typeof right === "string") return right;
  const count = left.length + right.length;
  if (gap < 0 ? count !== 8 : count > 7) return "it does not have eight groups";
  let value = 0n;
  for (const group of left) value = (value << 16n) | BigInt(group);
  value <<= BigInt(16 * (8 - count));
  for (const group of right) value = (value << 16n) | BigInt(group);
  return value;
}

/** Groups of up to four hexadecimal digits; the last may be a dotted quad where `quadAllowed`. */
function readGroups(text: string, quadAllowed: boolean): number[] | string {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      if (!quadAllowed || i !== parts.length - 1) return "a dotted quad may only stand at the end";
      const quad = parse4(part);
      if (typeof quad === "string") return quad;
      groups.push(Number(quad >> 16n), Number(quad & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return part === "" ? "a group is empty" : `"${part}" is not a group of up to four hexadecimal digits`;
  }
  return groups;
}

/** The canonical text: dotted quad, or RFC 5952 (lower case, longest run of zeros compressed). */
export function formatIp({ family, value }: Ip): string {
  if (family === 4) {
    const v = Number(value);
    return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}`;
  }
  if (value >> 32n === 0xffffn) return `::ffff:${formatIp(ip(4, value & 0xffffffffn))}`;
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  const { start, length } = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end - 1);
  }
  return best;
}

/** An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) as the IPv4 address it stands for. */
export const unmap = (address: Ip): Ip =>
  address.family === 6 && address.value >> 32n === 0xffffn ? ip(4, address.value & 0xffffffffn) : address;

/** True for fe80::/10 (RFC 4291 section 2.5.6). */
export const isLinkLocal6 = ({ family, value }: Ip): boolean => family === 6 && value >> 118n === 0x3fan;

/** The 4 or 16 octets in network byte order. */
export function ipToBytes({ family, value }: Ip): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  let rest = value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The address that 4 or 16 octets hold; any other length is an error. */
export function ipFromBytes(bytes: Uint8Array): Result<Ip> {
  if (bytes.length !== 4 && bytes.length !== 16) return err(`an address has 4 or 16 octets, not ${bytes.length}`);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return ok(ip(bytes.length === 4 ? 4 : 6, value));
}
