import { Socket } from "node:net";
import { type Ip, ipEquals, ipFromBytes } from "#net";
import {
  AF_INET,
  bindToDevice,
  check,
  libc,
  poll,
  SOCK_STREAM,
  setMd5Key,
  setMinTtl,
  setOption,
  setTtl,
  sockaddr,
  socket,
} from "./libc.ts";
import { adoptTcp, type TcpConnection, type TcpListener } from "./tcp.ts";

/** A peer that may come: everybody else is turned away. */
export interface AcceptedFrom {
  readonly name: string;
  readonly address: Ip;
  /** Interface of a link-local address; null otherwise. */
  readonly interface: string | null;
  readonly password: string | null;
  /** RFC 5082 counts for its connections from the first segment after the handshake on. */
  readonly guarded: boolean;
}

/** A listening socket of one IP version. */
export interface TcpDoor {
  /** Replaces the peers that may come, their keys too. */
  admit(peers: readonly AcceptedFrom[]): void;
  close(): void;
}

const BACKLOG = 64;
const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const NOBODY: Ip = { family: 4, value: 0n };

/**
 * Listens on every address of the IP version. `accepted` is told of each connection of an admitted
 * peer, and gives back who listens to it. Throws where the port cannot be had.
 */
export function listenTcp(
  where: { readonly family: 4 | 6; readonly port: number; readonly device: string | null },
  accepted: (peer: AcceptedFrom, connect: (listener: TcpListener) => TcpConnection) => void,
): TcpDoor {
  const fd = socket(where.family, SOCK_STREAM);
  let admitted: readonly AcceptedFrom[] = [];
  try {
    setOption(fd, "reuseAddress", 1);
    if (where.family === 6) setOption(fd, "ipv6Only", 1);
    if (where.device !== null) bindToDevice(fd, where.device);
    const any = sockaddr({ ...NOBODY, family: where.family }, where.port);
    check(libc.bind(fd, any, any.length), "bind");
    check(libc.listen(fd, BACKLOG), "listen");
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  const door = poll(fd, "readable", () => {
    for (;;) {
      const name = Buffer.alloc(28);
      const one = libc.accept4(fd, name, [name.length], NONBLOCK_CLOEXEC) as number;
      // EAGAIN, or a connection that is gone again.
      if (one < 0) return;
      const from = remoteOf(name);
      const peer = admitted.find(({ address }) => from !== null && ipEquals(address, from));
      if (!peer) {
        libc.close(one);
        continue;
      }
      setTtl(one, where.family, 255);
      if (peer.guarded) setMinTtl(one, where.family, 255);
      const open = new Socket({ fd: one, readable: true, writable: true });
      accepted(peer, (listener) =>
        adoptTcp(
          open,
          { ...peer, port: where.port, sourceAddress: null, device: where.device, hops: "any" },
          listener,
          peer.guarded,
        ),
      );
    }
  });
  return {
    admit: (peers) => {
      for (const { address, interface: zone, password } of admitted)
        if (password !== null && !peers.some((each) => each.password !== null && ipEquals(each.address, address)))
          setMd5Key(fd, address, zone, "");
      for (const { address, interface: zone, password } of peers)
        if (password !== null) setMd5Key(fd, address, zone, password);
      admitted = peers;
    },
    close: () => {
      door.close();
      libc.close(fd);
    },
  };
}

function remoteOf(name: Buffer): Ip | null {
  const four = name.readUInt16LE(0) === AF_INET;
  const address = ipFromBytes(name.subarray(four ? 4 : 8, four ? 8 : 24));
  return address.ok ? address.value : null;
}
