import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "@metallb-ts/apiserver";
import { findOrBuild, startRealControlPlane } from "@metallb-ts/lab/kubernetes";
import { crdOf, DEFINITIONS } from "metallb/api";
import { createClient, type KubeClient, type KubeObject, loadCluster, pathOf, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { realKubernetes } from "../support/probes.ts";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";

const NAMESPACE = "metallb-system";
const POOL = "metallb.io/ip-allocated-from-pool";

interface ServiceObject extends KubeObject {
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

const ipsOf = (service: unknown): string[] =>
  ((service as ServiceObject).status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "");

/** The same promises on the embedded API and on the real one. */
function suite(kind: "embedded" | "real"): void {
  const undo: (() => Promise<unknown>)[] = [];
  let client: KubeClient;
  let env: NodeJS.ProcessEnv;
  let controller: Program;

  const start = async (...more: readonly string[]): Promise<Program> => {
    const flags = [`--namespace=${NAMESPACE}`, "--port=0", "--health-probe-port=0", "--pod-name=controller-0", ...more];
    const program = await startProgram(HERE, [projectFile("packages/metallb/bin/controller"), ...flags], env);
    undo.push(() => program.stop("SIGKILL"));
    return program;
  };
  const create = (name: string, spec: object = {}, annotations: Readonly<Record<string, string>> = {}) =>
    client.create(
      RESOURCES.services,
      { namespace: "default" },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "default", annotations },
        spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
      },
    );
  const get = (name: string) => client.get(RESOURCES.services, { namespace: "default", name });
  const remove = (name: string) => client.remove(RESOURCES.services, { namespace: "default", name });
  const served = (name: string, ...ips: string[]) =>
    eventually(
      async () => ipsOf(await get(name)),
      (answer) => answer.join() === ips.join(),
      { what: `${name} has not ${ips.join()}` },
    );
  const pool = (name: string, addresses: readonly string[]): KubeObject => ({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name, namespace: NAMESPACE },
    spec: { addresses },
  });

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-controller-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const kubeconfig = kind === "real" ? await real(folder, undo) : await embedded(folder, undo);
    env = { ...process.env, KUBECONFIG: kubeconfig };
    const cluster = loadCluster({ env });
    if (!cluster.ok) throw new Error(cluster.error);
    client = createClient(cluster.value, { userAgent: "test" });
    undo.push(async () => client.close());
    for (const definition of DEFINITIONS)
      await client.create(RESOURCES.customresourcedefinitions, {}, crdOf(definition) as KubeObject);
    await client.create(
      RESOURCES.namespaces,
      {},
      { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    );
    await eventually(
      () =>
        client.create(
          RESOURCES.ipaddresspools,
          { namespace: NAMESPACE },
          pool("first", ["192.0.2.0/24", "2001:db8::/64"]),
        ),
      () => true,
      { what: "no pool could be made" },
    );
    controller = await start();
  });

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it("gives an address with one write, and tells it in an event and in the pool's counters", async () => {
    const { resourceVersion } = (await create("a")).metadata ?? {};
    const changes: unknown[] = [];
    const watching = new AbortController();
    const watched = client
      .stream(
        pathOf(RESOURCES.services, { namespace: "default" }),
        { watch: true, resourceVersion },
        (line) => changes.push((JSON.parse(line) as { type: string }).type),
        watching.signal,
      )
      .catch(() => {});
    await served("a", "192.0.2.0");
    expect((await get("a")).metadata?.annotations?.[POOL]).toBe("first");
    await eventually(
      async () => (await client.list(RESOURCES.events, { namespace: "default" })).items ?? [],
      (events) => events.some((event) => (event as { message?: string }).message === 'Assigned IP ["192.0.2.0"]'),
      { what: "no event" },
    );
    await eventually(
      async () => (await client.get(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" })).status,
      (status) => JSON.stringify(status)?.includes('"assignedIPv4":1,') ?? false,
      { what: "no counters" },
    );
    watching.abort();
    await watched;
    expect(changes).toEqual(["MODIFIED"]);
  });

  it("shares, fulfils requests, releases what is deleted and gives it to who waits", async () => {
    const sharing = { "metallb.io/allow-shared-ip": "k" };
    await create("s1", { ports: [{ port: 80 }] }, { ...sharing, "metallb.io/loadBalancerIPs": "192.0.2.7" });
    await served("s1", "192.0.2.7");
    await create("s2", { ports: [{ port: 81 }] }, { ...sharing, "metallb.io/loadBalancerIPs": "192.0.2.7" });
    await create("waits", {}, { "metallb.io/loadBalancerIPs": "192.0.2.7" });
    await served("s2", "192.0.2.7");
    await remove("s1");
    await remove("s2");
    await served("waits", "192.0.2.7");
  });

  it("adopts everything after kill -9 without a write, and serves what came meanwhile", async () => {
    await create("b");
    await served("b", "192.0.2.1");
    await controller.stop("SIGKILL");
    await remove("a");
    await create("c");
    const before = await Promise.all(["b", "waits"].map(get));
    controller = await start();
    await served("c", "192.0.2.0");
    const after = await Promise.all(["b", "waits"].map(get));
    expect(after.map(({ metadata }) => metadata?.resourceVersion)).toEqual(
      before.map(({ metadata }) => metadata?.resourceVersion),
    );
  });

  it("moves what falls out of a changed pool and clears a Service that stops being a LoadBalancer", async () => {
    const now = await client.get(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    await client.replace(
      RESOURCES.ipaddresspools,
      { namespace: NAMESPACE, name: "first" },
      {
        ...now,
        spec: { addresses: ["192.0.2.1-192.0.2.9"] },
      },
    );
    await served("c", "192.0.2.2");
    expect(ipsOf(await get("b"))).toEqual(["192.0.2.1"]);
    await client.patch(RESOURCES.services, { namespace: "default", name: "c" }, "merge", {
      spec: { type: "ClusterIP" },
    });
    await eventually(
      async () => (await get("c")).metadata?.annotations?.[POOL],
      (name) => name === undefined,
      { what: "the annotation stays" },
    );
    expect(ipsOf(await get("c"))).toEqual([]);
  });

  it("ends at once on SIGTERM, and hands the lead over", async () => {
    expect(await controller.stop()).toBe(0);
    const lease = await client.get(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" });
    expect((lease.spec as { holderIdentity?: string }).holderIdentity ?? "").toBe("");
  });

  it("tells wrong inputs apart", async () => {
    const wrong = await start("--nope");
    await eventually(
      () => wrong.exitCode(),
      (code) => code === 2,
      { what: "no usage error" },
    );
    expect(wrong.output()).toContain("flag provided but not defined: -nope");
    const lost = await startProgram(HERE, [projectFile("packages/metallb/bin/controller"), "--namespace=x"], {
      ...env,
      KUBECONFIG: "/nonexistent",
    });
    await eventually(
      () => lost.exitCode(),
      (code) => code === 1,
      { what: "no error for a missing kubeconfig" },
    );
    expect(lost.output()).toContain("/nonexistent");
  });
}

async function embedded(folder: string, undo: (() => Promise<unknown>)[]): Promise<string> {
  const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
  undo.push(() => server.close());
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, server.kubeconfig, { mode: 0o600 });
  return kubeconfig;
}

async function real(folder: string, undo: (() => Promise<unknown>)[]): Promise<string> {
  const assets = realKubernetes();
  const programs = await findOrBuild({
    env: { ...process.env, ...(assets === null ? {} : { KUBEBUILDER_ASSETS: assets }) },
    progress: () => {},
  });
  const plane = await startRealControlPlane({ programs, folder: join(folder, "kubernetes") });
  undo.push(() => plane.close());
  return plane.kubeconfig;
}

describe("the controller on the embedded API", () => suite("embedded"));
describeWith(["kubernetes"], "the controller on a real Kubernetes", () => suite("real"));
