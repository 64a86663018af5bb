import { expect, it } from "vitest";
import { ApiError, type KubeClient, type KubeObject } from "#kube";
import { BgpStatus } from "./bgp-status.ts";

const labelled = (name: string, service: string, peers: readonly string[]) => ({
  metadata: {
    name,
    namespace: "system",
    resourceVersion: "1",
    labels: { "metallb.io/service-namespace": "default", "metallb.io/service-name": service },
  },
  status: { peers },
});

/** An API with the objects of one node. What is written is noted, and the watch tells of it. */
class FakeApi {
  readonly written: string[] = [];
  readonly objects = new Map<string, ReturnType<typeof labelled>>();
  /** Names of Services whose writes never answer. */
  readonly stuck = new Set<string>();
  private line: (text: string) => void = () => {};
  private wake: () => void = () => {};
  private serial = 0;

  readonly client = {
    request: async () => ({ metadata: { resourceVersion: "1" }, items: [...this.objects.values()] }),
    stream: (_: string, __: unknown, line: (text: string) => void, signal: AbortSignal) => {
      this.line = line;
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    create: async (_: unknown, __: unknown, object: KubeObject) => {
      const service = object.metadata?.labels?.["metallb.io/service-name"] ?? "";
      await this.wait(service);
      const made = labelled(`bgp-${++this.serial}`, service, []);
      this.objects.set(made.metadata.name, made);
      this.note(`create ${service}`);
      this.tell("ADDED", made);
      return made;
    },
    patch: async (_: unknown, { name }: { name: string }, __: unknown, patch: { status: { peers: string[] } }) => {
      const object = this.objects.get(name);
      if (!object) throw new ApiError(404, "NotFound", "gone");
      object.status.peers = patch.status.peers;
      this.note(`status ${object.metadata.labels["metallb.io/service-name"]} ${patch.status.peers.join()}`);
      this.tell("MODIFIED", object);
      return object;
    },
    remove: async (_: unknown, { name }: { name: string }) => {
      this.delete(name);
      this.note(`remove ${name}`);
    },
  } as unknown as KubeClient;

  delete(name: string): void {
    const object = this.objects.get(name);
    this.objects.delete(name);
    if (object) this.tell("DELETED", object);
  }

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
  }

  private note(what: string): void {
    this.written.push(what);
    this.wake();
  }

  private tell(type: string, object: object): void {
    this.line(JSON.stringify({ type, object }));
  }

  private async wait(service: string): Promise<void> {
    if (this.stuck.has(service)) await new Promise(() => {});
  }
}

function open(...standing: ReturnType<typeof labelled>[]) {
  const api = new FakeApi();
  for (const object of standing) api.objects.set(object.metadata.name, object);
  const wanted = new Map<string, readonly string[]>();
  const warned: string[] = [];
  const status = new BgpStatus({
    client: api.client,
    namespace: "system",
    node: "node-1",
    owner: Promise.resolve(null),
    log: { warn: (msg) => void warned.push(msg) },
    trouble: () => {},
    peersOf: (service) => wanted.get(service) ?? null,
  });
  const want = (service: string, ...peers: readonly string[]) => {
    wanted.set(`default/${service}`, peers);
    status.want(`default/${service}`, peers);
  };
  return { api, status, want, warned };
}

it("writes nothing of what stands as it should, and removes the rest only once all that is wanted is known", async () => {
  const { api, status, want } = open(labelled("x", "a", ["p"]), labelled("y", "gone", ["p"]));
  await status.start();
  want("a", "p");
  want("b", "q");
  await new Promise(setImmediate);
  expect(api.written).toEqual([]);
  status.begin();
  await api.until(() => api.written.length === 3);
  expect(api.written.toSorted()).toEqual(["create b", "remove y", "status b q"]);
  await status.stop();
});

it("goes on with others while the API does not answer for one", async () => {
  const { api, status, want } = open();
  api.stuck.add("slow");
  await status.start();
  status.begin();
  want("slow", "p");
  for (let n = 0; n < 20; n++) want(`s${n}`, "p");
  await api.until(() => api.written.length === 40);
  expect(api.written.filter((line) => line.includes("slow"))).toEqual([]);
});

it("makes anew what somebody deleted, and repairs what somebody changed", async () => {
  const { api, status, want } = open(labelled("x", "a", ["p"]));
  await status.start();
  want("a", "p");
  status.begin();
  api.delete("x");
  await api.until(() => api.written.includes("status a p"));
  expect(api.written).toEqual(["create a", "status a p"]);
  const [made] = api.objects.values();
  if (made)
    await api.client.patch(undefined as never, { name: made.metadata.name }, "merge", { status: { peers: ["z"] } });
  await api.until(() => api.written.filter((line) => line === "status a p").length === 2);
  await status.stop();
});

it("makes no more than 2,000, and lets another in when one goes", async () => {
  const { api, status, want, warned } = open();
  await status.start();
  status.begin();
  for (let n = 0; n < 2_002; n++) want(`s${n}`, "p");
  await api.until(() => api.objects.size === 2_000 && api.written.length === 4_000);
  expect([warned.length, status.isLimited]).toEqual([1, true]);
  status.want("default/s0", null);
  await api.until(() => api.written.includes("status s2000 p"));
  expect(status.has("default/s2001")).toBeUndefined();
  await status.stop();
});
