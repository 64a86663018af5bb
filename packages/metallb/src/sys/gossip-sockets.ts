import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket } from "node:net";
import {
  decodeStream,
  type Endpoint,
  type ExchangeId,
  encodeStream,
  MAX_STREAM,
  type PacketOptions,
  type StreamMessage,
} from "#gossip";
import { formatIp, type Ip, parseIp, unmap } from "#net";

export interface GossipListener {
  /** The octets are the listener's to read until it returns. */
  datagram(from: Endpoint, bytes: Uint8Array): void;
  /** Another member asks over TCP: to be answered. */
  asked(exchange: ExchangeId, message: StreamMessage): void;
  /** The answer to `exchange`; null: none, and why. */
  exchanged(exchange: ExchangeId, answer: StreamMessage | null, reason: string): void;
}

/** Strangers that may be connected at a time, and for how long. */
const MAX_ASKERS = 128;
const ASKED_FOR = 10_000;

/** UDP and TCP on one port, as memberlist has it. */
export class GossipSockets {
  private readonly listener: GossipListener;
  private readonly options: PacketOptions;
  private readonly udp: UdpSocket;
  private readonly server: Server;
  private readonly askers = new Map<ExchangeId, Socket>();
  private readonly dialled = new Set<Socket>();
  private nextAsker: ExchangeId = 1;
  private unsent = 0;
  private idle: (() => void)[] = [];

  /** Rejects when the port cannot be had. */
  static async open(at: Endpoint, options: PacketOptions, listener: GossipListener): Promise<GossipSockets> {
    const sockets = new GossipSockets(at.address, options, listener);
    try {
      await sockets.bind(at);
      return sockets;
    } catch (error) {
      sockets.close();
      throw error;
    }
  }

  private constructor({ family }: Ip, options: PacketOptions, listener: GossipListener) {
    this.listener = listener;
    this.options = options;
    this.udp = createSocket(family === 4 ? "udp4" : "udp6");
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
    this.server.maxConnections = MAX_ASKERS;
  }

  private async bind({ address, port }: Endpoint): Promise<void> {
    const host = formatIp(address);
    await new Promise<void>((resolve, reject) => {
      this.udp.once("error", reject);
      this.udp.bind({ address: host, port }, () => {
        this.udp.removeListener("error", reject);
        resolve();
      });
    });
    // Such as ECONNREFUSED from an earlier datagram: the protocol notices by itself.
    this.udp.on("error", () => {});
    this.udp.on("message", (bytes, { address: from, port: fromPort }) => {
      const read = parseIp(from.split("%")[0] ?? "");
      if (read.ok) this.listener.datagram({ address: unmap(read.value), port: fromPort }, bytes);
    });
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen({ host, port }, () => {
        this.server.removeListener("error", reject);
        resolve();
      });
    });
    this.server.on("error", () => {});
  }

  send({ address, port }: Endpoint, bytes: Uint8Array): void {
    this.unsent += 1;
    this.udp.send(bytes, port, formatIp(address), () => {
      this.unsent -= 1;
      if (this.unsent === 0) for (const resolve of this.idle.splice(0)) resolve();
    });
  }

  /** Resolves when everything that was sent is with the kernel. */
  flushed(): Promise<void> {
    if (this.unsent === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  exchange(id: ExchangeId, { address, port }: Endpoint, message: StreamMessage, limit: number): void {
    const socket = connect({ host: formatIp(address), port, noDelay: true });
    this.dialled.add(socket);
    const deadline = setTimeout(() => end(null, "no answer in time"), limit);
    let open = true;
    const end = (answer: StreamMessage | null, reason: string): void => {
      if (!open) return;
      open = false;
      clearTimeout(deadline);
      this.dialled.delete(socket);
      socket.destroy();
      this.listener.exchanged(id, answer, reason);
    };
    socket.write(encodeStream(message, this.options));
    this.read(socket, end);
  }

  answer(id: ExchangeId, message: StreamMessage | null): void {
    const socket = this.askers.get(id);
    this.askers.delete(id);
    if (message === null) socket?.destroy();
    else socket?.end(encodeStream(message, this.options));
  }

  close(): void {
    for (const socket of [...this.askers.values(), ...this.dialled]) socket.destroy();
    this.server.close();
    try {
      this.udp.close();
    } catch {
      // It never was open.
    }
  }

  private accept(socket: Socket): void {
    const id = this.nextAsker;
    this.nextAsker += 1;
    this.askers.set(id, socket);
    socket.setTimeout(ASKED_FOR, () => socket.destroy());
    socket.once("close", () => this.askers.delete(id));
    this.read(socket, (message) => {
      if (message === null) socket.destroy();
      else if (this.askers.has(id)) this.listener.asked(id, message);
    });
  }

  /** Calls back once: with the message, or with why there is none. */
  private read(socket: Socket, done: (message: StreamMessage | null, reason: string) => void): void {
    let received = Buffer.alloc(0);
    let open = true;
    const end = (message: StreamMessage | null, reason: string): void => {
      if (open) done(message, reason);
      open = false;
    };
    socket.on("data", (part) => {
      if (!open || typeof part === "string") return;
      received = received.length === 0 ? part : Buffer.concat([received, part]);
      if (received.length > MAX_STREAM) return end(null, "the answer is too long");
      const read = decodeStream(received, this.options);
      if (read.kind === "message") end(read.message, "");
      else if (read.kind === "broken") end(null, read.reason);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => end(null, error.code ?? error.message));
    socket.on("close", () => end(null, "closed without an answer"));
  }
}
