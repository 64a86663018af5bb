import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { formatIp, type Ip, parseIp } from "#net";
import { openTcp, type TcpConnection, type TcpTarget } from "#sys";
import { libc, setTtl } from "./libc.ts";
import { TtlTrial } from "./ttl-trial.ts";

// Of <linux/in.h>.
const IPPROTO_IP = 0;
const IP_MINTTL = 21;

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

const descriptorOf = (open: Server | Socket): number => (open as unknown as { _handle: { fd: number } })._handle.fd;

/** A server on loopback and what it was sent; null: nobody listens there. */
async function listen(): Promise<{
  server: Server;
  port: number;
  received: Promise<string>;
  accepted: Promise<Socket>;
}> {
  const received = Promise.withResolvers<string>();
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    let text = "";
    sockets.push(socket);
    socket.setEncoding("utf8").on("error", () => {});
    socket.on("data", (part) => {
      text += String(part);
    });
    socket.on("end", () => received.resolve(text));
    accepted.resolve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no port");
  return { server, port: bound.port, received: received.promise, accepted: accepted.promise };
}

/** Opens a connection; what is told of it, as promises and a list. */
function open(target: Partial<TcpTarget> & { port: number }) {
  const told: string[] = [];
  const connected = Promise.withResolvers<string>();
  const drained = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<string>();
  const connection: TcpConnection = openTcp(
    {
      address: address("127.0.0.1"),
      sourceAddress: null,
      interface: null,
      device: null,
      password: null,
      hops: "any",
      ...target,
    },
    {
      connected: (local, remote) => {
        told.push("connected");
        connected.resolve(`${formatIp(local)} to ${formatIp(remote)}`);
      },
      guarded: () => told.push("guarded"),
      unguarded: () => told.push("unguarded"),
      received: (bytes) => told.push(Buffer.from(bytes).toString()),
      drained: () => drained.resolve(),
      failed: (reason) => {
        told.push(`failed: ${reason}`);
        failed.resolve(reason);
      },
    },
  );
  return { connection, told, connected: connected.promise, drained: drained.promise, failed: failed.promise };
}

const closedPort = async (): Promise<number> => {
  const { port } = await listen();
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
};

describe("a TCP connection", () => {
  it("starts from its source address, says when all is sent, and ends after what was sent", async () => {
    const server = await listen();
    const { connection, connected, drained, told } = open({ port: server.port, sourceAddress: address("127.0.0.3") });
    expect(await connected).toBe("127.0.0.3 to 127.0.0.1");
    connection.send([Buffer.from("one "), Buffer.from("two ")]);
    await drained;
    // More than the kernel takes at once.
    const large = "x".repeat(8_000_000);
    connection.send([Buffer.from(large)]);
    void connection.close();
    expect((await server.received) === `one two ${large}`).toBe(true);
    expect(told).toEqual(["connected"]);
  });

  it("tells what it receives, and that the peer ended it", async () => {
    const server = await listen();
    const { failed, told } = open({ port: server.port });
    (await server.accepted).end("hello");
    expect(await failed).toBe("closed by the peer");
    expect(told).toEqual(["connected", "hello", "failed: closed by the peer"]);
  });

  it("is closed once the peer took all that was sent", async () => {
    const server = await listen();
    const { connection, connected } = open({ port: server.port });
    await connected;
    const socket = (await server.accepted).pause();
    // More than the kernel buffers on both sides.
    connection.send([Buffer.alloc(32 << 20, "x")]);
    let isLeft = false;
    const left = connection.close().then(() => {
      isLeft = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isLeft).toBe(false);
    socket.resume();
    await left;
    expect((await server.received).length).toBe(32 << 20);
    await connection.close();
  });

  it("says in words why it cannot be", async () => {
    const port = await closedPort();
    expect(await open({ port }).failed).toBe("connection refused");
    const foreign = { port, sourceAddress: address("192.0.2.77") };
    expect(await open(foreign).failed).toBe("address 192.0.2.77 does not exist on this host");
  });
});

describe.skipIf(process.platform !== "linux")("a TCP connection with a password", () => {
  it("says in the same words why it cannot be", async () => {
    const port = await closedPort();
    const foreign = { port, password: "secret", sourceAddress: address("192.0.2.77") };
    expect(await open(foreign).failed).toBe("address 192.0.2.77 does not exist on this host");
    const long = await open({ port, password: "x".repeat(81) }).failed;
    expect(long).toBe("the password is longer than 80 octets");
  });

  it("is found out to send TTL 255, or not to, without harm to it", async () => {
    const server = await listen();
    const { connection, told } = open({ port: server.port, hops: "one" });
    const socket = await server.accepted;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    // The kernel of the listener sends TTL 64: nothing of it is taken for a moment, and then everything.
    connection.send([Buffer.from("one")]);
    socket.write("two");
    await vi.waitFor(() => expect(told).toEqual(["connected", "two"]), { timeout: 20_000 });
    await connection.close();
  });

  it("is asked for its TTL with a keepalive alone, and no longer than nothing else is to be sent", async () => {
    const server = await listen();
    const socket = connect(server.port, "127.0.0.1");
    sockets.push(socket);
    await server.accepted;
    await vi.waitFor(() => expect(socket.connecting).toBe(false));
    const fd = descriptorOf(socket);
    const least = (): number => {
      const value = Buffer.alloc(4);
      libc.getsockopt(fd, IPPROTO_IP, IP_MINTTL, value, [4]);
      return value.readInt32LE();
    };
    const trial = new TtlTrial(fd, 4, () => {}, 0);
    trial.beforeSend(48, true);
    trial.beforeSend(19, false);
    expect(least()).toBe(0);
    trial.beforeSend(19, true);
    expect(least()).toBe(255);
    trial.beforeSend(48, true);
    expect(least()).toBe(0);
    trial.beforeSend(19, true);
    expect(least()).toBe(255);
    trial.end();
  });

  it("is held to TTL 255 only where something comes with it: that the handshake had it proves nothing", async () => {
    const server = await listen();
    setTtl(descriptorOf(server.server), 4, 255);
    const { connection, told } = open({ port: server.port, hops: "guarded" });
    const socket = await server.accepted;
    setTtl(descriptorOf(socket), 4, 64);
    socket.write("one");
    await vi.waitFor(() => expect(told).toEqual(["connected", "unguarded", "one"]), { timeout: 10_000 });
    await connection.close();
  });

  it("is silent where a listener has none, for as long as it is wanted, and costs nothing meanwhile", async () => {
    const server = await listen();
    const attempts = Array.from({ length: 64 }, () => open({ port: server.port, password: "secret" }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = process.threadCpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { user, system } = process.threadCpuUsage(before);
    // Microseconds of this thread in half a second, other tests left out: asking every 5 ms took some 40 ms.
    expect(user + system).toBeLessThan(20_000);
    expect(attempts.flatMap(({ told }) => told)).toEqual([]);
    for (const { connection } of attempts) await connection.close();
  });
});
