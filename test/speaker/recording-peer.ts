import { createServer, type Server, type Socket } from "node:net";
import { encodeKeepalive } from "metallb/bgp";

/** RFC 4271 section 4.1. */
export const TYPE = { open: 1, update: 2, notification: 3, keepalive: 4 } as const;
const HEADER = 19;
const IDENTIFIER_AT = HEADER + 5;

/** One message as it came, without its header. */
export interface RecordedMessage {
  /** Counts connections from 1. */
  readonly connection: number;
  readonly type: number;
  readonly body: Buffer;
}

/**
 * An iBGP peer that writes down every message it is sent. It answers an OPEN with the same OPEN under
 * an identifier of its own, so it agrees to whatever is offered, and knows nothing more of the protocol.
 */
export class RecordingPeer {
  readonly messages: RecordedMessage[] = [];
  connections = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  /** Keepalives of a peer that reads nothing any more. */
  private talking: NodeJS.Timeout | null = null;

  /** Listens on a free port of the address, or on the one that is named. */
  static async listen(address: string, port = 0): Promise<RecordingPeer> {
    const peer = new RecordingPeer();
    await new Promise<void>((resolve, reject) =>
      peer.server.once("error", reject).listen({ host: address, port }, resolve),
    );
    return peer;
  }

  private constructor() {
    this.server = createServer((socket) => this.accept(socket));
  }

  get port(): number {
    const bound = this.server.address();
    return bound !== null && typeof bound === "object" ? bound.port : 0;
  }

  /** UPDATEs since the n-th message, End-of-RIB (RFC 4724 section 2) left out. */
  updatesSince(n: number): readonly Update[] {
    return this.messages
      .slice(n)
      .filter(({ type }) => type === TYPE.update)
      .map(({ body }) => readUpdate(body))
      .filter(({ announced, withdrawn }) => announced.length + withdrawn.length > 0);
  }

  /** What stands after all UPDATEs of the last connection, sorted. */
  get routes(): readonly string[] {
    const standing = new Set<string>();
    for (const { connection, type, body } of this.messages) {
      if (connection !== this.connections || type !== TYPE.update) continue;
      const { announced, withdrawn } = readUpdate(body);
      for (const prefix of withdrawn) standing.delete(prefix);
      for (const prefix of announced) standing.add(prefix);
    }
    return [...standing].sort();
  }

  /** From now on it reads nothing, and goes on saying KEEPALIVE so often, in milliseconds. */
  deafen(every: number): void {
    for (const socket of this.sockets) socket.pause();
    this.talking ??= setInterval(() => {
      for (const socket of this.sockets) socket.write(encodeKeepalive());
    }, every);
  }

  /** Reads all that waits, and goes on as before. */
  hear(): void {
    if (this.talking) clearInterval(this.talking);
    this.talking = null;
    for (const socket of this.sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.hear();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(socket: Socket): void {
    const connection = ++this.connections;
    let rest = Buffer.alloc(0);
    this.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (part) => {
      rest = Buffer.concat([rest, part as Buffer]);
      while (rest.length >= HEADER && rest.length >= rest.readUInt16BE(16)) {
        const message = rest.subarray(0, rest.readUInt16BE(16));
        rest = rest.subarray(message.length);
        this.answer(socket, message);
        this.messages.push({ connection, type: message.readUInt8(18), body: Buffer.from(message.subarray(HEADER)) });
      }
    });
  }

  private answer(socket: Socket, message: Buffer): void {
    if (message.readUInt8(18) === TYPE.keepalive) socket.write(message);
    if (message.readUInt8(18) !== TYPE.open) return;
    const open = Buffer.from(message);
    open.writeUInt32BE(0x0a_ff_ff_01, IDENTIFIER_AT);
    socket.write(open);
  }
}

export interface Update {
  readonly announced: readonly string[];
  readonly withdrawn: readonly string[];
}

/** The IPv4 prefixes of an UPDATE (RFC 4271 section 4.3). */
function readUpdate(body: Buffer): Update {
  const withdrawnEnd = 2 + body.readUInt16BE(0);
  const attributesEnd = withdrawnEnd + 2 + body.readUInt16BE(withdrawnEnd);
  return { withdrawn: prefixes(body.subarray(2, withdrawnEnd)), announced: prefixes(body.subarray(attributesEnd)) };
}

function prefixes(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt8(at);
    const octets = [...bytes.subarray(at + 1, at + 1 + Math.ceil(length / 8)), 0, 0, 0, 0].slice(0, 4);
    found.push(`${octets.join(".")}/${length}`);
    at += 1 + Math.ceil(length / 8);
  }
  return found;
}
