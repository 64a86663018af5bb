import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createClient, type KubeClient, keyOf, RESOURCES, type Reflector, watch } from "#kube";

interface Item {
  readonly name: string;
  readonly version: string;
}

const object = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } });

/** An API server in a few lines: it lists what it is told, and its watches are written to by hand. */
class FakeApi {
  items: unknown[] = [];
  version = "1";
  /** What the next lists are answered with, instead of the items. */
  readonly answers: { status: number; body: string }[] = [];
  readonly accepted: (string | undefined)[] = [];
  lists = 0;
  readonly watches: ServerResponse[] = [];
  readonly requests: string[] = [];
  private waiting: (() => void)[] = [];
  private readonly server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    this.requests.push(url.pathname + url.search);
    this.accepted.push(request.headers.accept);
    if (url.searchParams.has("watch")) {
      response.writeHead(200);
      response.flushHeaders();
      this.watches.push(response);
    } else if (this.answers.length > 0) {
      this.lists++;
      const { status, body } = this.answers.shift() as { status: number; body: string };
      response.writeHead(status);
      response.end(body);
    } else {
      this.lists++;
      response.end(JSON.stringify({ metadata: { resourceVersion: this.version }, items: this.items }));
    }
    for (const resolve of this.waiting.splice(0)) resolve();
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async watched(count: number): Promise<ServerResponse> {
    while (this.watches.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.watches[count - 1] as ServerResponse;
  }

  stop(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

let api: FakeApi;
let client: KubeClient;
let reflector: Reflector<Item>;
let changes: string[][];
let troubles: string[];
let changed: () => void;

const line = (type: string, body: unknown) => `${JSON.stringify({ type, object: body })}\n`;

/** The next keys that differ. */
const nextChange = async (): Promise<string[]> => {
  const seen = changes.length;
  while (changes.length === seen) await new Promise<void>((resolve) => (changed = resolve));
  return changes.at(-1) as string[];
};

beforeEach(async () => {
  api = new FakeApi();
  api.items = [object("a", "1"), object("b", "1"), { metadata: {} }, null];
  const server = await api.start();
  client = createClient({ server, namespace: null, tls: {}, token: async () => "secret-token" }, { userAgent: "test" });
  [changes, troubles, changed] = [[], [], () => {}];
  reflector = watch(client, RESOURCES.services, {
    project: (each) => {
      const { name, resourceVersion } = (each as ReturnType<typeof object>).metadata;
      return name === "hidden" ? null : { name, version: resourceVersion };
    },
    same: (a, b) => a.version === b.version,
    onTrouble: (message) => troubles.push(message),
    random: () => 0,
  });
  reflector.onChange((keys) => {
    changes.push([...keys].sort());
    changed();
  });
  reflector.start();
  await reflector.synced;
});

afterEach(async () => {
  reflector.stop();
  client.close();
  await api.stop();
});

it("reads the list, leaves out what has no name, and tells the keys once", async () => {
  expect(await nextChangeOrNow()).toEqual(["a", "b"]);
  expect([...reflector.store.keys()]).toEqual(["a", "b"]);
  expect(api.requests[0]).toBe("/api/v1/services?limit=500");
});

const nextChangeOrNow = async (): Promise<string[]> => changes[0] ?? nextChange();

it("tells what one read of the watch brought as one set of keys, and nothing that is the same", async () => {
  const response = await api.watched(1);
  const told = nextChange();
  response.write(
    line("MODIFIED", object("a", "1")) +
      line("MODIFIED", object("b", "2")) +
      line("ADDED", object("c", "3")) +
      line("ADDED", object("hidden", "4")) +
      line("BOOKMARK", object("", "5")),
  );
  expect(await told).toEqual(["b", "c"]);
  const gone = nextChange();
  response.write(line("DELETED", object("c", "6")));
  expect(await gone).toEqual(["c"]);
  expect([...reflector.store.values()]).toEqual([
    { name: "a", version: "1" },
    { name: "b", version: "2" },
  ]);
});

it("takes lines however they are cut", async () => {
  const response = await api.watched(1);
  const told = nextChange();
  const text = line("ADDED", object("ünïcödé", "7"));
  for (const octet of Buffer.from(text)) {
    response.write(Buffer.of(octet));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await told).toEqual(["ünïcödé"]);
});

it("finds deletions that it missed when the server has forgotten where it was", async () => {
  const response = await api.watched(1);
  api.items = [object("b", "8")];
  api.version = "9";
  const told = nextChange();
  response.write(line("ERROR", { code: 410, message: "too old resource version" }));
  expect(await told).toEqual(["a", "b"]);
  expect([...reflector.store.keys()]).toEqual(["b"]);
  await api.watched(2);
  expect(api.requests.at(-1)).toContain("resourceVersion=9");
});

it.each(["not json c2VjcmV0", "null", "[]", '{"type":5}'])(
  "goes on after a line such as %s, and does not repeat it",
  async (text) => {
    (await api.watched(1)).write(`${text}\n`);
    await api.watched(2);
    expect(troubles).toEqual(["a line of the watch is not a watch event"]);
    expect([...reflector.store.keys()]).toEqual(["a", "b"]);
  },
);

it("goes on where it was after the connection broke", async () => {
  const response = await api.watched(1);
  const told = nextChange();
  response.write(line("ADDED", object("c", "3")));
  await told;
  response.destroy();
  await api.watched(2);
  expect(api.requests.at(-1)).toContain("resourceVersion=3");
  expect(api.lists).toBe(1);
});

it("leaves nothing open when it is stopped", async () => {
  const response = await api.watched(1);
  const closed = new Promise((resolve) => response.once("close", resolve));
  reflector.stop();
  await closed;
  expect(troubles).toEqual([]);
});

it.each([
  "{}",
  "",
  "null",
  '{"kind":"Status","status":"Success"}',
  '{"metadata":{},"items":[]}',
  '{"metadata":{"resourceVersion":"9"}}',
])("keeps what it knows when a relist is answered with 200 and %s", async (body) => {
  const response = await api.watched(1);
  api.answers.push({ status: 200, body });
  api.items = [object("b", "8")];
  const told = nextChange();
  response.write(line("ERROR", { code: 410, message: "too old resource version" }));
  // The first list is no list; the second, after a pause, is.
  expect(await told).toEqual(["a", "b"]);
  expect(api.lists).toBe(3);
  expect(troubles).toEqual(["the answer is not a list: what was known stays"]);
});

it("names the right that is missing, until it is given", async () => {
  const response = await api.watched(1);
  api.answers.push({ status: 403, body: JSON.stringify({ kind: "Status", reason: "Forbidden", message: "no" }) });
  response.write(line("ERROR", { code: 410 }));
  await expect.poll(() => reflector.trouble).toContain("missing right: list services at cluster scope: ");
  expect(troubles).toEqual([reflector.trouble]);
  await api.watched(2);
  await expect.poll(() => reflector.trouble).toBe(null);
});

it("reads objects that do not fit into one page in smaller ones", { timeout: 20_000 }, async () => {
  const response = await api.watched(1);
  const large = "x".repeat(17 * 1024 * 1024);
  api.answers.push({ status: 200, body: JSON.stringify({ metadata: { resourceVersion: "9" }, items: [], large }) });
  api.items = [object("c", "8")];
  const told = nextChange();
  response.write(line("ERROR", { code: 410 }));
  expect(await told).toEqual(["a", "b", "c"]);
  expect(api.requests.filter((path) => path.includes("limit"))).toEqual(
    ["500", "500", "250"].map((limit) => `/api/v1/services?limit=${limit}`),
  );
  expect(troubles).toEqual([]);
});

it("asks for metadata alone where that is enough", async () => {
  const partial = watch(client, RESOURCES.namespaces, { project: keyOf, metadataOnly: true });
  partial.start();
  await partial.synced;
  await api.watched(2);
  partial.stop();
  const [list, follow] = api.accepted.slice(-2);
  expect([list, follow]).toEqual([
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
  ]);
});
