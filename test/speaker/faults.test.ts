import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, startApiServer } from "@metallb-ts/apiserver";
import { encodeKeepalive, Framer } from "metallb/bgp";
import { createClient, type KubeClient, type KubeObject, loadCluster, RESOURCES } from "metallb/kube";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { defineResources, serve as serveAt } from "../support/api.ts";
import { FaultyApi } from "../support/faulty-api.ts";
import { metallbObject, NAMESPACE } from "../support/objects.ts";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";
import { RecordingPeer, TYPE } from "./recording-peer.ts";

const NODE = "node-1";
const NETWORK = `127.84.${1 + (process.pid % 250)}`;
const HEALTH = 20_500 + (process.pid % 400);
const NOISE = Buffer.from(Array.from({ length: 4_000 }, (_, i) => (i * 7 + 13) & 255));

/** What the bad router does with a connection. */
type Behaviour =
  | "talks"
  | "garbage at once"
  | "garbage after OPEN"
  | "garbage when established"
  | "one octet at a time"
  | "reads no more"
  | "says nothing"
  | "FIN at once"
  | "RST at once";

/** A router that behaves badly as it is told; it speaks enough of BGP to be established first. */
class BadPeer {
  behaviour: Behaviour = "talks";
  /** Connections that reached Established, and all that came. */
  established = 0;
  connections = 0;
  updates = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  static async listen(address: string): Promise<BadPeer> {
    const peer = new BadPeer();
    await new Promise<void>((resolve) => peer.server.listen({ host: address, port: 0 }, resolve));
    return peer;
  }

  private constructor() {
    this.server = createServer((socket) => this.accept(socket));
  }

  get port(): number {
    const bound = this.server.address();
    return bound !== null && typeof bound === "object" ? bound.port : 0;
  }

  /** From now on it behaves so, on new connections. */
  become(behaviour: Behaviour): void {
    this.behaviour = behaviour;
    for (const socket of this.sockets) socket.destroy();
  }

  /** Sends octets of its own on every connection. */
  say(octets: Uint8Array): void {
    for (const socket of this.sockets) socket.write(octets);
  }

  close(): void {
    this.become("talks");
    this.server.close();
  }

  private accept(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => {});
    const { behaviour } = this;
    if (behaviour === "FIN at once") return void socket.end();
    if (behaviour === "RST at once") return void socket.resetAndDestroy();
    if (behaviour === "says nothing") return;
    if (behaviour === "garbage at once") return void socket.write(NOISE);
    const framer = new Framer();
    socket.on("data", (bytes) => {
      for (const frame of framer.push(Buffer.from(bytes))) {
        if (!frame.ok) continue;
        const { type, body } = frame.value;
        if (type === TYPE.open) this.answer(socket, behaviour, body);
        if (type === TYPE.keepalive && behaviour === "garbage when established") socket.write(NOISE);
        if (type === TYPE.keepalive) this.established++;
        if (type === TYPE.update) this.updates++;
        if (type === TYPE.keepalive && behaviour === "reads no more") socket.pause();
      }
    });
  }

  /** The same OPEN under another identifier, and KEEPALIVE. */
  private answer(socket: Socket, behaviour: Behaviour, body: Uint8Array): void {
    const open = Buffer.concat([Buffer.alloc(16, 255), Buffer.alloc(3), body]);
    open.writeUInt16BE(open.length, 16);
    open[18] = TYPE.open;
    open[24] = 10;
    const said = Buffer.concat([open, encodeKeepalive()]);
    if (behaviour === "garbage after OPEN") socket.write(Buffer.concat([open, NOISE]));
    else if (behaviour !== "one octet at a time") socket.write(said);
    else for (const octet of said) socket.write(Uint8Array.of(octet));
  }
}

