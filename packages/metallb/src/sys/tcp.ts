import { connect, type Socket } from "node:net";
import { formatIp, type Ip, isLinkLocal6, parseIp, unmap } from "#net";
import type { Attempt, openNative } from "./native-tcp.ts";
import type { TcpTarget } from "./tcp-target.ts";
import type { TtlProof, TtlTrial } from "./ttl-trial.ts";

export type { TcpTarget } from "./tcp-target.ts";

/** What becomes of a connection. After `failed` nothing more is told; after `close` neither. */
export interface TcpListener {
  /** `guarded`: only segments with TTL 255 are taken. */
  connected(local: Ip, remote: Ip, guarded: boolean): void;
  /** From now on only segments with TTL 255 are taken. */
  guarded(): void;
  /** It was opened as `guarded`, and nothing came: segments of any TTL are taken now. */
  unguarded(): void;
  received(bytes: Uint8Array): void;
  /** All that was sent has been handed to the kernel. */
  drained(): void;
  /** It could not be opened, or ended without our doing: in a few words for people. */
  failed(reason: string): void;
}

export interface TcpConnection {
  /** Tells of an accepted connection that it stands; one that was opened tells it by itself. */
  begin(): void;
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
  if (target.password === null && target.device === null && target.hops === "any") connection.dial();
  // The library is loaded only where a socket option needs it.
  else
    void import("./native-tcp.ts").then(
      ({ openNative }) => connection.dialWith(openNative),
      (error: unknown) => connection.fail(reasonOf(error, target)),
    );
  return connection;
}

/** Takes over a connection that a peer opened. */
export function adoptTcp(socket: Socket, target: TcpTarget, listener: TcpListener, guarded: boolean): TcpConnection {
  const connection = new Connection(target, listener);
  connection.guarded = guarded;
  connection.adopt(socket);
  return connection;
}

class Connection implements TcpConnection {
  private readonly target: TcpTarget;
  private readonly listener: TcpListener;
  private socket: Socket | null = null;
  private attempt: Attempt | null = null;
  private trial: TtlTrial | null = null;
  private proof: TtlProof | null = null;
  private ended = false;
  private error: unknown = null;
  guarded = false;

  constructor(target: TcpTarget, listener: TcpListener) {
    this.target = target;
    this.listener = listener;
  }

  dial(): void {
    const { address, port, sourceAddress, interface: name } = this.target;
    const host = formatIp(address) + (isLinkLocal6(address) && name ? `%${name}` : "");
    const socket = connect({
      host,
      port,
      ...(sourceAddress === null ? {} : { localAddress: formatIp(sourceAddress) }),
    });
    socket.on("connect", () => this.tellConnected(socket));
    this.adopt(socket);
  }

  dialWith(open: typeof openNative): void {
    if (this.ended) return;
    this.attempt = open(this.target, {
      connected: (socket, fd) => {
        this.attempt = null;
        if (this.ended) return void socket.destroy();
        this.guarded = this.target.hops === "guarded";
        if (this.target.hops === "one") this.tryTtl(fd);
        else if (this.guarded) this.proveTtl(fd);
        this.adopt(socket);
        this.tellConnected(socket);
      },
      failed: (error) => {
        this.attempt = null;
        this.fail(reasonOf(error, this.target));
      },
    });
  }

  adopt(socket: Socket): void {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.proof?.end();
      if (!this.ended && typeof bytes !== "string") this.listener.received(bytes);
    });
    socket.on("end", () => this.fail("closed by the peer"));
    socket.on("error", (error) => {
      this.error = error;
    });
    socket.on("close", () => this.endTtl());
    socket.on("close", () => this.fail(this.error === null ? "closed" : reasonOf(this.error, this.target)));
  }

  private tryTtl(fd: number): void {
    void import("./ttl-trial.ts").then(({ TtlTrial }) => {
      if (this.ended) return;
      this.trial = new TtlTrial(fd, this.target.address.family, () => {
        this.guarded = true;
        if (!this.ended) this.listener.guarded();
      });
    });
  }

  private proveTtl(fd: number): void {
    void import("./ttl-trial.ts").then(({ TtlProof }) => {
      if (this.ended || this.socket?.bytesRead) return;
      this.proof = new TtlProof(fd, this.target.address.family, () => {
        this.guarded = false;
        if (this.ended) return;
        this.tryTtl(fd);
        this.listener.unguarded();
      });
    });
  }

  private endTtl(): void {
    this.trial?.end();
    this.proof?.end();
  }

  begin(): void {
    if (this.socket) this.tellConnected(this.socket);
  }

  private tellConnected(socket: Socket): void {
    const local = parseIp((socket.localAddress ?? "").split("%")[0] ?? "");
    const remote = parseIp((socket.remoteAddress ?? "").split("%")[0] ?? "");
    if (this.ended) return;
    if (local.ok && remote.ok) this.listener.connected(unmap(local.value), unmap(remote.value), this.guarded);
    else this.fail("the connection ended at once");
  }

  fail(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.endTtl();
    this.socket?.destroy();
    this.listener.failed(reason);
  }

  send(chunks: readonly Uint8Array[]): void {
    const socket = this.socket;
    if (!socket || this.ended) return;
    this.trial?.beforeSend(
      chunks.reduce((sum, { length }) => sum + length, 0),
      socket.writableLength === 0,
    );
    socket.cork();
    for (const [i, chunk] of chunks.entries()) {
      if (i < chunks.length - 1) socket.write(chunk);
      else
        socket.write(chunk, () => {
          if (!this.ended && socket.writableLength === 0) this.listener.drained();
        });
    }
    socket.uncork();
  }

  close(): Promise<void> {
    const socket = this.socket;
    this.endTtl();
    this.attempt?.close();
    this.attempt = null;
    if (this.ended || !socket || socket.destroyed) {
      this.ended = true;
      return Promise.resolve();
    }
    this.ended = true;
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
