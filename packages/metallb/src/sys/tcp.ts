import { connect, type Socket } from "node:net";
import { formatIp, type Ip, isLinkLocal6, parseIp, unmap } from "#net";

export interface TcpTarget {
  readonly address: Ip;
  readonly port: number;
  /** Null: the kernel chooses. */
  readonly sourceAddress: Ip | null;
  /** Interface of a link-local address; null otherwise. */
  readonly interface: string | null;
  /** TCP MD5 key (RFC 2385), at most 80 octets. */
  readonly password: string | null;
}

/** What becomes of a connection. After `failed` nothing more is told; after `close` neither. */
export interface TcpListener {
  connected(local: Ip, remote: Ip): void;
  received(bytes: Uint8Array): void;
  /** All that was sent has been handed to the kernel. */
  drained(): void;
  /** It could not be opened, or ended without our doing: in a few words for people. */
  failed(reason: string): void;
}

export interface TcpConnection {
  send(chunks: readonly Uint8Array[]): void;
  /**
   * Ends after what was sent; what the peer does not take within a second is dropped. Resolves when
   * nothing of it is left in the process.
   */
  close(): Promise<void>;
}

const LINGER = 1_000;

/** Opens a connection. Never throws: what goes wrong is told to the listener, later. */
export function openTcp(target: TcpTarget, listener: TcpListener): TcpConnection {
  const connection = new Connection(target, listener);
  // Not before the caller holds the connection: it must know of it when it is told of it.
  if (target.password === null) connection.adopt(plainSocket(target));
  else {
    void import("./md5-socket.ts").then(
      ({ openMd5Socket }) => connection.adoptWhenOpen(openMd5Socket(target)),
      (error: unknown) => connection.fail(reasonOf(error, target)),
    );
  }
  return connection;
}

function plainSocket({ address, port, sourceAddress, interface: name }: TcpTarget): Socket {
  const host = formatIp(address) + (isLinkLocal6(address) && name ? `%${name}` : "");
  return connect({ host, port, ...(sourceAddress === null ? {} : { localAddress: formatIp(sourceAddress) }) });
}

class Connection implements TcpConnection {
  readonly #target: TcpTarget;
  readonly #listener: TcpListener;
  #socket: Socket | null = null;
  #ended = false;
  #error: unknown = null;

  constructor(target: TcpTarget, listener: TcpListener) {
    this.#target = target;
    this.#listener = listener;
  }

  async adoptWhenOpen(opening: Promise<Socket>): Promise<void> {
    try {
      const socket = await opening;
      if (this.#ended) return void socket.destroy();
      this.adopt(socket);
      this.#connected(socket);
    } catch (error) {
      this.fail(reasonOf(error, this.#target));
    }
  }

  adopt(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("connect", () => this.#connected(socket));
    socket.on("data", (bytes) => {
      if (!this.#ended && typeof bytes !== "string") this.#listener.received(bytes);
    });
    socket.on("end", () => this.fail("closed by the peer"));
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("close", () => this.fail(this.#error === null ? "closed" : reasonOf(this.#error, this.#target)));
  }

  #connected(socket: Socket): void {
    const local = parseIp((socket.localAddress ?? "").split("%")[0] ?? "");
    const remote = parseIp((socket.remoteAddress ?? "").split("%")[0] ?? "");
    if (this.#ended) return;
    if (local.ok && remote.ok) this.#listener.connected(unmap(local.value), unmap(remote.value));
    else this.fail("the connection ended at once");
  }

  fail(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket?.destroy();
    this.#listener.failed(reason);
  }

  send(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (!socket || this.#ended) return;
    socket.cork();
    for (const [i, chunk] of chunks.entries()) {
      if (i < chunks.length - 1) socket.write(chunk);
      else
        socket.write(chunk, () => {
          if (!this.#ended && socket.writableLength === 0) this.#listener.drained();
        });
    }
    socket.uncork();
  }

  close(): Promise<void> {
    const socket = this.#socket;
    if (this.#ended || !socket || socket.destroyed) {
      this.#ended = true;
      return Promise.resolve();
    }
    this.#ended = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("finish", resolve).once("close", () => resolve());
    socket.end();
    setTimeout(() => socket.destroy(), LINGER).unref();
    return promise;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by the peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
  EPIPE: "connection closed by the peer",
  EACCES: "permission denied",
  EMFILE: "out of file descriptors",
};

/** Why a connection failed, for people. */
function reasonOf(error: unknown, { sourceAddress }: TcpTarget): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRNOTAVAIL" && sourceAddress !== null)
    return `address ${formatIp(sourceAddress)} does not exist on this host`;
  return (code && WORDS[code]) || message || String(error);
}
