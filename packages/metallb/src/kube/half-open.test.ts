import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createClient, type KubeClient, keyOf, RESOURCES, type Reflector, watch } from "#kube";

// A proxy between us and the API that goes half open: its connections stay, and nothing passes any more. The clock
// is the test's, the connections are real.

const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

/** Lists one object, and takes watches. */
class Api {
  lists = 0;
  readonly versions: string[] = [];
  readonly watches: ServerResponse[] = [];
  readonly server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://api");
    if (searchParams.has("watch")) {
      this.versions.push(searchParams.get("resourceVersion") ?? "");
      this.watches.push(response);
      response.writeHead(200).flushHeaders();
      return;
    }
    this.lists++;
    response.end(JSON.stringify({ metadata: { resourceVersion: "1" }, items: [] }));
  });
}

/** Carries octets, until the connections that it has are frozen; those that come later are carried, or not either. */
class Between {
  carries = true;
  readonly open = new Set<Socket>();
  readonly server: Server;

  constructor(to: number) {
    this.server = createTcpServer((near) => {
      this.open.add(near);
      near.on("close", () => this.open.delete(near)).on("error", () => {});
      if (!this.carries) return;
      const far = connect(to, "127.0.0.1");
      far.on("error", () => {});
      near.pipe(far);
      far.pipe(near);
      near.on("close", () => far.destroy());
      this.frozen.push(() => {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      });
    });
  }

  private readonly frozen: (() => void)[] = [];

  freeze(): void {
    for (const freeze of this.frozen.splice(0)) freeze();
  }
}

let api: Api;
let proxy: Between;
let client: KubeClient;
let reflector: Reflector<string>;
const troubles: string[] = [];

/** Real time, since what is waited for passes through sockets. */
const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 5_000 && !holds(); i++) await new Promise((resolve) => setImmediate(resolve));
  if (!holds()) await expect.poll(() => holds()).toBe(true);
};

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  api = new Api();
  await once(api.server.listen(0, "127.0.0.1"), "listening");
  proxy = new Between(port(api.server));
  await once(proxy.server.listen(0, "127.0.0.1"), "listening");
  const server = `http://127.0.0.1:${port(proxy.server)}`;
  client = createClient({ server, namespace: null, tls: {}, token: async () => "token" }, { userAgent: "test" });
  troubles.length = 0;
  reflector = watch(client, RESOURCES.services, {
    project: keyOf,
    random: () => 1,
    onTrouble: (message) => troubles.push(message),
  });
  reflector.start();
  await reflector.synced;
  await until(() => api.watches.length === 1);
});

afterEach(async () => {
  vi.useRealTimers();
  reflector.stop();
  client.close();
  for (const socket of proxy.open) socket.destroy();
  proxy.server.close();
  api.server.closeAllConnections();
  api.server.close();
});

const added = (name: string, resourceVersion: string): string =>
  `${JSON.stringify({ type: "ADDED", object: { metadata: { name, resourceVersion } } })}\n`;

it("notices within 55 s that its watch alone is dead, and goes on from its last version without a list", async () => {
  api.watches[0]?.write(added("a", "7"));
  await until(() => reflector.store.size === 1);
  proxy.freeze();
  api.watches[0]?.write(added("b", "8"));
  await vi.advanceTimersByTimeAsync(54_000);
  expect([api.watches.length, troubles]).toEqual([1, []]);
  await vi.advanceTimersByTimeAsync(1_100);
  await until(() => api.watches.length === 2);
  expect([api.versions, api.lists]).toEqual([["1", "7"], 1]);
  expect(troubles).toEqual(["the watch did not end in time: its connection is taken for dead"]);
  await until(() => reflector.trouble === null);
  api.watches[1]?.write(added("b", "8"));
  await until(() => reflector.store.size === 2);
});

it("uses no connection that lay idle meanwhile, and tries on while nothing passes at all", async () => {
  // A connection that no request uses: it is as dead as that of the watch.
  await client.request("GET", "/api/v1/services");
  proxy.freeze();
  proxy.carries = false;
  await vi.advanceTimersByTimeAsync(56_000);
  await until(() => troubles.length === 1);
  expect(reflector.trouble).toBe("the watch did not end in time: its connection is taken for dead");
  // The next watch goes into a connection of its own, which is not carried either.
  await until(() => proxy.open.size === 1);
  proxy.carries = true;
  await vi.advanceTimersByTimeAsync(56_000);
  await until(() => api.watches.length === 2);
  await until(() => reflector.trouble === null);
  expect([api.versions, api.lists]).toEqual([["1", "1"], 2]);
});

it("is not held twice by connections that lay idle when one request gets no answer", async () => {
  const get = (timeout: number) => client.request("GET", "/api/v1/services", { timeout });
  await Promise.all([get(30_000), get(30_000), get(30_000)]);
  const before = new Set(proxy.open);
  proxy.freeze();
  // The limit of a request is the machine's.
  await expect(get(50)).rejects.toMatchObject({ status: 0 });
  await get(30_000);
  expect([...proxy.open].filter((socket) => !before.has(socket))).toHaveLength(1);
});

it("costs a healthy API one watch in 45 s, on the same connection, and no list and no trouble", async () => {
  for (let round = 1; round <= 10; round++) {
    await vi.advanceTimersByTimeAsync(45_000);
    api.watches.at(-1)?.end();
    await until(() => api.watches.length === round + 1);
  }
  expect([api.lists, troubles, proxy.open.size]).toEqual([1, [], 1]);
});
