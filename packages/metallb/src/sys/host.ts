import { networkInterfaces } from "node:os";
import { crc32 } from "node:zlib";
import { type Ip, ip, parseIp } from "#net";

/**
 * A BGP Identifier for sessions whose own address is not IPv4: the first IPv4 address of the machine,
 * else the CRC-32 of the node's name as four octets, least significant first.
 */
export function fallbackRouterId(nodeName: string): Ip {
  for (const addresses of Object.values(networkInterfaces()))
    for (const { family, internal, address } of addresses ?? []) {
      const parsed = family === "IPv4" && !internal ? parseIp(address) : null;
      if (parsed?.ok) return parsed.value;
    }
  const sum = crc32(nodeName);
  const reversed = ((sum & 0xff) << 24) | ((sum & 0xff00) << 8) | ((sum >>> 8) & 0xff00) | (sum >>> 24);
  return ip(4, BigInt(reversed >>> 0));
}
