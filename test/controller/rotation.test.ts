import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PAIRS } from "../../packages/metallb/src/kube/testing.ts";
import { RecordingPeer } from "../speaker/recording-peer.ts";
import { serve } from "../support/api.ts";
import type { FaultyApi } from "../support/faulty-api.ts";
import { metallbObject } from "../support/objects.ts";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";
import { ControllerBench, NAMESPACE } from "./bench.ts";

const NETWORK = `127.86.${1 + (process.pid % 250)}`;

// Controller and speaker behind an API whose credentials are replaced under them, all at once: nothing that was
// good a moment ago is taken any more.
let bench: ControllerBench;
let folder: string;
let api: FaultyApi;
let peer: RecordingPeer;
let env: NodeJS.ProcessEnv;
let programs: readonly Program[] = [];

const put = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 });
const routed = (...routes: readonly string[]) =>
  eventually(
    () => peer.routes,
    (found) => found.join() === routes.join(),
    { what: `the router has not ${routes.join()}`, limit: 60_000 },
  );
const untouched = () => {
  expect(programs.map((program) => program.exitCode())).toEqual([null, null]);
  expect(peer.connections).toBe(1);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "metallb-rotation-"));
  await put("token", "first\n");
  await put("ca.crt", PAIRS[0].cert);
  peer = await RecordingPeer.listen(`${NETWORK}.1`);
  bench = await ControllerBench.create("embedded");
  const cluster = { "certificate-authority": join(folder, "ca.crt") };
  ({ api, env } = await bench.faultyApi({ pair: PAIRS[0], cluster, user: { tokenFile: join(folder, "token") } }));
  api.rule = ({ token }) => (token === "first" ? null : { status: 401 });
  const own = { namespace: NAMESPACE };
  await bench.client.create(RESOURCES.nodes, {}, { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } });
  await bench.client.create(RESOURCES.bgpadvertisements, own, metallbObject("BGPAdvertisement", "all", {}));
  const router = { myASN: 64500, peerASN: 64500, peerAddress: `${NETWORK}.1`, peerPort: peer.port };
  const spec = { ...router, sourceAddress: `${NETWORK}.9` };
  await bench.client.create(RESOURCES.bgppeers, own, metallbObject("BGPPeer", "router", spec));
  await serve(bench.client, "a", null);
  const flags = ["--node-name=node-1", `--namespace=${NAMESPACE}`, "--port=0", "--health-probe-port=0"];
  programs = [
    await bench.startIn(env, "--webhook-mode=disabled"),
    await startProgram(HERE, [projectFile("packages/metallb/bin/speaker"), ...flags], env),
  ];
  await routed("192.0.2.0/32");
});
afterAll(async () => {
  for (const program of programs) await program.stop("SIGKILL");
  await peer?.close();
  await bench?.close();
  await rm(folder, { recursive: true, force: true });
});

it("takes up a new token when the API takes the old one no more", async () => {
  await put("token", "second\n");
  api.rule = ({ token }) => (token === "second" ? null : { status: 401 });
  api.cut();
  await serve(bench.client, "b", null);
  await routed("192.0.2.0/32", "192.0.2.1/32");
  untouched();
});

it("trusts a new CA when the API proves itself by the old one no more", async () => {
  await put("ca.crt", PAIRS[1].cert);
  api.become(PAIRS[1]);
  await serve(bench.client, "c", null);
  await routed("192.0.2.0/32", "192.0.2.1/32", "192.0.2.2/32");
  untouched();
});

it("trusts a bundle of both while the one is replaced by the other", async () => {
  await put("ca.crt", `${PAIRS[0].cert}${PAIRS[1].cert}`);
  api.become(PAIRS[0]);
  await serve(bench.client, "d", null);
  await routed("192.0.2.0/32", "192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32");
  untouched();
});
