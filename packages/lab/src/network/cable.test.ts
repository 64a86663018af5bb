import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "#base";
import { Cable } from "./cable.ts";

describe("a cable", () => {
  let router: Server;
  let cable: Cable;
  let port: number;
  const arrived: Socket[] = [];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    port = await freePort();
    router = createServer((socket) => arrived.push(socket.on("error", () => {})));
    router.listen(port, "127.77.250.1");
    await once(router, "listening");
    cable = await Cable.lay({ near: "127.77.250.111", from: "127.77.250.11", far: "127.77.250.1", port });
  });

  afterEach(async () => {
    await cable.close();
    for (const socket of [...sockets.splice(0), ...arrived.splice(0)]) socket.destroy();
    router.close();
  });

  async function dial(): Promise<readonly [Socket, Socket]> {
    const near = connect(port, "127.77.250.111").on("error", () => {});
    sockets.push(near);
    const [far] = (await once(router, "connection")) as [Socket];
    return [near, far];
  }

  const heard = async (socket: Socket) => String(((await once(socket, "data")) as [Buffer])[0]);

  /** What comes within a moment that is long beside the way through the cable. */
  const nothing = (socket: Socket, event: string) =>
    Promise.race([
      once(socket, event).then(() => event),
      new Promise((resolve) => setTimeout(() => resolve("nothing"), 150)),
    ]);

  it("carries both ways, and the router sees the node's own address", async () => {
    const [near, far] = await dial();
    expect(far.remoteAddress).toBe("127.77.250.11");
    near.write("there");
    expect(await heard(far)).toBe("there");
    far.write("back");
    expect(await heard(near)).toBe("back");
  });

  it("carries nothing while it is cut, and what was under way afterwards", async () => {
    const [near, far] = await dial();
    cable.cut();
    near.write("later");
    expect(await nothing(far, "data")).toBe("nothing");
    cable.heal();
    expect(await heard(far)).toBe("later");
  });

  it("tells neither end of the other's end while it is cut, but does when it is healed", async () => {
    const [near, far] = await dial();
    cable.cut();
    far.destroy();
    expect(await nothing(near, "close")).toBe("nothing");
    const closed = once(near, "close");
    near.resume();
    cable.heal();
    await closed;
  });

  it("lets new connections wait while it is cut", async () => {
    cable.cut();
    const near = connect(port, "127.77.250.111");
    sockets.push(near);
    await once(near, "connect");
    near.write("hello");
    expect(arrived).toHaveLength(0);
    cable.heal();
    const [far] = (await once(router, "connection")) as [Socket];
    expect(await heard(far)).toBe("hello");
  });

  it("passes the end of one side on", async () => {
    const [near, far] = await dial();
    near.end();
    far.resume();
    await once(far, "end");
    expect((far.address() as AddressInfo).port).toBe(port);
  });
});
