import { expect, it, onTestFinished } from "vitest";
import { ApiError } from "#kube";
import { parseIp } from "#net";
import { SessionStates } from "./session-states.ts";
import { StatusApi } from "./testing.ts";

const NODE = "frrk8s.metallb.io/node";
type Reports = ConstructorParameters<typeof SessionStates>[0]["sessions"]["reports"];
type BfdReport = NonNullable<ReturnType<ConstructorParameters<typeof SessionStates>[0]["bfd"]["of"]>>;

const at = (text: string) => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return { kind: "address", address: parsed.value, interface: null } as const;
};

function open(settings: Partial<StatusApi> = {}) {
  const api = Object.assign(
    new StatusApi(({ metadata, status = {} }) => {
      const { bgpStatus = "", bfdStatus = "" } = status as Record<string, string>;
      return [metadata.labels["frrk8s.metallb.io/peer"] ?? "", bgpStatus, bfdStatus].join(" ").trimEnd();
    }),
    settings,
  );
  const peers = new Map<string, object>();
  const reports = new Map<string, object>();
  const watched = new Map<string, Pick<BfdReport, "state">>();
  const told: string[] = [];
  const states = new SessionStates({
    client: api.client,
    namespace: "system",
    node: "node-1",
    owner: Promise.resolve({ name: "speaker-0", uid: "1", daemonSet: null }),
    log: { info: (msg, fields) => void told.push(`${msg}: ${String(fields?.error)}`) },
    trouble: () => {},
    plan: () => ({ peers: peers as never }),
    sessions: { reports: reports as never as Reports },
    bfd: { of: (name) => watched.get(name) as BfdReport | undefined },
  });
  onTestFinished(() => states.stop());
  const peer = (name: string, endpoint: object, more: object = {}) =>
    peers.set(name, { endpoint, vrf: null, bfd: null, ...more });
  const session = (name: string, state: string, next: object | null = null) => {
    reports.set(name, { state, next });
    states.look();
  };
  return { api, states, peers, watched, peer, session, told };
}

it("has an object for each peer, with labels and words as users of frr-k8s know them", async () => {
  const { api, states, peer, session, watched } = open();
  peer("a", at("192.0.2.1"), { bfd: {} });
  peer("b", at("2001:db8::1"), { vrf: "red" });
  peer("c", { kind: "interface", interface: "eth1" });
  session("a", "Established");
  session("b", "Connect", {});
  watched.set("a", { state: "Up" });
  states.start();
  await api.until(() => api.written.length === 7);
  expect([...api.objects.values()].map(({ metadata, status }) => ({ ...metadata.labels, ...status }))).toEqual([
    {
      "frrk8s.metallb.io/node": "node-1",
      "frrk8s.metallb.io/peer": "192.0.2.1",
      "frrk8s.metallb.io/vrf": "",
      node: "node-1",
      peer: "192.0.2.1",
      vrf: "",
      bgpStatus: "Established",
      bfdStatus: "up",
    },
    {
      "frrk8s.metallb.io/node": "node-1",
      "frrk8s.metallb.io/peer": "2001-db8--1",
      "frrk8s.metallb.io/vrf": "red",
      node: "node-1",
      peer: "2001:db8::1",
      vrf: "red",
      bgpStatus: "Active",
      bfdStatus: "N/A",
    },
    {
      "frrk8s.metallb.io/node": "node-1",
      "frrk8s.metallb.io/peer": "eth1",
      "frrk8s.metallb.io/vrf": "",
      node: "node-1",
      peer: "eth1",
      vrf: "",
      bgpStatus: "Idle",
      bfdStatus: "N/A",
    },
  ]);
  expect([...api.objects.values()][0]?.metadata).toMatchObject({
    generateName: "node-1-",
    ownerReferences: [{ kind: "Pod", name: "speaker-0" }],
  });
});

it("writes a change once, nothing while a session is tried, and removes what is of no peer", async () => {
  const { api, states, peers, watched, peer, session } = open();
  peer("a", at("192.0.2.1"), { bfd: {} });
  peer("b", at("192.0.2.2"));
  session("a", "Connect", {});
  states.start();
  await api.until(() => api.written.length === 5);
  for (const state of ["Active", "Idle", "Connect", "OpenSent", "OpenConfirm"]) session("a", state, {});
  watched.set("a", { state: "Up" });
  session("a", "Established");
  await api.until(() => api.written.includes("status 192.0.2.1 Established up"));
  peers.delete("b");
  states.look();
  await api.until(() => api.written.length === 7);
  watched.set("a", { state: "Down" });
  session("a", "Idle", {});
  await api.until(() => api.written.length === 8);
  expect(api.written.slice(5)).toEqual([
    "status 192.0.2.1 Established up",
    "remove 192.0.2.2 Idle N/A",
    "status 192.0.2.1 Active down",
  ]);
});

it("adopts what an earlier run left, makes anew what is at another place, and leaves to others what is theirs", async () => {
  const { api, states, peer } = open();
  const own = { [NODE]: "node-1" };
  const idle = (at: string) => ({ peer: at, vrf: "", bgpStatus: "Idle", bfdStatus: "N/A" });
  api.put("x", { ...own, "frrk8s.metallb.io/peer": "192.0.2.1" }, idle("192.0.2.1"), { "metallb.io/bgp-peer": "a" });
  api.put("y", { ...own, "frrk8s.metallb.io/peer": "192.0.2.9" }, idle("192.0.2.9"), { "metallb.io/bgp-peer": "b" });
  api.put("z", { ...own, "frrk8s.metallb.io/peer": "192.0.2.3" }, idle("192.0.2.3"));
  peer("a", at("192.0.2.1"));
  peer("b", at("192.0.2.2"));
  states.start();
  await api.until(() => api.written.length === 4);
  expect(api.written).toEqual(["list", "remove 192.0.2.9 Idle N/A", "create 192.0.2.2", "status 192.0.2.2 Idle N/A"]);
  expect(api.objects.size).toBe(3);
});

it("says once where the API does not know the kind, and writes nothing", async () => {
  const { api, states, peer, session, told } = open({ refusal: new ApiError(404, "NotFound", "not found") });
  peer("a", at("192.0.2.1"));
  states.start();
  await api.until(() => api.written.length === 1);
  session("a", "Established");
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect([told, api.written]).toEqual([["no BGPSessionState objects are written: not found"], ["list"]]);
});
