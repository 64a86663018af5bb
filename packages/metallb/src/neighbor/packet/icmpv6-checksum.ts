const NEXT_HEADER_ICMPV6 = 58;

/**
 * RFC 4443 section 2.3, over the pseudo-header and the message. `packet` starts with the IPv6 header
 * of 40 octets, and the message is of an even length, as all of neighbour discovery is. With the checksum in place a right packet gives 0.
 */
export function icmpv6Checksum(packet: Uint8Array, length: number): number {
  let sum = length + NEXT_HEADER_ICMPV6;
  // The two addresses lie at 8 to 39, the message behind them.
  const end = 40 + length;
  for (let at = 8; at < end; at += 2) sum += ((packet[at] as number) << 8) | (packet[at + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
