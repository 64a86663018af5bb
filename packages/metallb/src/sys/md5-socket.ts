import { Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import koffi from "koffi";
import { type Ip, ipToBytes } from "#net";
import type { TcpTarget } from "./tcp.ts";

// Linux, 64 bits. Numbers from <sys/socket.h>, <netinet/in.h> and <netinet/tcp.h>.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_BINDTODEVICE = 25;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const EINPROGRESS = 115;
/** struct tcp_md5sig: the peer's address, then flags, prefix length, key length, interface, key. */
const MD5SIG = { size: 216, keyLength: 130, key: 136, maxKey: 80 } as const;

const libc = koffi.load(null);
const sys = {
  socket: libc.func("int socket(int, int, int)"),
  setsockopt: libc.func("int setsockopt(int, int, int, _In_ uint8_t *, uint32_t)"),
  getsockopt: libc.func("int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)"),
  getpeername: libc.func("int getpeername(int, _Out_ uint8_t *, _Inout_ uint32_t *)"),
  bind: libc.func("int bind(int, _In_ uint8_t *, uint32_t)"),
  connect: libc.func("int connect(int, _In_ uint8_t *, uint32_t)"),
  close: libc.func("int close(int)"),
};

/**
 * How often a connection that is being opened is looked at, and for how long. Milliseconds. Shorter
 * than the engine waits, so that the reason told is the one that helps.
 */
const LOOK = 5;
const LIMIT = 10_000;

/**
 * A TCP connection whose segments carry RFC 2385 signatures: the key is set before the first one
 * leaves. Resolves once it is connected. A wrong key is silence, and so is a closed port, whose reset
 * is not signed (RFC 2385 section 2.0): only the time limit ends that.
 */
export async function openMd5Socket(target: TcpTarget): Promise<Socket> {
  if (process.platform !== "linux") throw new Error("TCP MD5 passwords need Linux");
  const family = target.address.family === 4 ? AF_INET : AF_INET6;
  const fd = check(sys.socket(family, SOCK_STREAM_NONBLOCK_CLOEXEC, 0), "socket") as number;
  try {
    check(sys.setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, signature(target), MD5SIG.size), "TCP_MD5SIG");
    if (target.interface)
      check(
        sys.setsockopt(
          fd,
          SOL_SOCKET,
          SO_BINDTODEVICE,
          Buffer.from(`${target.interface}\0`),
          target.interface.length + 1,
        ),
        "SO_BINDTODEVICE",
      );
    if (target.sourceAddress) bindTo(fd, target.sourceAddress);
    const to = sockaddr(target.address, target.port);
    if (sys.connect(fd, to, to.length) < 0 && koffi.errno() !== EINPROGRESS) throw failure("connect");
    await connected(fd);
  } catch (error) {
    sys.close(fd);
    throw error;
  }
  return new Socket({ fd, readable: true, writable: true });
}

function signature({ address, port, password }: TcpTarget): Buffer {
  const key = Buffer.from(password ?? "", "utf8");
  if (key.length > MD5SIG.maxKey) throw new Error(`the password is longer than ${MD5SIG.maxKey} octets`);
  const buffer = Buffer.alloc(MD5SIG.size);
  sockaddr(address, port).copy(buffer);
  buffer.writeUInt16LE(key.length, MD5SIG.keyLength);
  key.copy(buffer, MD5SIG.key);
  return buffer;
}

function bindTo(fd: number, address: Ip): void {
  const from = sockaddr(address, 0);
  check(sys.bind(fd, from, from.length), "bind");
}

/** struct sockaddr_in or sockaddr_in6. */
function sockaddr(address: Ip, port: number): Buffer {
  const buffer = Buffer.alloc(address.family === 4 ? 16 : 28);
  buffer.writeUInt16LE(address.family === 4 ? AF_INET : AF_INET6, 0);
  buffer.writeUInt16BE(port, 2);
  buffer.set(ipToBytes(address), address.family === 4 ? 4 : 8);
  return buffer;
}

async function connected(fd: number): Promise<void> {
  const name = Buffer.alloc(128);
  for (let waited = 0; waited < LIMIT; waited += LOOK) {
    const error = Buffer.alloc(4);
    check(sys.getsockopt(fd, SOL_SOCKET, SO_ERROR, error, [4]), "SO_ERROR");
    const number = error.readInt32LE(0);
    if (number !== 0) throw systemError("connect", number);
    if (sys.getpeername(fd, name, [name.length]) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  throw Object.assign(new Error("no answer: nothing listens there, or the passwords differ"), { code: "EMD5" });
}

function check(result: unknown, call: string): unknown {
  if (typeof result === "number" && result < 0) throw failure(call);
  return result;
}

const failure = (call: string): Error => systemError(call, koffi.errno());

function systemError(call: string, number: number): Error {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${call}: ${code}`), { code });
}
