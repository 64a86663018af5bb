import { networkInterfaces } from "node:os";
import { crc32 } from "node:zlib";
import { type Ip, ip, ipEquals, isLinkLocal6, parseIp } from "#net";

/** The addresses of one interface, the first of each kind. */
export interface LinkAddresses {
  readonly ipv4: Ip | null;
  /** A global one. */
  readonly ipv6: Ip | null;
  readonly linkLocal: Ip | null;
}

/** The addresses beside this one on the interface that holds it; `name` tells link-local ones apart. */
export function linkOf(address: Ip, name: string | null = null): LinkAddresses {
  for (const [each, addresses = []] of Object.entries(networkInterfaces())) {
    if (name !== null && each !== name) continue;
    const all = addresses.flatMap((one) => {
      const parsed = parseIp(one.address.split("%")[0] ?? "");
      return parsed.ok ? [parsed.value] : [];
    });
    if (!all.some((one) => ipEquals(one, address))) continue;
    return {
      ipv4: all.find(({ family }) => family === 4) ?? null,
      ipv6: all.find((one) => one.family === 6 && !isLinkLocal6(one)) ?? null,
      linkLocal: all.find(isLinkLocal6) ?? null,
    };
  }
  return { ipv4: null, ipv6: null, linkLocal: null };
}

/**
 * A BGP Identifier for sessions where neither end nor interface has an IPv4 address: the CRC-32 of the
 * node's name as four octets, least significant first, as MetalLB has it.
 */
export function fallbackRouterId(nodeName: string): Ip {
  const sum = crc32(nodeName);
  const reversed = ((sum & 0xff) << 24) | ((sum & 0xff00) << 8) | ((sum >>> 8) & 0xff00) | (sum >>> 24);
  return ip(4, BigInt(reversed >>> 0));
}
