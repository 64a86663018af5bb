const NEXT_HEADER_ICMPV6 = 58;

/**
 * RFC 4443 section 2.3, over the pseudo-header and the message. `packet` starts with the IPv6 header
 * of 40 octets. With the checksum in place a right packet gives 0.
 */
export function icmpv6Checksum(packet: Uint8Array, length: number): number {
  let sum = length + NEXT_HEADER_ICMPV6;
  // The two addresses lie at 8 to 39, the message behind them.
  const end = 40 + length;
  for (let at = 8; at < end; at += 2) sum += ((packet[at] ?? 0) << 8) | (at + 1 < end ? (packet[at + 1] ?? 0) : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
