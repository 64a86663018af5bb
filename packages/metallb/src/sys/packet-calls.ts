import { getSystemErrorName } from "node:util";
import koffi from "koffi";

// Linux, 64 bits, little-endian. Numbers from <sys/socket.h>, <linux/if_packet.h> and <linux/netlink.h>.
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
export const ENOMEM = 12;
export const ENOBUFS = 105;
const EINTR = 4;

const libc = koffi.load(null);
const calls = {
  socket: libc.func("int socket(int, int, int)"),
  setsockopt: libc.func("int setsockopt(int, int, int, _In_ uint8_t *, uint32_t)"),
  bind: libc.func("int bind(int, _In_ uint8_t *, uint32_t)"),
  recv: libc.func("long recv(int, _Out_ uint8_t *, size_t, int)"),
  send: libc.func("long send(int, _In_ uint8_t *, size_t, int)"),
  close: libc.func("int close(int)"),
};

/** A call that failed: `errno` for the program, the message for people. */
export class SystemCallError extends Error {
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${getSystemErrorName(-errno)}`);
    this.errno = errno;
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call, koffi.errno());
  return result;
}

export const openSocket = (family: number, type: number, protocol: number): number =>
  check("socket", calls.socket(family, type | NONBLOCK_CLOEXEC, protocol));

export const setOption = (fd: number, level: number, option: number, value: Uint8Array, name: string): void => {
  check(name, calls.setsockopt(fd, level, option, value, value.length));
};

export const bindSocket = (fd: number, address: Uint8Array): void => {
  check("bind", calls.bind(fd, address, address.length));
};

/** Octets received; null: nothing there now. */
export function receive(fd: number, into: Uint8Array): number | null {
  const count = Number(calls.recv(fd, into, into.length, MSG_DONTWAIT));
  if (count >= 0) return count;
  const errno = koffi.errno();
  if (errno === EAGAIN || errno === EINTR) return null;
  throw new SystemCallError("recv", errno);
}

/** Zero, or the number of the error. */
export function sendNow(fd: number, bytes: Uint8Array): number {
  return Number(calls.send(fd, bytes, bytes.length, MSG_DONTWAIT)) < 0 ? koffi.errno() : 0;
}

export const closeSocket = (fd: number): void => {
  calls.close(fd);
};

/** A watch on a descriptor. */
export interface Watch {
  pause(): void;
  resume(): void;
  /** Ends it; the descriptor is the caller's to close afterwards. */
  close(): void;
}

/** Watches held here are not collected: a collected one would go silent. */
const watches = new Set<Watch>();

export function watchReadable(fd: number, readable: () => void): Watch {
  // Koffi's types leave out the first argument, a status.
  const called = ((status: number) => {
    try {
      readable();
    } catch (error) {
      // Thrown from here it would be lost in the library.
      setImmediate(() => {
        throw error;
      });
    }
    // The loop stops watching a descriptor that has an error, such as an interface that went down:
    // it was read, and so cleared, and the descriptor goes on.
    if (status < 0 && watches.has(watch)) watch.resume();
  }) as unknown as (events: { readable: boolean }) => void;
  const handle = koffi.node.poll(fd, { readable: true }, called);
  const watch: Watch = {
    pause: () => handle.stop(),
    resume: () => handle.start({ readable: true }, called),
    close: () => {
      handle.stop();
      handle.close();
      watches.delete(watch);
    },
  };
  watches.add(watch);
  return watch;
}

/** Attaches a classic BPF program (SO_ATTACH_FILTER): what it refuses never wakes this process. */
export function attachFilter(fd: number, program: Uint8Array): void {
  const SOL_SOCKET = 1;
  const SO_ATTACH_FILTER = 26;
  // struct sock_fprog: the number of instructions, and where they lie. The kernel copies them.
  const descriptor = Buffer.alloc(16);
  descriptor.writeUInt16LE(program.length / 8, 0);
  descriptor.writeBigUInt64LE(koffi.address(program), 8);
  setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, descriptor, "SO_ATTACH_FILTER");
}
