import { type Ip, ip, ipFromBytes, isLinkLocal6 } from "#net";
import {
  bindToDevice,
  IPPROTO_ICMPV6,
  interfaceIndex,
  libc,
  poll,
  SOCK_RAW,
  setOption,
  setTtl,
  sockaddr,
  socket,
} from "./libc.ts";
import { requireTtl } from "./ttl-filter.ts";

/** Looks for the router at the other end of an interface (RFC 4861), and lets it find us. */
export interface RouterDiscovery {
  close(): void;
}

const SOLICITATION = 133;
const ADVERTISEMENT = 134;
const ALL_NODES = ip(6, (0xff02n << 112n) | 1n);
const ALL_ROUTERS = ip(6, (0xff02n << 112n) | 2n);

/** RFC 4861 section 4.1: type, code, checksum (the kernel's), reserved. */
const SOLICIT = Buffer.from([SOLICITATION, 0, 0, 0, 0, 0, 0, 0]);
/**
 * Section 4.2, with a router lifetime of 0: this node is nobody's default router. It tells a router that
 * waits for an unnumbered neighbour where we are.
 */
const ADVERTISE = Buffer.from([ADVERTISEMENT, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** While nobody was heard, and from then on; milliseconds. */
const EAGER = 1_000;
const CALM = 10_000;

/**
 * Asks on the interface who routes there, and says that we are there: every second until somebody was
 * heard, then every ten. `found` is told of each advertisement. Needs CAP_NET_RAW; throws where the
 * socket or the interface cannot be had.
 */
export function discoverRouter(name: string, found: (router: Ip) => void): RouterDiscovery {
  const index = interfaceIndex(name);
  const fd = socket(6, SOCK_RAW, IPPROTO_ICMPV6);
  try {
    bindToDevice(fd, name);
    const filter = Buffer.alloc(32, 0xff);
    // A set bit blocks its type.
    filter.writeUInt8(0xff & ~(1 << (ADVERTISEMENT & 7)) & ~(1 << (SOLICITATION & 7)), ADVERTISEMENT >> 3);
    setOption(fd, "icmp6Filter", filter);
    // Section 6.1: only with hop limit 255, which no router lets through.
    requireTtl(fd, 6, [{ from: null, least: 255 }]);
    setTtl(fd, 6, 255);
    setOption(fd, "ipv6MulticastHops", 255);
    setOption(fd, "ipv6MulticastInterface", index);
    // What we say of ourselves must not be taken for the router.
    setOption(fd, "ipv6MulticastLoop", 0);
    const membership = Buffer.alloc(20);
    sockaddr(ALL_ROUTERS, 0).copy(membership, 0, 8, 24);
    membership.writeUInt32LE(index, 16);
    setOption(fd, "ipv6JoinGroup", membership);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  let heard = false;
  let timer: NodeJS.Timeout | null = null;
  const send = (message: Buffer, to: Ip): void => {
    const address = sockaddr(to, 0, name);
    address.writeUInt32LE(index, 24);
    // Lost ones are sent again anyway: an interface may be down.
    libc.sendto(fd, message, message.length, 0, address, address.length);
  };
  const advertise = (): void => {
    send(ADVERTISE, ALL_NODES);
    if (!heard) send(SOLICIT, ALL_ROUTERS);
    timer = setTimeout(advertise, heard ? CALM : EAGER);
    timer.unref();
  };
  const octets = Buffer.alloc(1500);
  const from = Buffer.alloc(28);
  const door = poll(fd, "readable", () => {
    for (;;) {
      const length = Number(libc.recvfrom(fd, octets, octets.length, 0, from, [from.length]));
      if (length < 0) return;
      const router = ipFromBytes(from.subarray(8, 24));
      if (!router.ok || !isLinkLocal6(router.value)) continue;
      if (octets[0] === SOLICITATION) send(ADVERTISE, ALL_NODES);
      else if (octets[0] === ADVERTISEMENT && length >= 16) {
        heard = true;
        found(router.value);
      }
    }
  });
  advertise();
  return {
    close: () => {
      if (timer) clearTimeout(timer);
      door.close();
      libc.close(fd);
    },
  };
}
