import { createSocket, type Socket } from "node:dgram";
import { type Ip, isLinkLocal6, parseIp, unmap } from "#net";
import { type EchoOpened, EchoSockets } from "./echo-sockets.ts";
import { bindToDevice, check, libc, SOCK_DGRAM, setOption, setTtl, sockaddr, socket } from "./libc.ts";
import { type LeastTtl, requireTtl } from "./ttl-filter.ts";

/** RFC 5881 section 4, RFC 5883 section 5. */
const PORT = { singlehop: 3784, multihop: 4784 } as const;
/** RFC 5881 section 4: the source port is 49152 to 65535. */
const FIRST_SOURCE_PORT = 49_152;
/** Class selector 6: before all other traffic. */
const TOS = 0xc0;

export interface BfdPath {
  readonly remote: Ip;
  readonly local: Ip | null;
  readonly interface: string | null;
  readonly vrf: string | null;
  readonly multihop: boolean;
  readonly minimumTtl: number;
}

export interface BfdPacket {
  readonly bytes: Uint8Array;
  readonly from: Ip;
  readonly interface: string | null;
  readonly multihop: boolean;
}

/** Where the packets of an IP version, kind and VRF come in. */
interface Door {
  readonly socket: Socket;
  readonly fd: number;
  readonly family: Ip["family"];
  /** By session: who sends, and with how many hops left. */
  readonly users: Map<string, LeastTtl>;
}

/** The sockets of BFD: one for sending a session, one for receiving an IP version, kind and VRF. */
export class BfdSockets {
  private readonly received: (packet: BfdPacket) => void;
  private readonly echoes: EchoSockets;
  private readonly senders = new Map<string, { readonly fd: number; readonly to: Buffer; readonly door: string }>();
  private readonly doors = new Map<string, Door>();
  private nextPort = FIRST_SOURCE_PORT + Math.floor(Math.random() * 8_192);

  constructor(received: (packet: BfdPacket) => void, returned: (bytes: Uint8Array) => void = () => {}) {
    this.received = received;
    this.echoes = new EchoSockets(returned);
  }

  /** Throws where a socket cannot be had. */
  open(session: string, path: BfdPath): void {
    this.close(session);
    const fd = this.sender(path);
    try {
      const to = sockaddr(path.remote, path.multihop ? PORT.multihop : PORT.singlehop, path.interface);
      this.senders.set(session, { fd, to, door: this.useDoor(session, path) });
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  send(session: string, bytes: Uint8Array): void {
    const sender = this.senders.get(session);
    // A packet that the kernel does not take is one that was lost.
    if (sender) libc.sendto(sender.fd, bytes, bytes.length, 0, sender.to, sender.to.length);
  }

  /** Sockets for echo packets, beside those of the session. */
  openEcho(session: string, path: BfdPath): EchoOpened {
    return this.echoes.open(session, path);
  }

  echo(session: string, bytes: Uint8Array): void {
    this.echoes.send(session, bytes);
  }

  close(session: string): void {
    this.echoes.close(session);
    const sender = this.senders.get(session);
    if (!sender) return;
    this.senders.delete(session);
    libc.close(sender.fd);
    const door = this.doors.get(sender.door);
    if (!door) return;
    door.users.delete(session);
    if (door.users.size > 0) return this.guard(door);
    this.doors.delete(sender.door);
    door.socket.close();
  }

  closeAll(): void {
    for (const session of [...this.senders.keys()]) this.close(session);
  }

  private sender({ remote, local, interface: zone, vrf }: BfdPath): number {
    const { family } = remote;
    const fd = socket(family, SOCK_DGRAM);
    try {
      setTtl(fd, family, 255);
      setOption(fd, family === 4 ? "ipTos" : "ipv6TrafficClass", TOS);
      const device = vrf ?? (isLinkLocal6(remote) ? zone : null);
      if (device !== null) bindToDevice(fd, device);
      this.bindSource(fd, local ?? { family, value: 0n }, zone);
      return fd;
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  private bindSource(fd: number, local: Ip, zone: string | null): void {
    for (let tries = 0; ; tries++) {
      const from = sockaddr(local, this.nextPort, zone);
      this.nextPort = this.nextPort >= 65_535 ? FIRST_SOURCE_PORT : this.nextPort + 1;
      const result = libc.bind(fd, from, from.length) as number;
      if (result === 0) return;
      if (tries === 100) check(result, "bind");
    }
  }

  private useDoor(session: string, { remote, vrf, multihop, minimumTtl }: BfdPath): string {
    const { family } = remote;
    const name = `${family} ${multihop ? "several hops" : "one hop"} ${vrf ?? ""}`;
    const rule = { from: remote, least: multihop ? minimumTtl : 255 };
    const known = this.doors.get(name);
    if (known) {
      known.users.set(session, rule);
      this.guard(known);
      return name;
    }
    const fd = socket(family, SOCK_DGRAM);
    try {
      setOption(fd, "reuseAddress", 1);
      if (family === 6) setOption(fd, "ipv6Only", 1);
      if (vrf !== null) bindToDevice(fd, vrf);
      requireTtl(fd, family, [rule]);
      const any = sockaddr({ family, value: 0n }, multihop ? PORT.multihop : PORT.singlehop);
      check(libc.bind(fd, any, any.length), "bind");
    } catch (error) {
      libc.close(fd);
      throw error;
    }
    const door = createSocket({ type: family === 4 ? "udp4" : "udp6" });
    door.on("message", (bytes, { address }) => {
      const [text = "", zone = null] = address.split("%");
      const from = parseIp(text);
      if (from.ok) this.received({ bytes, from: unmap(from.value), interface: zone, multihop });
    });
    door.on("error", () => {});
    door.bind({ fd });
    this.doors.set(name, { socket: door, fd, family, users: new Map([[session, rule]]) });
    return name;
  }

  /** The TTL is checked in the kernel, by a filter: of each sender as its session asks for. */
  private guard({ fd, family, users }: Door): void {
    requireTtl(fd, family, [...users.values()]);
  }
}
