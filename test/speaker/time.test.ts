import { type KubeClient, type KubeObject, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ControllerBench } from "../controller/bench.ts";
import { serve } from "../support/api.ts";
import type { FaultyApi } from "../support/faulty-api.ts";
import { metallbObject, NAMESPACE } from "../support/objects.ts";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";
import { Warp } from "../support/warp.ts";
import { RecordingPeer } from "./recording-peer.ts";

const HOUR = 3_600_000;
const NODE = "node-1";
const NETWORK = `127.85.${1 + (process.pid % 250)}`;

/** What takes an hour, or goes back by one: a session that stands throughout, and the process with clocks of its own. */
describe("a speaker, and time", () => {
  let bench: ControllerBench;
  let client: KubeClient;
  let api: FaultyApi;
  let warp: Warp;
  let peer: RecordingPeer;
  let speaker: Program;

  beforeAll(async () => {
    warp = await Warp.open();
    peer = await RecordingPeer.listen(`${NETWORK}.1`);
    bench = await ControllerBench.create("embedded");
    ({ client } = bench);
    const faulty = await bench.faultyApi();
    api = faulty.api;
    const own = { namespace: NAMESPACE };
    await client.create(RESOURCES.nodes, {}, { apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    await client.create(RESOURCES.bgpadvertisements, own, metallbObject("BGPAdvertisement", "all", {}));
    const router = { myASN: 64500, peerASN: 64500, peerAddress: `${NETWORK}.1`, peerPort: peer.port };
    const timers = { holdTime: "3s", keepaliveTime: "1s", sourceAddress: `${NETWORK}.9` };
    await client.create(RESOURCES.bgppeers, own, metallbObject("BGPPeer", "router", { ...router, ...timers }));
    for (const name of ["a", "b"]) await serve(client, name, name === "a" ? "192.0.2.1" : "192.0.2.2");
    const flags = [`--node-name=${NODE}`, `--namespace=${NAMESPACE}`, "--port=0", "--health-probe-port=0"];
    speaker = await startProgram(HERE, [projectFile("packages/metallb/bin/speaker"), ...flags], {
      ...faulty.env,
      ...warp.env,
    });
    await routed("192.0.2.1/32", "192.0.2.2/32");
    // One whose answer is cut off when the API goes away would be written twice.
    for (const name of ["a", "b"])
      await eventually(
        () => eventsOf(name),
        (events) => events.length === 1,
        { what: `no event of ${name}` },
      );
  });
  afterAll(async () => {
    await speaker?.stop("SIGKILL");
    await peer?.close();
    await bench?.close();
    await warp?.close();
  });

  const routed = (...routes: readonly string[]) =>
    eventually(
      () => peer.routes,
      (found) => found.join() === routes.join(),
      { what: `the router has not ${routes.join()}` },
    );
  const remove = (name: string) => client.remove(RESOURCES.services, { namespace: "default", name });
  const eventsOf = async (name: string) =>
    (((await client.list(RESOURCES.events, { namespace: "default" })).items ?? []) as readonly KubeObject[]).filter(
      (event) => (event.involvedObject as { readonly name?: string }).name === name,
    );

  it("announces all that stood while the API is away for an hour, and follows when it is back", async () => {
    let asked = 0;
    api.rule = () => {
      asked++;
      return { breaks: "unheard" };
    };
    api.cut();
    await warp.speed(1_200);
    await remove("b");
    await serve(client, "c", "192.0.2.3");
    const before = peer.messages.length;
    await warp.pass(HOUR);
    await warp.speed(20);
    expect(speaker.exitCode()).toBeNull();
    expect(peer.updatesSince(before)).toEqual([]);
    expect(peer.routes).toEqual(["192.0.2.1/32", "192.0.2.2/32"]);
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(4_000);
    api.rule = () => null;
    await routed("192.0.2.1/32", "192.0.2.3/32");
    await warp.speed(1);
    expect(peer.connections).toBe(1);
  });

  it("notices that its watches are half open: they stay, and tell nothing any more", async () => {
    // Those that are open when the way is cut; those that come after it are carried.
    let frozen = false;
    api.rule = ({ url }) => {
      if (!url.includes("watch=true")) return null;
      const before = !frozen;
      return { lines: async (line) => (frozen && before ? new Promise<never>(() => {}) : [line]) };
    };
    // Watches through the rule.
    api.cut();
    await serve(client, "d", "192.0.2.4");
    await routed("192.0.2.1/32", "192.0.2.3/32", "192.0.2.4/32");
    frozen = true;
    await remove("d");
    await warp.speed(20);
    await routed("192.0.2.1/32", "192.0.2.3/32");
    await warp.speed(1);
    api.rule = () => null;
    expect(peer.connections).toBe(1);
  });

  it("sees the clock on the wall jump an hour and back: no session falls, and nothing is told twice", async () => {
    const told = JSON.stringify(await eventsOf("a"));
    let serial = 10;
    const stand = ["192.0.2.1/32", "192.0.2.3/32"];
    for (const jump of [HOUR, -HOUR, 0]) {
      const before = peer.messages.length;
      await warp.jump(jump);
      const name = `n${++serial}`;
      await serve(client, name, `192.0.2.${serial}`);
      await routed(...[...stand, `192.0.2.${serial}/32`].sort());
      await eventually(
        () => eventsOf(name),
        (events) => events.length === 1,
        { what: "no event of what came after the jump" },
      );
      await remove(name);
      await routed(...stand);
      expect(peer.updatesSince(before)).toEqual([
        { announced: [`192.0.2.${serial}/32`], withdrawn: [] },
        { announced: [], withdrawn: [`192.0.2.${serial}/32`] },
      ]);
    }
    expect(peer.connections).toBe(1);
    expect(JSON.stringify(await eventsOf("a"))).toBe(told);
  });
});
