import { getSystemErrorName } from "node:util";
import koffi from "koffi";
import { type Ip, ipToBytes, isLinkLocal6 } from "#net";

// Linux, 64 bits, little-endian. Numbers from <sys/socket.h>, <netinet/in.h>, <netinet/tcp.h>, <linux/filter.h>.
export const AF_INET = 2;
const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
export const IPPROTO_ICMPV6 = 58;
export const EINPROGRESS = 115;

/** Level and name of a socket option. */
export const OPTION = {
  reuseAddress: [1, 2],
  error: [1, 4],
  bindToDevice: [1, 25],
  attachFilter: [1, 26],
  ipTos: [0, 1],
  ipTtl: [0, 2],
  ipMinTtl: [0, 21],
  ipv6UnicastHops: [41, 16],
  ipv6MulticastInterface: [41, 17],
  ipv6MulticastHops: [41, 18],
  ipv6MulticastLoop: [41, 19],
  ipv6JoinGroup: [41, 20],
  ipv6Only: [41, 26],
  ipv6TrafficClass: [41, 67],
  ipv6MinHopCount: [41, 73],
  icmp6Filter: [58, 1],
  tcpInfo: [6, 11],
  tcpMd5Signature: [6, 14],
} as const satisfies Record<string, readonly [number, number]>;

const lib = koffi.load(null);
export const libc = {
  socket: lib.func("int socket(int, int, int)"),
  setsockopt: lib.func("int setsockopt(int, int, int, _In_ uint8_t *, uint32_t)"),
  getsockopt: lib.func("int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)"),
  bind: lib.func("int bind(int, _In_ uint8_t *, uint32_t)"),
  listen: lib.func("int listen(int, int)"),
  connect: lib.func("int connect(int, _In_ uint8_t *, uint32_t)"),
  accept4: lib.func("int accept4(int, _Out_ uint8_t *, _Inout_ uint32_t *, int)"),
  getsockname: lib.func("int getsockname(int, _Out_ uint8_t *, _Inout_ uint32_t *)"),
  sendto: lib.func("int64_t sendto(int, _In_ uint8_t *, size_t, int, _In_ uint8_t *, uint32_t)"),
  recvfrom: lib.func("int64_t recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)"),
  close: lib.func("int close(int)"),
};

/** A socket that neither blocks nor is inherited. Throws where there is none to be had. */
export function socket(family: Ip["family"], type: number, protocol = 0): number {
  if (process.platform !== "linux") throw new Error("this needs Linux");
  return check(libc.socket(family === 4 ? AF_INET : AF_INET6, type | NONBLOCK_CLOEXEC, protocol), "socket");
}

export function setOption(fd: number, option: keyof typeof OPTION, value: number | Buffer): void {
  const [level, name] = OPTION[option];
  const buffer = typeof value === "number" ? int(value) : value;
  check(libc.setsockopt(fd, level, name, buffer, buffer.length), option);
}

/** The error that waits on a socket; 0: none. */
export function pendingError(fd: number): number {
  const error = int(0);
  const [level, name] = OPTION.error;
  check(libc.getsockopt(fd, level, name, error, [4]), "SO_ERROR");
  return error.readInt32LE(0);
}

/**
 * Segments that were sent and are not acknowledged, and octets that ever were: tcpi_unacked and tcpi_bytes_acked of
 * struct tcp_info. What the kernel could not send counts as neither.
 */
export function acknowledgements(fd: number): { readonly unacknowledged: number; readonly acknowledged: bigint } {
  const info = Buffer.alloc(128);
  const [level, name] = OPTION.tcpInfo;
  check(libc.getsockopt(fd, level, name, info, [info.length]), "TCP_INFO");
  return { unacknowledged: info.readUInt32LE(24), acknowledged: info.readBigUInt64LE(120) };
}

/** Ties a socket to an interface or a VRF's device. */
export const bindToDevice = (fd: number, device: string): void =>
  setOption(fd, "bindToDevice", Buffer.from(`${device}\0`));

/** What is sent has this TTL (hop limit). */
export const setTtl = (fd: number, family: Ip["family"], ttl: number): void =>
  setOption(fd, family === 4 ? "ipTtl" : "ipv6UnicastHops", ttl);

/** RFC 5082: TCP segments with a lower TTL (hop limit) never reach the socket. */
export const setMinTtl = (fd: number, family: Ip["family"], ttl: number): void =>
  setOption(fd, family === 4 ? "ipMinTtl" : "ipv6MinHopCount", ttl);

/**
 * RFC 2385: segments from and to the address are signed with the key, which is 1 to 80 octets. Given
 * once more for the same address it replaces the key; an empty one takes it away.
 */
export function setMd5Key(fd: number, peer: Ip, zone: string | null, key: string): void {
  const octets = Buffer.from(key, "utf8");
  if (octets.length > 80) throw new Error("the password is longer than 80 octets");
  // struct tcp_md5sig: the address, then flags, prefix length, key length, interface, key.
  const buffer = Buffer.alloc(216);
  sockaddr(peer, 0, zone).copy(buffer);
  buffer.writeUInt16LE(octets.length, 130);
  octets.copy(buffer, 136);
  setOption(fd, "tcpMd5Signature", buffer);
}

/** struct sockaddr_in or sockaddr_in6; a link-local address needs the interface that it is on. */
export function sockaddr(address: Ip, port: number, zone: string | null = null): Buffer {
  const buffer = Buffer.alloc(address.family === 4 ? 16 : 28);
  buffer.writeUInt16LE(address.family === 4 ? AF_INET : AF_INET6, 0);
  buffer.writeUInt16BE(port, 2);
  buffer.set(ipToBytes(address), address.family === 4 ? 4 : 8);
  if (zone !== null && isLinkLocal6(address)) buffer.writeUInt32LE(interfaceIndex(zone), 24);
  return buffer;
}

/** The kernel's number of an interface. Throws where there is none of the name. */
export function interfaceIndex(name: string): number {
  const index = lib.func("uint32_t if_nametoindex(const char *)")(name) as number;
  if (index === 0) throw new Error(`there is no interface ${name}`);
  return index;
}

export function check(result: unknown, call: string): number {
  if (typeof result === "number" && result < 0) throw systemError(call, koffi.errno());
  return Number(result);
}

export const lastError = (): number => koffi.errno();

export function systemError(call: string, number: number): Error {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${call}: ${code}`), { code });
}

const int = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
};

/** Where an octet or a word of memory lies, for structures that point. */
export const addressOf = (buffer: Buffer): bigint => BigInt(koffi.address(buffer));

/** Waits for the kernel on a descriptor. The handle must be kept: collected, it stops silently. */
export const poll = (fd: number, what: "readable" | "writable", then: () => void): { close(): void } => {
  const handle = koffi.node.poll(fd, { [what]: true, disconnect: true }, then);
  return {
    close: () => {
      handle.stop();
      handle.close();
    },
  };
};
