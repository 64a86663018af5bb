import { type Ip, ipToBytes } from "#net";
import {
  AF_INET6,
  closeSocket,
  ENOBUFS,
  ENOMEM,
  openSocket,
  SOCK_DGRAM,
  SystemCallError,
  setOption,
} from "./packet-calls.ts";

const IPPROTO_IPV6 = 41;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
/** The kernel holds memberships in a socket's option memory, which is bounded: 20 kB where it is smallest. */
const PER_SOCKET = 256;
/** Those that are tried again at a time. */
const AT_ONCE = 1_024;

/**
 * Membership in IPv6 groups, for as long as this process lives: the card lets the group's frames in,
 * and the kernel reports it by MLD, so that a snooping switch sends them here. Needs no privilege.
 */
export class GroupMembership {
  private readonly sockets: { readonly fd: number; count: number }[] = [];
  private readonly joined = new Map<string, number>();
  /** Those that could not be joined, such as for want of file descriptors. */
  private readonly missed = new Map<string, { readonly index: number; readonly group: Ip }>();

  /** Null, or why not: then it is tried again by `joinMissed`. Joining twice is joining once. */
  join(index: number, group: Ip): string | null {
    const key = keyOf(index, group);
    if (this.joined.has(key)) return null;
    try {
      const room = this.sockets.find(({ count }) => count < PER_SOCKET) ?? this.open();
      this.joined.set(key, this.add(room, index, group));
      this.missed.delete(key);
      return null;
    } catch (error) {
      this.missed.set(key, { index, group });
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Tries some of those again, others each time; gives whether none is left. */
  joinMissed(): boolean {
    for (const [key, { index, group }] of [...this.missed].slice(0, AT_ONCE)) {
      // To the end, when it fails again.
      this.missed.delete(key);
      this.join(index, group);
    }
    return this.missed.size === 0;
  }

  leave(index: number, group: Ip): void {
    const key = keyOf(index, group);
    this.missed.delete(key);
    const fd = this.joined.get(key);
    if (fd === undefined) return;
    this.joined.delete(key);
    const socket = this.sockets.find((candidate) => candidate.fd === fd);
    if (socket) socket.count -= 1;
    try {
      setOption(fd, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, request(index, group), "IPV6_DROP_MEMBERSHIP");
    } catch {
      // The interface went, and the membership with it.
    }
  }

  /** What was joined on an interface that is gone. */
  forget(index: number): void {
    for (const known of [this.joined, this.missed])
      for (const key of known.keys()) if (key.startsWith(`${index} `)) known.delete(key);
  }

  close(): void {
    for (const { fd } of this.sockets.splice(0)) closeSocket(fd);
    this.joined.clear();
    this.missed.clear();
  }

  private add(socket: { readonly fd: number; count: number }, index: number, group: Ip): number {
    try {
      setOption(socket.fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, request(index, group), "IPV6_ADD_MEMBERSHIP");
      socket.count += 1;
      return socket.fd;
    } catch (error) {
      const full = error instanceof SystemCallError && (error.errno === ENOBUFS || error.errno === ENOMEM);
      if (!full || socket.count === 0) throw error;
      socket.count = PER_SOCKET;
      return this.add(this.open(), index, group);
    }
  }

  private open(): { readonly fd: number; count: number } {
    const socket = { fd: openSocket(AF_INET6, SOCK_DGRAM, 0), count: 0 };
    this.sockets.push(socket);
    return socket;
  }
}

const keyOf = (index: number, { value }: Ip): string => `${index} ${value}`;

/** struct ipv6_mreq. */
function request(index: number, group: Ip): Buffer {
  const buffer = Buffer.alloc(20);
  buffer.set(ipToBytes(group));
  buffer.writeInt32LE(index, 16);
  return buffer;
}
