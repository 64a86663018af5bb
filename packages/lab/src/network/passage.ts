import { spawn } from "node:child_process";
import { connect, createServer, Server, type Socket } from "node:net";
import { extname, join } from "node:path";
import { type Child, diesWithUs, startChild } from "#base";
import type { Namespace } from "./namespace.ts";

/** Connections carried between this machine and a namespace, without any interface between the two. */
export interface Passage {
  close(): Promise<void>;
}

const INSIDE = join(import.meta.dirname, `inside${extname(import.meta.filename)}`);

/**
 * Inside the namespace, `127.0.0.1:port` leads to `127.0.0.1:port` of this machine. A process that
 * lives for a moment opens the listening socket inside and hands it over: a socket stays in the
 * namespace that it was made in, whoever holds it.
 */
export async function publishInto(space: Namespace, port: number): Promise<Passage> {
  const server = await listenInside(space, port);
  return carry(server, () => connect({ host: "127.0.0.1", port }));
}

/** A port on this machine's 127.0.0.1 that leads to `127.0.0.1:port` inside. `socket`: a free path for the way between. */
export async function reachInto(
  space: Namespace,
  port: number,
  socket: string,
): Promise<Passage & { readonly port: number }> {
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  const child = await startChild({
    name: `way to port ${port} in ${space.name}`,
    argv: space.command([process.execPath, INSIDE, "relay", socket, String(port)]),
    onLine: () => resolve(),
  });
  await Promise.race([listening, failsWith(child)]);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const bound = Promise.withResolvers<void>();
  server.once("error", bound.reject);
  server.listen(0, "127.0.0.1", bound.resolve);
  await bound.promise;
  const address = server.address();
  const passage = carry(server, () => connect({ path: socket }));
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async close() {
      await passage.close();
      await child.stop();
    },
  };
}

/** Rejects when the program ends. */
export async function failsWith(child: Child): Promise<never> {
  const ending = await child.ended;
  throw new Error(`${child.name} ended (${ending}): ${child.tail().join(" ")}`);
}

function listenInside(space: Namespace, port: number): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  const [program = "", ...args] = diesWithUs(space.command([process.execPath, INSIDE, "listen", String(port)]));
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2_000);
  });
  child.once("message", (_message, handle) => {
    if (handle instanceof Server) resolve(handle);
    child.disconnect();
  });
  child.once("error", reject);
  child.once("exit", () => reject(new Error(`no listener on port ${port} in ${space.name}: ${words.trim()}`)));
  return promise;
}

function carry(server: Server, dial: () => Socket): Passage {
  const open = new Set<Socket>();
  server.on("connection", (near: Socket) => {
    const far = dial();
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.setNoDelay();
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  return {
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
      await promise;
    },
  };
}
