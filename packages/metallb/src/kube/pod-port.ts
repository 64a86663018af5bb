import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { Duplex } from "node:stream";
import type { Duration } from "#net";
import { ApiError } from "./api-error.ts";
import type { KubeClient } from "./client.ts";
import { pathOf, RESOURCES } from "./resources.ts";
import { encodeFrame, FrameReader, type Message, OPCODE } from "./web-socket.ts";

/** The kubelet's protocol: the first octet of each message names the channel. */
const PROTOCOL = "v4.channel.k8s.io";
const DATA = 0;
const MAX_BODY = 64 * 1024 * 1024;

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/**
 * GET over plain HTTP from a port on which a container listens for its own machine alone: the API server and the
 * kubelet carry the connection (`pods/portforward`), so nothing is opened for anybody who has not that right.
 * Gives the JSON of the answer. @throws ApiError
 */
export async function getFromPod(client: KubeClient, at: PodPort, path: string, timeout: Duration): Promise<unknown> {
  const { namespace, pod, port } = at;
  const where = `${pathOf(RESOURCES.pods, { namespace, name: pod, subresource: "portforward" })}`;
  const signal = AbortSignal.timeout(timeout);
  const socket = await client.upgrade(where, { ports: port }, PROTOCOL, signal);
  const stream = new PodStream(socket);
  signal.addEventListener("abort", () => stream.destroy(new Error("no answer in time")), { once: true });
  try {
    return await ask(stream, path);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "Interrupted", `${pod} port ${port}: ${(error as Error).message}`, null, error);
  } finally {
    stream.destroy();
  }
}

function ask(stream: PodStream, path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const headers = { host: "localhost", accept: "application/json", connection: "close" };
  stream.on("error", reject);
  // With an agent, even of its own, Node would connect by itself.
  const asked = request({ createConnection: () => stream, path, headers }, (response) => {
    const pieces: Buffer[] = [];
    let length = 0;
    response.on("error", reject);
    response.on("data", (piece: Buffer) => {
      length += piece.length;
      if (length > MAX_BODY) response.destroy(new Error(`the answer is longer than ${MAX_BODY} octets`));
      else pieces.push(piece);
    });
    response.on("end", () => {
      const text = Buffer.concat(pieces).toString("utf8");
      const status = response.statusCode ?? 0;
      if (status !== 200)
        return reject(new ApiError(status, "", `GET ${path}: ${status} ${text.slice(0, 2_000)}`, null));
      try {
        resolve(JSON.parse(text));
      } catch {
        reject(new Error("the answer is not JSON"));
      }
    });
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}

/** What the port of the Pod sends and takes, in and out of the frames. */
class PodStream extends Duplex {
  private readonly socket: Duplex;
  private readonly reader = new FrameReader();
  /** The first message of each channel is the port, two octets. */
  private readonly begun = new Set<number>();

  constructor(socket: Duplex) {
    super();
    this.socket = socket;
    socket.on("data", (piece: Buffer) => this.arrive(piece));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(this.frame(OPCODE.binary, Buffer.concat([Buffer.from([DATA]), chunk])), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.socket.destroyed) this.socket.destroy();
    done(error);
  }

  private arrive(piece: Buffer): void {
    try {
      for (const message of this.reader.push(piece)) this.receive(message);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  private receive({ opcode, payload }: Message): void {
    if (opcode === OPCODE.ping) this.socket.write(this.frame(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) this.push(null);
    else if (opcode === OPCODE.binary) this.deliver(payload[0] ?? DATA, payload.subarray(1));
  }

  private deliver(channel: number, octets: Buffer): void {
    if (!this.begun.has(channel)) {
      this.begun.add(channel);
      return;
    }
    if (octets.length === 0) return;
    if (channel !== DATA) this.destroy(new Error(octets.toString("utf8").slice(0, 300)));
    else if (!this.push(octets)) this.socket.pause();
  }

  private frame(opcode: number, payload: Buffer): Buffer {
    return encodeFrame(opcode, payload, randomBytes(4));
  }
}
