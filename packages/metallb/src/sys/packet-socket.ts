import {
  AF_PACKET,
  attachFilter,
  bindSocket,
  closeSocket,
  openSocket,
  receive,
  SOCK_RAW,
  SystemCallError,
  sendNow,
  setOption,
  type Watch,
  watchReadable,
} from "./packet-calls.ts";
import { ARP_FILTER, NDP_FILTER } from "./packet-filter.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** Frames that are read before others get the floor. */
const AT_ONCE = 64;
/**
 * A flood costs a bounded share of a processor: what is beyond this within `WINDOW` milliseconds
 * waits in the kernel's buffer, and overflows there.
 */
const IN_A_WINDOW = 512;
const WINDOW = 10;
const RECEIVE_BUFFER = 1 << 18;
const MAX_FRAME = 2_048;
const PROTOCOLS = { arp: { ethertype: 0x0806, filter: ARP_FILTER }, ndp: { ethertype: 0x86dd, filter: NDP_FILTER } };

export interface PacketListener {
  /** A frame as it came. Its memory is used again after the call. */
  received(frame: Uint8Array): void;
  /** The interface is gone, or cannot be listened on: nothing more is told. */
  failed(reason: string): void;
}

export interface PacketSocket {
  /** Zero, or the number of the error: a full queue drops the frame, as a wire does. */
  send(frame: Uint8Array): number;
  close(): void;
}

/** A packet socket for one protocol on one interface. Needs NET_RAW. Throws when it cannot be opened. */
export function openPacketSocket(
  index: number,
  protocol: keyof typeof PROTOCOLS,
  listener: PacketListener,
): PacketSocket {
  const { ethertype, filter } = PROTOCOLS[protocol];
  // Protocol 0 receives nothing until the filter stands and the socket is bound.
  const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  try {
    attachFilter(fd, filter);
    const size = Buffer.alloc(4);
    size.writeInt32LE(RECEIVE_BUFFER);
    setOption(fd, SOL_SOCKET, SO_RCVBUF, size, "SO_RCVBUF");
    bindSocket(fd, linkAddress(ethertype, index));
  } catch (error) {
    closeSocket(fd);
    throw error;
  }
  return new Reader(fd, listener);
}

/** struct sockaddr_ll. */
function linkAddress(ethertype: number, index: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ethertype, 2);
  address.writeInt32LE(index, 4);
  return address;
}

class Reader implements PacketSocket {
  private readonly fd: number;
  private readonly listener: PacketListener;
  private readonly buffer = Buffer.alloc(MAX_FRAME);
  private readonly watch: Watch;
  private windowEnds = 0;
  private inWindow = 0;
  private resuming: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(fd: number, listener: PacketListener) {
    this.fd = fd;
    this.listener = listener;
    this.watch = watchReadable(fd, () => this.read());
  }

  private read(): void {
    const now = performance.now();
    if (now >= this.windowEnds) {
      this.windowEnds = now + WINDOW;
      this.inWindow = 0;
    }
    try {
      for (let i = 0; i < AT_ONCE && !this.closed; i += 1) {
        const count = receive(this.fd, this.buffer);
        if (count === null) return;
        this.inWindow += 1;
        this.listener.received(this.buffer.subarray(0, count));
      }
    } catch (error) {
      return this.fail(error);
    }
    if (this.inWindow < IN_A_WINDOW || this.closed) return;
    this.watch.pause();
    this.resuming = setTimeout(() => this.watch.resume(), Math.ceil(this.windowEnds - now));
  }

  /** ENETDOWN is told once when the interface goes down; the socket works again when it comes up. */
  private fail(error: unknown): void {
    const ENETDOWN = 100;
    if (error instanceof SystemCallError && error.errno === ENETDOWN) return;
    this.close();
    this.listener.failed(error instanceof Error ? error.message : String(error));
  }

  send(frame: Uint8Array): number {
    return this.closed ? 0 : sendNow(this.fd, frame);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.resuming) clearTimeout(this.resuming);
    this.watch.close();
    closeSocket(this.fd);
  }
}
