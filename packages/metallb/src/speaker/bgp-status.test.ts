import { expect, it } from "vitest";
import { BgpStatus } from "./bgp-status.ts";
import { StatusApi } from "./testing.ts";

const SERVICE = "metallb.io/service-name";
const labels = (name: string) => ({ "metallb.io/service-namespace": "default", [SERVICE]: name });

function open(...standing: readonly (readonly [name: string, service: string, ...peers: string[]])[]) {
  const api = new StatusApi(({ metadata, status }) =>
    `${metadata.labels[SERVICE] ?? "summary"} ${((status?.peers ?? []) as readonly string[]).join()}`.trimEnd(),
  );
  for (const [name, service, ...peers] of standing) api.put(name, labels(service), { peers });
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
  const { api, status, want } = open(["x", "a", "p"], ["y", "gone", "p"]);
  await status.start();
  want("a", "p");
  want("b", "q");
  await new Promise(setImmediate);
  expect(api.written).toEqual([]);
  status.begin();
  await api.until(() => api.written.length === 3);
  expect(api.written.toSorted()).toEqual(["create b", "remove gone p", "status b q"]);
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

it("makes an object with two writes, and changes one with one, whenever the watch tells of them", async () => {
  for (const late of [false, true]) {
    const { api, status, want } = open();
    await status.start();
    status.begin();
    if (late) api.hold();
    for (let n = 0; n < 1_000; n++) want(`s${n}`, "p");
    await api.until(() => api.written.length === 2_000);
    want("s7", "p", "q");
    await api.until(() => api.written.length === 2_001);
    want("s7", "p", "q");
    if (late) api.release();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(api.written.slice(2_000)).toEqual(["status s7 p,q"]);
    await status.stop();
  }
});

it("makes anew what somebody deleted, and repairs what somebody changed", async () => {
  const { api, status, want } = open(["x", "a", "p"]);
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

it("makes no more than 2,000 and one that sums up the rest, and lets another in when one goes", async () => {
  const { api, status, want, warned } = open();
  await status.start();
  status.begin();
  for (let n = 0; n < 2_000; n++) want(`s${n}`, "p");
  want("s2000", "q");
  want("s2001", "p", "r");
  await api.until(() => api.written.includes("status summary p,q,r"));
  const summary = () => [...api.objects.values()].filter(({ metadata }) => !(SERVICE in metadata.labels));
  expect(summary()).toMatchObject([
    {
      metadata: { labels: { "metallb.io/node": "node-1" } },
      status: { node: "node-1", peers: ["p", "q", "r"], furtherServices: 2 },
    },
  ]);
  expect([warned.length, status.isLimited]).toEqual([1, true]);
  status.want("default/s0", null);
  await api.until(() => api.written.includes("status s2000 q") && api.written.includes("status summary p,r"));
  expect(status.has("default/s2001")).toBeUndefined();
  status.want("default/s2001", null);
  await api.until(() => api.written.includes("remove summary p,r"));
  expect([api.objects.size, status.isLimited]).toEqual([2_000, false]);
  await status.stop();
});

it("does not write again what the API does not store, since its schema is older", async () => {
  const { api, status, want } = open();
  api.unknown.add("furtherServices");
  await status.start();
  for (let n = 0; n < 2_001; n++) want(`s${n}`, "p");
  status.begin();
  await api.until(() => api.written.length === 4_002);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect(api.written).toHaveLength(4_002);
  await status.stop();
});