describe("a speaker with a router that misbehaves", () => {
  const undo: (() => unknown)[] = [];
  let env: NodeJS.ProcessEnv;
  let faulty: FaultyApi;
  let client: KubeClient;
  let good: RecordingPeer;
  let bad: BadPeer;
  let speaker: Program;
  let services = 0;

  const create = (kind: string, resource: (typeof RESOURCES)["bgppeers"], name: string, spec: object) =>
    client.create(resource, { namespace: NAMESPACE }, { ...metallbObject(kind, name, spec) });
  /** A Service with an address; its prefix. */
  const serve = async (): Promise<string> => {
    services++;
    const name = `s${services}`;
    await serveAt(client, name, `192.0.2.${services}`);
    return `192.0.2.${services}/32`;
  };
  const start = async (): Promise<void> => {
    const flags = [`--node-name=${NODE}`, `--namespace=${NAMESPACE}`, "--port=0", `--health-probe-port=${HEALTH}`];
    speaker = await startProgram(HERE, [projectFile("packages/metallb/bin/speaker"), ...flags], env);
  };
  const goodHas = (prefix: string) =>
    eventually(
      () => good.routes,
      (routes) => routes.includes(prefix),
      { what: `the good router has not ${prefix}` },
    );
  const badStands = async (): Promise<void> => {
    const before = bad.established;
    bad.become("talks");
    await eventually(
      () => bad.established,
      (count) => count > before,
      { what: "the bad router is not spoken to any more" },
    );
  };

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-faults-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    good = await RecordingPeer.listen(`${NETWORK}.1`);
    bad = await BadPeer.listen(`${NETWORK}.2`);
    const api: ApiServer = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: join(folder, "data") });
    undo.push(() => api.close());
    await writeFile(join(folder, "kubeconfig"), api.kubeconfig);
    const cluster = loadCluster({ env: { KUBECONFIG: join(folder, "kubeconfig") } });
    if (!cluster.ok) throw new Error(cluster.error);
    faulty = await FaultyApi.open(cluster.value.server, (await cluster.value.token()) ?? "");
    undo.push(() => faulty.close());
    const config = {
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster: { server: faulty.url } }],
      users: [{ name: "u", user: {} }],
    };
    await writeFile(join(folder, "through"), JSON.stringify(config), { mode: 0o600 });
    env = { ...process.env, KUBECONFIG: join(folder, "through") };
    client = createClient(cluster.value, { userAgent: "test" });
    undo.push(() => client.close());
    await defineResources(client);
    await client.create(RESOURCES.nodes, {}, { apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    await eventually(
      () => create("IPAddressPool", RESOURCES.ipaddresspools, "lab", { addresses: ["192.0.2.0/24"] }),
      () => true,
      { what: "no pool could be made" },
    );
    await create("BGPAdvertisement", RESOURCES.bgpadvertisements, "lab", {});
    const as = { myASN: 64500, peerASN: 64500, connectTime: "1s" };
    const peers = { good: [`${NETWORK}.1`, good.port], bad: [`${NETWORK}.2`, bad.port] } as const;
    for (const [name, [peerAddress, peerPort]] of Object.entries(peers))
      await create("BGPPeer", RESOURCES.bgppeers, name, {
        ...as,
        peerAddress,
        peerPort,
        sourceAddress: `${NETWORK}.9`,
      });
    await start();
  });
  afterEach(() => bad.become("talks"));
  afterAll(async () => {
    await speaker.stop("SIGKILL");
    await good.close();
    bad.close();
    for (const step of undo.splice(0).reverse()) await step();
  });

  it.each<Behaviour>([
    "garbage at once",
    "garbage after OPEN",
    "garbage when established",
    "one octet at a time",
    "reads no more",
    "says nothing",
    "FIN at once",
    "RST at once",
  ])("goes on with the others, comes back, and says goodbye in between: %s", async (behaviour) => {
    await goodHas(await serve());
    await badStands();
    const [connections, seen] = [good.connections, bad.connections];
    bad.become(behaviour);
    await eventually(
      () => bad.connections,
      (count) => count > seen,
      { what: "it does not try the bad router again" },
    );
    // One router never delays another, nor ends its session.
    await goodHas(await serve());
    expect(good.connections).toBe(connections);
    await badStands();
    expect(good.connections).toBe(connections);
    // The same once more, and SIGTERM in the middle of it.
    const again = bad.connections;
    bad.become(behaviour);
    await eventually(
      () => bad.connections,
      (count) => count > again,
      { what: "it does not try the bad router again" },
    );
    const asked = performance.now();
    expect(await speaker.stop("SIGTERM")).toBe(0);
    expect(performance.now() - asked).toBeLessThan(4_000);
    expect(good.messages.at(-1)).toMatchObject({ type: TYPE.notification });
    expect(good.messages.at(-1)?.body.subarray(0, 2)).toEqual(Buffer.from([6, 2]));
    await start();
  });

  it("says once a session that the router sends malformed UPDATEs, and the session stays (RFC 7606)", async () => {
    await goodHas(await serve());
    const marker = Buffer.alloc(16, 255);
    // ORIGIN 3 before 10.0.0.0/8; then ROUTE-REFRESH, whose answer shows that what came before it was read.
    const malformed = Buffer.concat([marker, Buffer.from("001d020000000440010103080a", "hex")]);
    const refresh = Buffer.concat([marker, Buffer.from("00170500010001", "hex")]);
    const said = () => speaker.output().split("the peer sent a malformed UPDATE: ORIGIN is malformed").length - 1;
    const hears = async (times: number): Promise<void> => {
      await badStands();
      const [{ connections, updates }, before] = [bad, said()];
      bad.say(Buffer.concat([...Array.from({ length: times }, () => malformed), refresh]));
      await eventually(
        () => bad.updates,
        (count) => count > updates,
        { what: "the session is not alive behind a malformed UPDATE" },
      );
      await eventually(said, (count) => count > before, { what: "nothing is said of it" });
      expect([said(), bad.connections]).toEqual([before + 1, connections]);
    };
    await hears(3);
    // A new session is told of again.
    await hears(1);
  });

  it("is killed before and after each write of its status objects, and has one right object a Service in the end", async () => {
    const prefixes = [await serve()];
    for (const prefix of prefixes) await goodHas(prefix);
    await speaker.stop("SIGKILL");
    const objects = async () => ((await client.list(RESOURCES.servicebgpstatuses, {})).items ?? []) as KubeObject[];
    const said = async () =>
      (await objects()).map(({ status }) => status as { serviceName?: string; peers?: unknown } | undefined);
    const areAll = (all: Awaited<ReturnType<typeof said>>): boolean =>
      all.length === services && all.every((each) => each?.peers !== undefined);
    // An object is made, and then its status is written.
    for (const write of ["POST", "PATCH"])
      for (const breaks of ["unheard", "heard"] as const) {
        // One that has no object yet, whatever of the earlier ones is still on its way.
        prefixes.push(await serve());
        let dies = false;
        faulty.rule = ({ method, url }) => {
          if (dies) return { breaks: "unheard" };
          if (method !== write || !url.includes("servicebgpstatuses")) return null;
          process.kill(speaker.pid, "SIGKILL");
          dies = true;
          return { breaks };
        };
        await start();
        await eventually(
          () => dies,
          (over) => over,
          { what: `there is no ${write} of the object that is missing` },
        );
        await speaker.stop("SIGKILL");
      }
    faulty.rule = () => null;
    await start();
    const told = await eventually(said, areAll, { what: "not every Service has one object" });
    expect(new Set(told.map((each) => each?.serviceName)).size).toBe(services);
    expect(new Set(told.map((each) => String(each?.peers)))).toEqual(new Set(["bad,good"]));
    for (const prefix of prefixes) await goodHas(prefix);
  });

  it("keeps what stands when it runs out of file descriptors, and connects again when there are some", async () => {
    await goodHas(await serve());
    await badStands();
    const { connections } = good;
    const limit = (soft: number) =>
      execFileSync("prlimit", ["--pid", String(speaker.pid), `--nofile=${soft}:`], { stdio: "pipe" });
    // Descriptors are given by number, and those below are all taken.
    limit(10);
    bad.become("talks");
    await eventually(
      () => speaker.output(),
      (text) => text.includes("out of file descriptors"),
      { what: "nothing is said of file descriptors" },
    );
    // The session that stands needs no new one.
    expect(good.connections).toBe(connections);
    limit(1_000);
    await badStands();
    expect(good.connections).toBe(connections);
    await goodHas(await serve());
  });
});
