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
import type { TcpTarget } from "./tcp.ts";

/** A connection on its way. `close` gives it up; then nothing more is told. */
export interface Attempt {
  close(): void;
}

export interface Attempted {
  connected(socket: Socket): void;
  failed(error: unknown): void;
}

/** TTL that is sent, and the least that is taken; null: any. */
interface Hops {
  readonly ttl: number;
  readonly least: number | null;
}

/** RFC 5082: what comes with 255 has passed no router. */
const GUARDED: Hops = { ttl: 255, least: 255 };
/** For a neighbour whose own TTL is not 255, as most routers' default is: what we send passes no router. */
const ADJACENT: Hops = { ttl: 1, least: null };
const ANY: Hops = { ttl: 255, least: null };

/** How long a neighbour's kernel may take to answer with TTL 255 before one without is asked too, milliseconds. */
const HEAD_START = 30;

/**
 * Opens a TCP connection with what only socket options give: TCP MD5, TTL, a device. Never throws.
 * With `hops: "one"` two attempts race: the first takes segments with TTL 255 alone, and wins wherever
 * the peer protects itself by RFC 5082 too.
 */
export function openNative(target: TcpTarget, told: Attempted & { guarded(): void }): Attempt {
  if (target.hops === "any") return attempt(target, ANY, told);
  const running = new Set<Attempt>();
  let other: NodeJS.Timeout | null = null;
  let over = false;
  const end = (): void => {
    over = true;
    if (other) clearTimeout(other);
    for (const each of running) each.close();
  };
  const race = (hops: Hops, won: () => void): void => {
    if (over) return;
    const one: Attempt = attempt(target, hops, {
      connected: (open) => {
        running.delete(one);
        end();
        won();
        told.connected(open);
      },
      failed: (error) => {
        running.delete(one);
        if (over) return;
        end();
        told.failed(error);
      },
    });
    if (over) one.close();
    else running.add(one);
  };
  race(GUARDED, () => told.guarded());
  if (target.hops === "one") other = setTimeout(() => race(ADJACENT, () => {}), HEAD_START);
  return { close: end };
}

function attempt(target: TcpTarget, hops: Hops, told: Attempted): Attempt {
  const { address, port, sourceAddress, device, password } = target;
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
    setTtl(fd, address.family, hops.ttl);
    if (hops.least !== null) setMinTtl(fd, address.family, hops.least);
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
      told.connected(new Socket({ fd: open, readable: true, writable: true }));
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
