import { readFileSync } from "node:fs";
import { type Ip, ipToBytes } from "#net";
import { bindToDevice, check, libc, SOCK_DGRAM, SOCK_RAW, sockaddr, socket } from "./libc.ts";
import {
  AF_PACKET,
  attachFilter,
  bindSocket,
  closeSocket,
  openSocket,
  receive,
  type Watch,
  watchReadable,
} from "./packet-calls.ts";
import { ECHO_FILTER } from "./packet-filter.ts";

/** RFC 5881 section 4. */
const PORT = 3785;
const IPPROTO_RAW = 255;
const ETH_P_IP = 0x0800;
const IP_HEADER = 20;
const UDP_HEADER = 8;
const TOS = 0xc0;
/** Read before others get the floor. */
const AT_ONCE = 64;

export interface EchoPath {
  readonly remote: Ip;
  readonly local: Ip | null;
  readonly vrf: string | null;
}

/** What can be done about echo packets, and in sentences what cannot. */
export interface EchoOpened {
  readonly sends: boolean;
  readonly returns: boolean;
  readonly problems: readonly string[];
}

/**
 * Echo packets over IPv4 (RFC 5881 section 4). Ours are addressed from the own address to the own address and
 * leave by way of the peer, whose forwarding brings them back; there the kernel takes them for martians, so a
 * packet socket reads them. A peer's own go back to it by the forwarding of this node's kernel. Needs NET_RAW.
 */
export class EchoSockets {
  private readonly returned: (bytes: Uint8Array) => void;
  private readonly senders = new Map<string, { readonly fd: number; readonly to: Buffer; readonly head: Buffer }>();
  private reader: { readonly fd: number; readonly watch: Watch } | null = null;

  constructor(returned: (bytes: Uint8Array) => void) {
    this.returned = returned;
  }

  open(session: string, path: EchoPath): EchoOpened {
    // FRR sends its own to the peer's address and its daemon sends them back: that tests no forwarding, and ours would
    // not come back from it, nor its from a kernel.
    if (path.remote.family === 6)
      return { sends: false, returns: false, problems: ["BFD echo is for IPv4: the path is watched without it"] };
    const problems: string[] = [];
    const attempt = (what: string, act: () => void): boolean => {
      try {
        act();
        return true;
      } catch (error) {
        problems.push(`${what}: ${(error as Error).message}`);
        return false;
      }
    };
    const sends = attempt("no BFD echo packets are sent", () => {
      this.reader ??= this.openReader();
      this.senders.set(session, sender(path));
    });
    const returns = attempt("the peer's BFD echo packets do not go back to it", () => {
      if (!forwards()) throw new Error("this node does not forward IPv4 (net.ipv4.ip_forward)");
    });
    return { sends, returns, problems };
  }

  send(session: string, bytes: Uint8Array): void {
    const known = this.senders.get(session);
    if (!known) return;
    const packet = Buffer.concat([known.head, bytes]);
    packet.writeUInt16BE(UDP_HEADER + bytes.length, IP_HEADER + 4);
    // A packet that the kernel does not take is one that was lost.
    libc.sendto(known.fd, packet, packet.length, 0, known.to, known.to.length);
  }

  close(session: string): void {
    const known = this.senders.get(session);
    if (known) libc.close(known.fd);
    this.senders.delete(session);
    if (this.senders.size > 0 || !this.reader) return;
    this.reader.watch.close();
    closeSocket(this.reader.fd);
    this.reader = null;
  }

  private openReader(): NonNullable<EchoSockets["reader"]> {
    // Protocol 0 receives nothing until the filter stands and the socket is bound.
    const fd = openSocket(AF_PACKET, SOCK_DGRAM, 0);
    try {
      attachFilter(fd, ECHO_FILTER);
      const everywhere = Buffer.alloc(20);
      everywhere.writeUInt16LE(AF_PACKET, 0);
      everywhere.writeUInt16BE(ETH_P_IP, 2);
      bindSocket(fd, everywhere);
    } catch (error) {
      closeSocket(fd);
      throw error;
    }
    const buffer = Buffer.alloc(128);
    const watch = watchReadable(fd, () => {
      for (let i = 0; i < AT_ONCE; i++) {
        const count = readQuietly(fd, buffer);
        if (count === null) return;
        const packet = buffer.subarray(0, count);
        // From an own address to it: what else comes to this port is none of ours.
        if (packet.readUInt32BE(12) === packet.readUInt32BE(16)) this.returned(packet.subarray(IP_HEADER + UDP_HEADER));
      }
    });
    return { fd, watch };
  }
}

/** The header says where a packet goes back to, the address of the call by way of whom. */
function sender({ remote, local, vrf }: EchoPath): { readonly fd: number; readonly to: Buffer; readonly head: Buffer } {
  const own = Buffer.from(local ? ipToBytes(local) : sourceTowards(remote, vrf));
  const fd = socket(4, SOCK_RAW, IPPROTO_RAW);
  try {
    if (vrf !== null) bindToDevice(fd, vrf);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  const head = Buffer.alloc(IP_HEADER + UDP_HEADER);
  head.writeUInt8(0x45, 0);
  head.writeUInt8(TOS, 1);
  head.writeUInt8(255, 8);
  head.writeUInt8(17, 9);
  own.copy(head, 12);
  own.copy(head, 16);
  // Without a checksum, which UDP over IPv4 need not have: the kernel fills in that of the IP header.
  head.writeUInt16BE(PORT, IP_HEADER);
  head.writeUInt16BE(PORT, IP_HEADER + 2);
  return { fd, to: sockaddr(remote, 0), head };
}

/** The address that the kernel would send from. */
function sourceTowards(remote: Ip, vrf: string | null): Uint8Array {
  const fd = socket(4, SOCK_DGRAM);
  try {
    if (vrf !== null) bindToDevice(fd, vrf);
    const to = sockaddr(remote, PORT);
    check(libc.connect(fd, to, to.length), "connect");
    const own = Buffer.alloc(16);
    check(libc.getsockname(fd, own, [own.length]), "getsockname");
    return own.subarray(4, 8);
  } finally {
    libc.close(fd);
  }
}

/** An interface that goes down is told once as an error: the socket works on. */
function readQuietly(fd: number, buffer: Buffer): number | null {
  try {
    return receive(fd, buffer);
  } catch {
    return null;
  }
}

const forwards = (): boolean => readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim() === "1";
