import { Socket } from "node:net";
import type { Ip } from "#net";
import { isLinkLocal6 } from "#net";
import {
  bindToDevice,
  check,
  EINPROGRESS,
  lastError,
  libc,
  pendingError,
  poll,
  SOCK_STREAM,
  setMd5Key,
  setMinTtl,
  setTtl,
  sockaddr,
  socket,
  systemError,
} from "./libc.ts";
import type { TcpTarget } from "./tcp-target.ts";

/** A connection on its way. `close` gives it up; then nothing more is told. */
export interface Attempt {
  close(): void;
}

export interface Attempted {
  connected(socket: Socket, fd: number): void;
  failed(error: unknown): void;
}

/**
 * Opens a TCP connection with what only socket options give: TCP MD5, TTL, a device. Never throws.
 * The TTL that is sent is always 255: a peer that protects itself by RFC 5082 asks for it.
 */
export function openNative(target: TcpTarget, told: Attempted): Attempt {
  const { address, port, sourceAddress, device, password, hops } = target;
  const zone = target.interface;
  let fd = -1;
  let waiting: { close(): void } | null = null;
  const close = (): void => {
    waiting?.close();
    waiting = null;
    if (fd >= 0) libc.close(fd);
    fd = -1;
  };
  const fail = (error: unknown): void => {
    close();
    // Not before the caller holds the attempt.
    setImmediate(() => told.failed(error));
  };
  try {
    fd = socket(address.family, SOCK_STREAM);
    if (password !== null) setMd5Key(fd, address, zone, password);
    setTtl(fd, address.family, 255);
    if (hops === "guarded") setMinTtl(fd, address.family, 255);
    const bound = device ?? (isLinkLocal6(address) ? zone : null);
    if (bound !== null) bindToDevice(fd, bound);
    if (sourceAddress) bindTo(fd, sourceAddress, zone);
    const to = sockaddr(address, port, zone);
    if ((libc.connect(fd, to, to.length) as number) < 0 && lastError() !== EINPROGRESS)
      throw systemError("connect", lastError());
    waiting = poll(fd, "writable", () => {
      waiting?.close();
      waiting = null;
      const error = pendingError(fd);
      if (error !== 0) return fail(systemError("connect", error));
      const open = fd;
      fd = -1;
      told.connected(new Socket({ fd: open, readable: true, writable: true }), open);
    });
  } catch (error) {
    fail(error);
  }
  return { close };
}

function bindTo(fd: number, address: Ip, zone: string | null): void {
  const from = sockaddr(address, 0, zone);
  check(libc.bind(fd, from, from.length), "bind");
}
