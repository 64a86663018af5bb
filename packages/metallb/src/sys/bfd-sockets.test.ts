import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { formatIp, type Ip, ip, parseIp } from "#net";
import { type BfdPath, BfdSockets } from "./bfd-sockets.ts";

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  return parsed.ok ? parsed.value : ip(4, 0n);
};
/** Loopback addresses of this process alone. */
const NET = `127.83.${process.pid % 250}`;
const path = (remote: string, minimumTtl: number): BfdPath => ({
  remote: address(remote),
  local: null,
  interface: null,
  vrf: null,
  multihop: true,
  minimumTtl,
});

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** Sockets that write down who was heard, and a way to send to them with a TTL. */
function listen() {
  const heard: string[] = [];
  let wake = (): void => {};
  const sockets = new BfdSockets(({ from, bytes }) => {
    heard.push(`${formatIp(from)} ${Buffer.from(bytes).toString()}`);
    wake();
  });
  open.push({ close: () => sockets.closeAll() });
  const send = async (from: string, to: string, ttl: number): Promise<void> => {
    const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
    open.push(socket);
    socket.bind(0, from);
    await once(socket, "listening");
    socket.setTTL(ttl);
    await new Promise<void>((resolve) => socket.send(String(ttl), 4784, to, () => resolve()));
  };
  /** Once the last one has come: the kernel keeps their order. */
  const until = async (last: string): Promise<readonly string[]> => {
    while (!heard.includes(last))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return heard;
  };
  return { sockets, send, until };
}

it("takes of each router what has as many hops left as its own session asks for", async () => {
  const { sockets, send, until } = listen();
  sockets.open("near", path(`${NET}.1`, 250));
  sockets.open("far", path(`${NET}.2`, 60));
  const to = `${NET}.9`;
  for (const ttl of [249, 250]) await send(`${NET}.1`, to, ttl);
  for (const ttl of [59, 60, 255]) await send(`${NET}.2`, to, ttl);
  await send(`${NET}.3`, to, 255);
  await send(`${NET}.1`, to, 251);
  expect(await until(`${NET}.1 251`)).toEqual([`${NET}.1 250`, `${NET}.2 60`, `${NET}.2 255`, `${NET}.1 251`]);
});

it("follows what sessions ask for when one goes and another comes", async () => {
  const { sockets, send, until } = listen();
  sockets.open("a", path(`${NET}.1`, 250));
  sockets.open("b", path(`${NET}.2`, 60));
  sockets.close("b");
  sockets.open("c", path(`${NET}.3`, 10));
  const to = `${NET}.9`;
  await send(`${NET}.2`, to, 255);
  await send(`${NET}.3`, to, 9);
  await send(`${NET}.3`, to, 10);
  expect(await until(`${NET}.3 10`)).toEqual([`${NET}.3 10`]);
});

it("compares all of an IPv6 address", async () => {
  const { sockets, send, until } = listen();
  for (const other of ["::2", "::1:0:0:1", "fd00::1", "::1:0:1"]) sockets.open(other, path(other, 1));
  sockets.open("own", path("::1", 200));
  await send("::1", "::1", 199);
  await send("::1", "::1", 200);
  expect(await until("::1 200")).toEqual(["::1 200"]);
});
