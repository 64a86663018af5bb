import { createServer as createHttpServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createClient, type KubeClient } from "#kube";
import { connectThroughSocks } from "./socks.ts";
import { PAIRS } from "./testing.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A SOCKS5 proxy that writes down what it hears, answers by `script`, octet by octet, and then carries to `to`. */
async function proxy(script: readonly (readonly number[])[], to: number | null = null) {
  const heard: string[] = [];
  const port = await listen(
    createServer((socket) => {
      const answers = [...script];
      const onData = (piece: Buffer): void => {
        heard.push(piece.toString("hex"));
        for (const octet of answers.shift() ?? []) socket.write(Uint8Array.of(octet));
        if (answers.length > 0) return;
        socket.off("data", onData);
        if (to === null) return void socket.end();
        const far = connect(to, "127.0.0.1");
        far.on("error", () => {});
        socket.pipe(far).pipe(socket);
        socket.on("close", () => far.destroy());
      };
      socket.setNoDelay(true).on("data", onData);
    }),
  );
  return { port, heard };
}

const DONE = [5, 0, 0, 1, 127, 0, 0, 1, 0, 80];
const NAMED = [5, 0, 0, 3, 2, 97, 98, 0, 80];
const through = (port: number, host: string, user = "") =>
  connectThroughSocks(new URL(`socks5://${user}127.0.0.1:${port}`), { host, port: 6443 }, 20_000);

it.each([
  ["an IPv4 address", "192.0.2.1", DONE, "05010001c0000201192b"],
  ["an IPv6 address", "fd00::1", DONE, "05010004fd000000000000000000000000000001192b"],
  ["a name, which it resolves", "api.test", NAMED, "05010003086170692e74657374192b"],
])("asks for %s", async (_, host, answer, request) => {
  const { port, heard } = await proxy([[5, 0], answer]);
  (await through(port, host)).destroy();
  expect(heard).toEqual(["050100", request]);
});

it("gives user and password where it is asked for them (RFC 1929)", async () => {
  const { port, heard } = await proxy([[5, 2], [1, 0], DONE]);
  (await through(port, "192.0.2.1", "us%40er:p%3Ass@")).destroy();
  expect(heard.slice(0, 2)).toEqual([
    "05020002",
    `0105${Buffer.from("us@er").toString("hex")}04${Buffer.from("p:ss").toString("hex")}`,
  ]);
});

it.each<[string, readonly (readonly number[])[], string, string]>([
  ["speaks HTTP", [[...Buffer.from("HTTP/1.1 400\r\n")]], "", "it does not speak SOCKS5"],
  ["wants credentials", [[5, 255]], "", "it wants other credentials"],
  ["wants a password that is not there", [[5, 2]], "", "it wants other credentials"],
  [
    "refuses the password",
    [
      [5, 2],
      [1, 1],
    ],
    "u:secret@",
    "it does not accept user and password",
  ],
  [
    "cannot connect",
    [
      [5, 0],
      [5, 5, 0, 1, 0, 0, 0, 0, 0, 0],
    ],
    "",
    "the connection was refused",
  ],
  [
    "answers what nobody knows",
    [
      [5, 0],
      [5, 77, 0, 1, 0, 0, 0, 0, 0, 0],
    ],
    "",
    "it answers 77",
  ],
  [
    "answers an address that cannot be read",
    [
      [5, 0],
      [5, 0, 0, 9, 0, 0],
    ],
    "",
    "its answer cannot be read",
  ],
  [
    "breaks off",
    [
      [5, 0],
      [5, 0],
    ],
    "",
    "it closed the connection",
  ],
])("says in words that it %s", async (_, script, user, words) => {
  const { port } = await proxy(script);
  const failure = await through(port, "192.0.2.1", user).catch((error: Error) => error.message);
  expect(failure).toBe(`the SOCKS proxy 127.0.0.1:${port}: ${words}`);
});

it("gives up on one that says nothing, and on one that is not there", async () => {
  const silent = await listen(createServer(() => {}));
  const ask = (port: number, limit: number) =>
    connectThroughSocks(new URL(`socks5://127.0.0.1:${port}`), { host: "h", port: 1 }, limit);
  await expect(ask(silent, 50)).rejects.toThrow("no answer in time");
  await expect(ask(1, 20_000)).rejects.toThrow(/the SOCKS proxy 127\.0\.0\.1:1: .*ECONNREFUSED/);
});

it.each(["http", "https"] as const)("carries requests over %s, on connections that are kept", async (scheme) => {
  const answer = (_: unknown, response: import("node:http").ServerResponse) => response.end('{"a":1}');
  const api = await listen(scheme === "http" ? createHttpServer(answer) : createSecureServer(PAIRS[0], answer));
  const { port, heard } = await proxy([[5, 0], DONE], api);
  const client: KubeClient = createClient(
    {
      server: `${scheme}://localhost:6443`,
      namespace: null,
      tls: { ca: PAIRS[0].cert },
      token: async () => "t",
      proxy: `socks5://127.0.0.1:${port}`,
    },
    { userAgent: "test" },
  );
  undo.push(() => client.close());
  expect(await client.request("GET", "/")).toEqual({ a: 1 });
  expect(await client.request("GET", "/")).toEqual({ a: 1 });
  expect(heard).toHaveLength(2);
});

it("says through the client that the proxy refused", async () => {
  const { port } = await proxy([
    [5, 0],
    [5, 2, 0, 1, 0, 0, 0, 0, 0, 0],
  ]);
  const proxied = `socks5://user:secret@127.0.0.1:${port}`;
  const client = createClient(
    { server: "https://api:6443", namespace: null, tls: {}, token: async () => "t", proxy: proxied },
    { userAgent: "test" },
  );
  undo.push(() => client.close());
  const failure = await client.request("GET", "/").catch((error: Error) => error.message);
  expect(failure).toBe(`api:6443: the SOCKS proxy 127.0.0.1:${port}: it does not allow this`);
});
