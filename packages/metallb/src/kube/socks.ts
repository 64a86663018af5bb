import { connect, isIP, type Socket } from "node:net";
import { type Duration, ipToBytes, parseIp } from "#net";

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
const CONNECT = 1;
const ADDRESS = { four: 1, name: 3, six: 4 } as const;
/** RFC 1928 section 6. */
const REPLIES = [
  "",
  "it failed",
  "it does not allow this",
  "the network is unreachable",
  "the host is unreachable",
  "the connection was refused",
  "the TTL expired",
  "it does not know CONNECT",
  "it does not know this kind of address",
] as const;

export interface SocksTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * A connection to the target through a SOCKS5 proxy (RFC 1928), with user and password where the URL has them
 * (RFC 1929). Names are resolved by the proxy, as Go has it. Rejects in words that hold no password.
 */
export async function connectThroughSocks(proxy: URL, target: SocksTarget, limit: Duration): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({ host, port: Number(proxy.port || 1080) });
  const timer = setTimeout(() => socket.destroy(new Error("no answer in time")), limit);
  const incoming = new Incoming(socket);
  try {
    await incoming.connected;
    await authenticate(socket, incoming, proxy);
    socket.write(requestOf(target));
    await readReply(incoming);
    incoming.release();
    return socket;
  } catch (error) {
    socket.destroy();
    throw new Error(`the SOCKS proxy ${proxy.host}: ${(error as Error).message}`);
  } finally {
    clearTimeout(timer);
  }
}

async function authenticate(socket: Socket, incoming: Incoming, proxy: URL): Promise<void> {
  const [user, password] = [proxy.username, proxy.password].map((text) => Buffer.from(decode(text)));
  const methods = proxy.username === "" ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, USER_AND_PASSWORD];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await incoming.take(2);
  if (version !== VERSION) throw new Error("it does not speak SOCKS5");
  if (method === NO_AUTHENTICATION) return;
  if (method !== USER_AND_PASSWORD || !methods.includes(method)) throw new Error("it wants other credentials");
  if (!user || !password || user.length > 255 || password.length > 255)
    throw new Error("user and password may have 255 octets each");
  socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]));
  const [, status] = await incoming.take(2);
  if (status !== 0) throw new Error("it does not accept user and password");
}

function requestOf({ host, port }: SocksTarget): Buffer {
  const parsed = isIP(host) === 0 ? null : parseIp(host);
  const name = Buffer.from(host);
  if (parsed === null && name.length > 255) throw new Error("the name of the host is longer than 255 octets");
  const address = parsed?.ok
    ? [parsed.value.family === 4 ? ADDRESS.four : ADDRESS.six, ...ipToBytes(parsed.value)]
    : [ADDRESS.name, name.length, ...name];
  return Buffer.from([VERSION, CONNECT, 0, ...address, port >> 8, port & 255]);
}

async function readReply(incoming: Incoming): Promise<void> {
  const [version, reply = 1, , kind] = await incoming.take(4);
  if (version !== VERSION) throw new Error("it does not speak SOCKS5");
  if (reply !== 0) throw new Error(REPLIES[reply] ?? `it answers ${reply}`);
  // Where it connects from: nobody needs it, but it is in the way.
  const [length = 0] =
    kind === ADDRESS.four ? [4] : kind === ADDRESS.six ? [16] : kind === ADDRESS.name ? await incoming.take(1) : [-1];
  if (length < 0) throw new Error("its answer cannot be read");
  await incoming.take(length + 2);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What the proxy says before it is out of the way, a few octets at a time. */
class Incoming {
  readonly connected: Promise<void>;
  private readonly socket: Socket;
  private readonly failed: Promise<never>;
  private readonly fail: (error: Error) => void;
  private wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.failed.catch(() => {});
    this.fail = reject;
    socket.on("error", this.fail).on("end", this.ended).on("readable", this.readable);
    this.connected = Promise.race([new Promise<void>((resolve) => socket.once("connect", resolve)), this.failed]);
  }

  async take(count: number): Promise<Buffer> {
    for (;;) {
      const octets = this.socket.read(count) as Buffer | null;
      // At the end of the connection it gives what is left.
      if (octets?.length === count) return octets;
      await Promise.race([new Promise<void>((resolve) => (this.wake = resolve)), this.failed]);
    }
  }

  /** The connection belongs to the target from here on. */
  release(): void {
    this.socket.off("error", this.fail).off("end", this.ended).off("readable", this.readable);
  }

  private readonly ended = (): void => this.fail(new Error("it closed the connection"));
  private readonly readable = (): void => this.wake();
}
