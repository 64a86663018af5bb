import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "@metallb-ts/apiserver";
import { findOrBuild, startRealControlPlane } from "@metallb-ts/lab/kubernetes";
import { decodeService, type Service } from "metallb/api";
import {
  ApiError,
  createClient,
  EventRecorder,
  type KubeClient,
  LeaseElection,
  loadCluster,
  RESOURCES,
  type Reflector,
  watch,
} from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

interface Server {
  readonly kubeconfig: string;
  close(): Promise<void>;
}

async function embedded(folder: string): Promise<Server> {
  const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, server.kubeconfig);
  return { kubeconfig, close: () => server.close() };
}

async function real(folder: string): Promise<Server> {
  const programs = await findOrBuild({ env: process.env, progress: () => {} });
  return startRealControlPlane({ programs: { ...programs, controllerManager: null }, folder: join(folder, "plane") });
}

const SERVICES = { namespace: "default" };

const service = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { ports: [{ port: 80 }], ...spec },
});

/** What `kube` relies on, seen on either API: the embedded one may stand in where these hold. */
function suite(start: (folder: string) => Promise<Server>): void {
  let folder: string;
  let server: Server;
  let client: KubeClient;
  let reflector: Reflector<Service>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-api-"));
    server = await start(folder);
    const cluster = loadCluster({ kubeconfig: server.kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    client = createClient(cluster.value, { userAgent: "metallb-test" });
    // The real one makes the namespace and its own Service a moment after it is ready.
    await eventually(() => client.get(RESOURCES.services, { ...SERVICES, name: "kubernetes" }), Boolean, {
      what: "no Service kubernetes",
    });
    reflector = watch(client, RESOURCES.services, { project: decodeService, namespace: "default" });
    reflector.start();
    await reflector.synced;
  });
  afterAll(async () => {
    reflector?.stop();
    client?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const seen = (key: string, ready: (service: Service | undefined) => boolean) =>
    eventually(() => reflector.store.get(key), ready, { what: `${key} is not seen` });
  const refusal = async (request: Promise<unknown>): Promise<ApiError> => {
    const error = await request.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!(error instanceof ApiError)) throw new Error(`no refusal, but ${String(error)}`);
    return error;
  };

  it("lists in pages and follows what is created, changed and deleted", async () => {
    await Promise.all(
      Array.from({ length: 7 }, (_, n) => client.create(RESOURCES.services, SERVICES, service(`page-${n}`))),
    );
    const first = await client.list(RESOURCES.services, SERVICES, { limit: 3 });
    expect(first.items).toHaveLength(3);
    const rest = await client.list(RESOURCES.services, SERVICES, { limit: 500, continue: first.metadata?.continue });
    expect((rest.items?.length ?? 0) + 3).toBe(8);
    await seen("default/page-6", Boolean);
    await client.patch(RESOURCES.services, { ...SERVICES, name: "page-6" }, "merge", {
      metadata: { labels: { a: "b" } },
    });
    await seen("default/page-6", (found) => found?.labels.a === "b");
    await client.remove(RESOURCES.services, { ...SERVICES, name: "page-6" });
    await seen("default/page-6", (found) => found === undefined);
  });

  it("keeps a change of annotations on a status write, and defaults ipMode", async () => {
    const created = await client.create(RESOURCES.services, SERVICES, service("status", { type: "LoadBalancer" }));
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    const metadata = { ...created.metadata, annotations: { "metallb.io/ip-allocated-from-pool": "p" } };
    await client.replace(
      RESOURCES.services,
      { ...SERVICES, name: "status", subresource: "status" },
      { ...created, metadata, status },
    );
    const found = await seen("default/status", (each) => (each?.ingress.length ?? 0) > 0);
    expect(found?.ingress).toEqual([{ ip: "192.0.2.1", hostname: null, ipMode: "VIP" }]);
    expect(found?.annotations).toEqual({ "metallb.io/ip-allocated-from-pool": "p" });
    const stale = await refusal(
      client.replace(
        RESOURCES.services,
        { ...SERVICES, name: "status", subresource: "status" },
        { ...created, status: {} },
      ),
    );
    expect([stale.status, stale.reason, stale.isConflict]).toEqual([409, "Conflict", true]);
  });

  it("clears the address when the type changes", async () => {
    await client.patch(RESOURCES.services, { ...SERVICES, name: "status" }, "merge", { spec: { type: "ClusterIP" } });
    await seen("default/status", (each) => each?.type === "ClusterIP" && each.ingress.length === 0);
  });

  it("refuses with reasons", async () => {
    const again = await refusal(client.create(RESOURCES.services, SERVICES, service("status")));
    expect([again.status, again.reason, again.isConflict]).toEqual([409, "AlreadyExists", false]);
    expect((await refusal(client.get(RESOURCES.services, { ...SERVICES, name: "nobody" }))).isNotFound).toBe(true);
    const headless = await refusal(
      client.create(RESOURCES.services, SERVICES, service("headless", { type: "LoadBalancer", clusterIP: "None" })),
    );
    expect([headless.status, headless.reason]).toEqual([422, "Invalid"]);
  });

  it("applies on the server's side, field manager by field manager", async () => {
    const where = { namespace: "default", name: "applied" };
    const map = (data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data });
    await client.apply(RESOURCES.configmaps, where, map({ a: "1" }), "one");
    await client.apply(RESOURCES.configmaps, where, map({ b: "2" }), "two");
    const conflict = await refusal(client.apply(RESOURCES.configmaps, where, map({ a: "9" }), "two", false));
    expect([conflict.status, conflict.reason]).toEqual([409, "Conflict"]);
    const { data } = await client.apply(RESOURCES.configmaps, where, map({}), "one");
    expect(data).toEqual({ b: "2" });
  });

  it("follows the metadata of a kind alone", async () => {
    const partial = watch(client, RESOURCES.namespaces, {
      metadataOnly: true,
      project: (object) => (object as { metadata: { labels?: Record<string, string> } }).metadata.labels ?? {},
    });
    partial.start();
    await partial.synced;
    expect(partial.store.get("default")).toMatchObject({ "kubernetes.io/metadata.name": "default" });
    await client.patch(RESOURCES.namespaces, { name: "default" }, "merge", { metadata: { labels: { team: "a" } } });
    await eventually(
      () => partial.store.get("default"),
      (labels) => labels?.team === "a",
      { what: "the label" },
    );
    partial.stop();
  });

  it("tells a watch from a version that it has forgotten", async () => {
    const lines: { type: string; object: { code?: number } }[] = [];
    const query = { watch: true, resourceVersion: "1", timeoutSeconds: 1 };
    const outcome = await client
      .stream(
        "/api/v1/namespaces/default/services",
        query,
        (line) => lines.push(JSON.parse(line) as (typeof lines)[number]),
        AbortSignal.timeout(10_000),
      )
      .catch((error: unknown) => error);
    // Version 1 is either still known, and then everything follows, or 410: never silence.
    const codes = [
      ...lines.filter(({ type }) => type === "ERROR").map(({ object }) => object.code),
      ...(outcome instanceof ApiError ? [outcome.status] : []),
    ];
    expect(codes.length > 0 ? codes : [410]).toEqual([410]);
    expect(lines.length + codes.length).toBeGreaterThan(0);
  });

  it("elects one leader, which hands over when it stops", async () => {
    const told: string[] = [];
    const candidate = (identity: string) =>
      new LeaseElection(client, {
        namespace: "default",
        name: "election",
        identity,
        retryPeriod: 100,
        onStarted: () => told.push(identity),
        onStopped: () => {},
      });
    const [a, b] = [candidate("a"), candidate("b")];
    a.start();
    await eventually(() => a.isLeader(), Boolean, { what: "nobody leads" });
    b.start();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    await a.stop();
    await eventually(() => b.isLeader(), Boolean, { what: "b does not take over" });
    await b.stop();
    expect(told).toEqual(["a", "b"]);
  });

  it("counts an event that repeats", async () => {
    const recorder = new EventRecorder(client, { component: "metallb-controller" });
    const subject = { resource: RESOURCES.services, namespace: "default", name: "status", uid: "u" };
    const find = async () =>
      ((await client.list(RESOURCES.events, SERVICES)).items ?? []).filter(
        (each) => (each as { reason?: string }).reason === "IPAllocated",
      ) as { count?: number }[];
    recorder.event(subject, "Normal", "IPAllocated", 'Assigned IP ["192.0.2.1"]');
    await eventually(find, (events) => events.length === 1, { what: "no event" });
    for (let i = 0; i < 3; i++) recorder.event(subject, "Normal", "IPAllocated", 'Assigned IP ["192.0.2.1"]');
    await eventually(find, (events) => events[0]?.count === 4, { what: "not counted" });
    expect(await find()).toHaveLength(1);
  });
}

describe("the client on the embedded API", () => suite(embedded));
describeWith(["kubernetes"], "the client on a real kube-apiserver", () => suite(real));
