import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, startApiServer } from "@metallb-ts/apiserver";
import { decodeDump, replay } from "metallb/bgp";
import { createClient, type KubeClient, type KubeObject, loadCluster, RESOURCES, type Resource } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineResources, setAddress as giveAddress, serve as serveAt } from "../support/api.ts";
import { metallbObject, NAMESPACE } from "../support/objects.ts";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";
import { RecordingPeer, TYPE } from "./recording-peer.ts";

const NODE = "node-1";
/** Addresses and ports of this process alone: another run of these tests may go on beside it. */
const NETWORK = `127.79.${1 + (process.pid % 250)}`;
const PEER = `${NETWORK}.1`;
const SOURCE = `${NETWORK}.2`;
const PORTS = 17_000 + (process.pid % 1_000) * 3;
const HEALTH = PORTS;
const API_PORT = PORTS + 1;
const TAKEN = PORTS + 2;

interface State {
  readonly sequence: { readonly sent: number; readonly applied: number };
  readonly sessions: readonly { readonly peer: string; readonly state: string; readonly reason: string }[];
  readonly services: Readonly<
    Record<string, { readonly bgp: { readonly announced: boolean; readonly message?: string } }>
  >;
}

describe("a speaker", () => {
  const undo: (() => Promise<unknown>)[] = [];
  let folder: string;
  let api: ApiServer;
  let client: KubeClient;
  let peer: RecordingPeer;
  let env: NodeJS.ProcessEnv;
  let speaker: Program;

  const start = async (...flags: readonly string[]): Promise<Program> => {
    const common = [`--node-name=${NODE}`, `--namespace=${NAMESPACE}`, "--port=0", "--pod-name=speaker-0"];
    const program = await startProgram(
      HERE,
      [projectFile("packages/metallb/bin/speaker"), ...common, `--health-probe-port=${HEALTH}`, ...flags],
      env,
    );
    undo.push(() => program.stop("SIGKILL"));
    return program;
  };
  const startApi = () => startApiServer({ host: "127.0.0.1", port: API_PORT, dataFolder: join(folder, "data") });
  const state = async (): Promise<State> => (await (await fetch(`http://127.0.0.1:${HEALTH}/state`)).json()) as State;
  const routed = (...routes: readonly string[]) =>
    eventually(
      () => peer.routes,
      (found) => found.join() === routes.join(),
      { what: `the peer has not ${routes.join()}` },
    );
  const own = (resource: Resource, name: string) => client.get(resource, { namespace: NAMESPACE, name });
  const create = (resource: Resource, kind: string, name: string, spec: object) =>
    client.create(resource, { namespace: NAMESPACE }, { ...metallbObject(kind, name, spec) });
  const serve = (...service: [name: string, ip: string | null, policy?: string]) => serveAt(client, ...service);
  const setAddress = (name: string, ip: string) => giveAddress(client, name, ip);
  const eventsOf = async (name: string): Promise<readonly unknown[]> =>
    ((await client.list(RESOURCES.events, { namespace: "default" })).items ?? []).filter(
      (event) => (event as { involvedObject?: { name?: string } }).involvedObject?.name === name,
    );
  const statuses = async () =>
    ((await client.list(RESOURCES.servicebgpstatuses, { namespace: NAMESPACE })).items ?? []) as (KubeObject & {
      readonly status?: object;
    })[];

  const sessionStates = async () =>
    ((await client.list(RESOURCES.bgpsessionstates, { namespace: NAMESPACE })).items ?? []) as (KubeObject & {
      readonly status?: object;
    })[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-speaker-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    peer = await RecordingPeer.listen(PEER);
    undo.push(() => peer.close());
    api = await startApi();
    undo.push(() => api.close());
    await writeFile(join(folder, "kubeconfig"), api.kubeconfig);
    env = { ...process.env, KUBECONFIG: join(folder, "kubeconfig") };
    const cluster = loadCluster({ env });
    if (!cluster.ok) throw new Error(cluster.error);
    client = createClient(cluster.value, { userAgent: "test" });
    undo.push(async () => client.close());
    await defineResources(client);
    await client.create(RESOURCES.nodes, {}, { apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    await client.create(RESOURCES.pods, { namespace: NAMESPACE }, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "speaker-0", namespace: NAMESPACE },
      spec: { containers: [{ name: "speaker", image: "speaker" }] },
    } as KubeObject);
    await eventually(
      () => create(RESOURCES.ipaddresspools, "IPAddressPool", "lab", { addresses: ["192.0.2.0/24"] }),
      () => true,
      { what: "no pool could be made" },
    );
    await create(RESOURCES.bgpadvertisements, "BGPAdvertisement", "lab", {});
    await create(RESOURCES.bgppeers, "BGPPeer", "router", {
      myASN: 64500,
      peerASN: 64500,
      peerAddress: PEER,
      peerPort: peer.port,
      sourceAddress: SOURCE,
    });
    for (const name of ["a", "b"]) await serve(name, name === "a" ? "192.0.2.1" : "192.0.2.2");
    speaker = await start();
  });

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it("announces all that has an address, and says of each that it does not announce why", async () => {
    await serve("pending", null);
    await serve("local", "192.0.2.9", "Local");
    await routed("192.0.2.1/32", "192.0.2.2/32");
    const { services } = await eventually(state, (answer) => "default/local" in answer.services, { what: "no state" });
    expect(services["default/pending"]?.bgp).toMatchObject({ announced: false, reason: "noIPAllocated" });
    expect(services["default/local"]?.bgp.message).toBe(
      "its policy is Local and node node-1 has no endpoint that can serve",
    );
    expect(services["default/a"]?.bgp).toEqual({
      announced: true,
      ips: ["192.0.2.1"],
      peers: ["router"],
      lacking: [],
    });
  });

  it("sends of one change that change alone, on the same session", async () => {
    const before = peer.messages.length;
    await setAddress("pending", "192.0.2.3");
    await routed("192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32");
    await setAddress("pending", "192.0.2.4");
    await routed("192.0.2.1/32", "192.0.2.2/32", "192.0.2.4/32");
    await client.remove(RESOURCES.services, { namespace: "default", name: "pending" });
    await routed("192.0.2.1/32", "192.0.2.2/32");
    const updates = peer.updatesSince(before);
    expect(updates.flatMap(({ announced }) => announced)).toEqual(["192.0.2.3/32", "192.0.2.4/32"]);
    expect(updates.flatMap(({ withdrawn }) => withdrawn)).toEqual(["192.0.2.3/32", "192.0.2.4/32"]);
    expect(peer.connections).toBe(1);
  });

  it("gives its last events, and they lead to the same again", async () => {
    const events = decodeDump(await (await fetch(`http://127.0.0.1:${HEALTH}/dump`)).text());
    if (!events.ok) throw new Error(events.error);
    const again = replay(events.value);
    expect(again.exact).toBe(true);
    expect(again.reports).toMatchObject([{ peer: "router", state: "Established", announcedPrefixes: 2 }]);
    const sent = again.steps.flatMap(({ effects }) =>
      effects.flatMap((effect) => (effect.kind === "send" ? effect.chunks.map((chunk) => Buffer.from(chunk)) : [])),
    );
    const replayed = Buffer.concat(sent).toString("hex");
    for (const { body } of peer.messages.filter(({ type }) => type === TYPE.update))
      expect(replayed).toContain(body.toString("hex"));
  });

  it("tells it once in an event, and in an object that its Pod owns", async () => {
    const events = await eventually(
      () => eventsOf("a"),
      (found) => found.length > 0,
      { what: "no event" },
    );
    expect(events).toMatchObject([{ message: 'announcing from node "node-1" with protocol "bgp"', count: 1 }]);
    const found = await eventually(statuses, (all) => all.length === 2 && all.every(({ status }) => status), {
      what: "no ServiceBGPStatus of each",
    });
    const one = found.find(({ metadata }) => metadata?.labels?.["metallb.io/service-name"] === "a");
    expect(one?.metadata).toMatchObject({
      labels: { "metallb.io/node": NODE, "metallb.io/service-namespace": "default" },
      ownerReferences: [{ kind: "Pod", name: "speaker-0" }],
    });
    expect(one?.status).toMatchObject({ node: NODE, serviceName: "a", serviceNamespace: "default", peers: ["router"] });
    await client.remove(RESOURCES.services, { namespace: "default", name: "b" });
    await eventually(statuses, (all) => all.length === 1, { what: "the object stays" });
    await routed("192.0.2.1/32");
  });

  it("has an object for its session, as users of frr-k8s know it", async () => {
    const [one] = await eventually(
      sessionStates,
      (all) => all.some(({ status }) => (status as { bgpStatus?: string } | undefined)?.bgpStatus === "Established"),
      { what: "no BGPSessionState says that the session is up" },
    );
    expect(one).toMatchObject({
      apiVersion: "frrk8s.metallb.io/v1beta1",
      metadata: {
        labels: { "frrk8s.metallb.io/node": NODE, "frrk8s.metallb.io/peer": PEER, "frrk8s.metallb.io/vrf": "" },
        ownerReferences: [{ kind: "Pod", name: "speaker-0" }],
      },
      status: { node: NODE, peer: PEER, vrf: "", bgpStatus: "Established", bfdStatus: "N/A" },
    });
  });

  it("leaves a bad object out, says so, and goes on", async () => {
    const result = async () =>
      (
        (await own(RESOURCES.configurationstates, `speaker-${NODE}`)) as {
          status?: { result?: string; errorSummary?: string };
        }
      ).status;
    await eventually(result, (status) => status?.result === "Valid", { what: "not valid" });
    const before = peer.connections;
    await create(RESOURCES.bgppeers, "BGPPeer", "bad", { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.999" });
    const status = await eventually(result, (answer) => answer?.result === "Invalid", { what: "still valid" });
    expect(status?.errorSummary).toContain("bad");
    // One that concerns other nodes alone is not this node's.
    const elsewhere = { nodeSelectors: [{ matchLabels: { "kubernetes.io/hostname": "elsewhere" } }] };
    const wrong = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.998" };
    await create(RESOURCES.bgppeers, "BGPPeer", "elsewhere", { ...wrong, ...elsewhere });
    await serve("c", "192.0.2.5");
    await routed("192.0.2.1/32", "192.0.2.5/32");
    await client.remove(RESOURCES.bgppeers, { namespace: NAMESPACE, name: "bad" });
    await eventually(result, (answer) => answer?.result === "Valid", { what: "not valid again" });
    await client.remove(RESOURCES.bgppeers, { namespace: NAMESPACE, name: "elsewhere" });
    expect(peer.connections).toBe(before);
  });

  it("ends the session of a peer that is gone, and of no other", async () => {
    const other = await RecordingPeer.listen(`${NETWORK}.3`);
    undo.push(() => other.close());
    await create(RESOURCES.bgppeers, "BGPPeer", "other", {
      myASN: 64500,
      peerASN: 64500,
      peerAddress: `${NETWORK}.3`,
      peerPort: other.port,
      sourceAddress: SOURCE,
    });
    await eventually(
      () => other.routes.length,
      (count) => count === 2,
      { what: "the new peer learns nothing" },
    );
    await eventually(sessionStates, (all) => all.length === 2, { what: "no BGPSessionState of the new peer" });
    await client.remove(RESOURCES.bgppeers, { namespace: NAMESPACE, name: "other" });
    // Cease/Peer De-configured (RFC 4486).
    await eventually(
      () => other.messages.at(-1),
      (last) => last?.type === TYPE.notification && last.body.readUInt16BE(0) === 0x06_03,
      { what: "no goodbye" },
    );
    await eventually(sessionStates, (all) => all.length === 1, { what: "the object of the peer stays" });
    const { sequence } = await state();
    await eventually(state, (now) => now.sequence.applied === sequence.sent, { what: "the engines are behind" });
    expect((await state()).sessions.map(({ peer }) => peer)).toEqual(["router"]);
    expect(peer.connections).toBe(1);
  });

  it("goes on announcing while the API is gone, and follows when it is back", async () => {
    await api.close();
    await eventually(
      () => speaker.output(),
      (text) => text.includes("trouble") || /ECONNREFUSED|refused/.test(text),
      {
        what: "nothing is said about the API",
      },
    );
    expect((await state()).sessions).toMatchObject([{ state: "Established" }]);
    expect(peer.routes).toEqual(["192.0.2.1/32", "192.0.2.5/32"]);
    api = await startApi();
    await serve("d", "192.0.2.6");
    await routed("192.0.2.1/32", "192.0.2.5/32", "192.0.2.6/32");
    expect(peer.connections).toBe(1);
  });

  it("announces the same after it was killed, and that is no news", async () => {
    await eventually(statuses, (all) => all.length === 3, { what: "no ServiceBGPStatus of each" });
    await eventually(
      () => eventsOf("d"),
      (events) => events.length === 1,
      { what: "no event" },
    );
    const before = [await eventsOf("a"), await eventsOf("d")];
    await speaker.stop("SIGKILL");
    speaker = await start();
    await eventually(
      () => peer.connections,
      (count) => count === 2,
      { what: "no second session" },
    );
    await routed("192.0.2.1/32", "192.0.2.5/32", "192.0.2.6/32");
    // What is announced first after the start is told after what was found at the start.
    await serve("e", "192.0.2.7");
    await eventually(
      () => eventsOf("e"),
      (events) => events.length === 1,
      { what: "no event" },
    );
    expect([await eventsOf("a"), await eventsOf("d")]).toEqual(before);
    expect(await statuses()).toHaveLength(4);
  });

  it("tells in objects what stands already, within two seconds of the routes", async () => {
    await speaker.stop("SIGKILL");
    // As the API does when the Pod of the speaker before it is gone.
    for (const { metadata } of await statuses())
      await client.remove(RESOURCES.servicebgpstatuses, { namespace: NAMESPACE, name: metadata?.name ?? "" });
    const { connections } = peer;
    speaker = await start();
    await eventually(
      () => peer.connections,
      (count) => count === connections + 1,
      { what: "no session" },
    );
    await routed("192.0.2.1/32", "192.0.2.5/32", "192.0.2.6/32", "192.0.2.7/32");
    await eventually(statuses, (all) => all.length === 4 && all.every(({ status }) => status), {
      what: "no object for each Service",
      limit: 2_000,
    });
  });

  it("withdraws nothing over objects that became wrong or are gone, whether it saw that or starts after it", async () => {
    const stands = ["192.0.2.1/32", "192.0.2.5/32", "192.0.2.6/32", "192.0.2.7/32"];
    const edit = (resource: Resource, name: string, spec: object) =>
      client.patch(resource, { namespace: NAMESPACE, name }, "merge", { spec });
    const summary = async () =>
      (
        (await own(RESOURCES.configurationstates, `speaker-${NODE}`)) as {
          status?: { errorSummary?: string };
        }
      ).status?.errorSummary ?? "";
    // As the controller writes it.
    for (const name of ["a", "c", "d", "e"])
      await client.patch(RESOURCES.services, { namespace: "default", name }, "merge", {
        metadata: { annotations: { "metallb.io/ip-allocated-from-pool": "lab" } },
      });
    await create(RESOURCES.bgpadvertisements, "BGPAdvertisement", "second", { localPref: 200 });
    await edit(RESOURCES.bgpadvertisements, "lab", { communities: ["nobody"] });
    await edit(RESOURCES.ipaddresspools, "lab", { addresses: ["192.0.2.0/99"] });
    const wrong = (text: string) => ["local prefer", "nobody", "192.0.2.0/99"].every((each) => text.includes(each));
    await eventually(summary, wrong, { what: "it does not say what is wrong" });
    await routed(...stands);
    await speaker.stop("SIGKILL");
    const { connections } = peer;
    speaker = await start();
    await eventually(
      () => peer.connections,
      (count) => count === connections + 1,
      { what: "no session" },
    );
    await routed(...stands);
    await client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "lab" });
    await create(RESOURCES.ipaddresspools, "IPAddressPool", "other", { addresses: ["198.51.100.0/24"] });
    await serve("f", "198.51.100.1");
    await routed(...stands, "198.51.100.1/32");
    await client.remove(RESOURCES.bgpadvertisements, { namespace: NAMESPACE, name: "second" });
    await edit(RESOURCES.bgpadvertisements, "lab", { communities: null });
    await eventually(summary, (text) => text === "", { what: "something is still wrong" });
    await routed(...stands, "198.51.100.1/32");
    expect(peer.connections).toBe(connections + 1);
  });

  it("says in words that a port is taken, and ends", async () => {
    const taken = createServer().listen(TAKEN, "127.0.0.1");
    undo.push(async () => taken.close());
    const second = await start(`--health-probe-port=${TAKEN}`);
    await eventually(
      () => second.exitCode(),
      (code) => code === 1,
      { what: "it runs" },
    );
    expect(second.output()).toMatch(new RegExp(`${TAKEN}.*(in use|taken)`));
  });

  it("says goodbye at SIGTERM: Cease with the reason, within two seconds", async () => {
    const began = performance.now();
    expect(await speaker.stop("SIGTERM")).toBe(0);
    expect(performance.now() - began).toBeLessThan(2_000);
    const last = peer.messages.at(-1);
    // Cease/Administrative Shutdown (RFC 4486), its text after one octet of length (RFC 9003).
    expect([last?.type, last?.body.readUInt16BE(0)]).toEqual([TYPE.notification, 0x06_02]);
    expect(last?.body.subarray(3).toString("utf8")).toBe("the speaker is shut down");
  });
});
