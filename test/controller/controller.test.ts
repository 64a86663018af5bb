import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubeClient, pathOf, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, HERE, type Program, projectFile, runWith, startProgram } from "../support/programs.ts";
import { type ApiKind, ControllerBench, ipsOf, NAMESPACE, POOL, pool } from "./bench.ts";

/** The same promises on the embedded API and on the real one. */
function suite(kind: ApiKind): void {
  let bench: ControllerBench;
  let client: KubeClient;
  let controller: Program;
  const create = (...args: Parameters<ControllerBench["create"]>) => bench.create(...args);
  const get = (name: string) => bench.get(name);
  const remove = (name: string) => bench.remove(name);
  const served = (name: string, ...ips: string[]) => bench.served(name, ...ips);

  beforeAll(async () => {
    bench = await ControllerBench.create(kind);
    client = bench.client;
    controller = await bench.start();
  });

  afterAll(() => bench.close());

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
    controller = await bench.start();
    await served("c", "192.0.2.0");
    const after = await Promise.all(["b", "waits"].map(get));
    expect(after.map(({ metadata }) => metadata?.resourceVersion)).toEqual(
      before.map(({ metadata }) => metadata?.resourceVersion),
    );
  });

  it("waits for no Lease of a process of this machine that was killed, also without a Pod to be named after", async () => {
    await controller.stop();
    controller = await bench.start("--pod-name=");
    await controller.stop("SIGKILL");
    const began = performance.now();
    controller = await bench.start("--pod-name=");
    await create("after");
    await eventually(
      async () => ipsOf(await get("after")),
      (ips) => ips.length === 1,
      { what: "nothing is served" },
    );
    // The Lease would have run out after 15 seconds.
    expect(performance.now() - began).toBeLessThan(12_000);
    await remove("after");
    await controller.stop();
    controller = await bench.start();
  });

  it("moves what falls out of a changed pool and clears a Service that stops being a LoadBalancer", async () => {
    // A PUT would race with the pool's counters, which the controller writes.
    await client.patch(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" }, "merge", {
      spec: { addresses: ["192.0.2.1-192.0.2.9"] },
    });
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

  it("tells in the API whether the configuration is valid, and tells it again when that is deleted", async () => {
    const where = { namespace: NAMESPACE, name: "controller" };
    interface State {
      readonly result?: string;
      readonly errorSummary?: string;
      readonly conditions?: readonly {
        readonly type: string;
        readonly status: string;
        readonly lastTransitionTime: string;
      }[];
    }
    const told = (what: string, ok: (state: State) => boolean) =>
      eventually(async () => ((await client.get(RESOURCES.configurationstates, where)).status ?? {}) as State, ok, {
        what,
      });
    const valid = await told("never valid", ({ result }) => result === "Valid");
    expect(valid.conditions).toMatchObject([{ type: "poolReconcilerValid", status: "True", reason: "Reconciled" }]);
    await bench.createPool(pool("wrong", ["192.0.2.300/24"]));
    const invalid = await told("never invalid", ({ result }) => result === "Invalid");
    expect(invalid.errorSummary).toContain("configuration error: ");
    expect(invalid.errorSummary).toContain("192.0.2.300/24");
    await client.remove(RESOURCES.configurationstates, where);
    const again = await told("not brought back", ({ result }) => result === "Invalid");
    expect(again.conditions).toMatchObject([{ type: "poolReconcilerValid", status: "False" }]);
    await client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "wrong" });
    await told("never valid again", ({ result }) => result === "Valid");
    const { metadata } = await client.get(RESOURCES.configurationstates, where);
    expect(metadata?.labels).toEqual({ "metallb.io/component-type": "controller" });
  });

  it("takes no address over a pool that became wrong, whether it saw that or starts after it, and gives none of it", async () => {
    const where = { namespace: NAMESPACE, name: "first" };
    const edit = (addresses: readonly string[]) =>
      client.patch(RESOURCES.ipaddresspools, where, "merge", { spec: { addresses } });
    const summary = async () =>
      ((await client.get(RESOURCES.configurationstates, { namespace: NAMESPACE, name: "controller" })).status ??
        {}) as {
        readonly errorSummary?: string;
      };
    const says = (text: string) =>
      eventually(
        summary,
        ({ errorSummary = "" }) => (text === "" ? errorSummary === "" : errorSummary.includes(text)),
        {
          what: `it does not say ${text}`,
        },
      );
    const held = { b: await get("b"), waits: await get("waits") };
    const nobodyMoved = async (marker: string) => {
      // What was decided after the edit stands: a Service that comes now gets nothing.
      await create(marker);
      await eventually(
        async () => JSON.stringify((await get(marker)).status ?? {}),
        (text) => text.includes("exhausted") || text.includes("poolFrozen"),
        { what: "it was not decided" },
      );
      expect(ipsOf(await get("b"))).toEqual(ipsOf(held.b));
      expect(ipsOf(await get("waits"))).toEqual(ipsOf(held.waits));
      await remove(marker);
    };
    await edit(["192.0.2.1-192.0.2.9", "192.0.2.1/32"]);
    await says("overlaps with already defined CIDR");
    await nobodyMoved("n1");
    await edit(["192.0.2.0/99"]);
    await says("192.0.2.0/99");
    await nobodyMoved("n2");
    await controller.stop("SIGKILL");
    controller = await bench.start();
    await nobodyMoved("n3");
    await edit(["192.0.2.1-192.0.2.9"]);
    await says("");
    await create("n4");
    await served("n4", "192.0.2.2");
    await remove("n4");
    expect(ipsOf(await get("b"))).toEqual(ipsOf(held.b));
  });

  it("reads the configuration while another one leads, and takes over from there", async () => {
    const [health, metrics] = kind === "real" ? [17_481, 17_482] : [17_483, 17_484];
    const standby = await bench.start(`--health-probe-port=${health}`, `--port=${metrics}`, "--pod-name=controller-1");
    const state = async () =>
      (await (await fetch(`http://127.0.0.1:${health}/state`)).json()) as {
        readonly leading: boolean;
        readonly problems: readonly { readonly name: string }[];
      };
    await bench.createPool(pool("odd", ["nonsense"]));
    const told = await eventually(state, ({ problems }) => problems.some(({ name }) => name === "odd"), {
      what: "the standby does not read the configuration",
    });
    expect(told.leading).toBe(false);
    expect((await fetch(`http://127.0.0.1:${health}/readyz`)).status).toBe(200);
    await client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "odd" });
    await controller.stop();
    await eventually(state, ({ leading }) => leading, { what: "the standby does not take over" });
    await create("after");
    await eventually(
      async () => ipsOf(await get("after")),
      (ips) => ips.length === 1,
      { what: "the new leader does not allocate" },
    );
    await remove("after");
    expect(await standby.stop()).toBe(0);
    controller = await bench.start();
  });

  it("handles no Service and asks for no lead with --webhook-mode=onlywebhook", async () => {
    await controller.stop();
    const webhook = await bench.start("--webhook-mode=onlywebhook");
    await eventually(
      async () => webhook.output(),
      (output) => output.includes("no Service is handled here"),
      { what: "it does not say what it does" },
    );
    await create("idle");
    const { metadata } = await client.get(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" });
    expect(await webhook.stop()).toBe(0);
    const after = await client.get(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" });
    expect(after.metadata?.resourceVersion).toBe(metadata?.resourceVersion);
    expect(ipsOf(await get("idle"))).toEqual([]);
    controller = await bench.start();
    await eventually(
      async () => ipsOf(await get("idle")),
      (ips) => ips.length === 1,
      { what: "idle is not served" },
    );
    await remove("idle");
  });

  it("is told by metallb check what a file would do to the cluster", async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-check-"));
    const file = join(folder, "pools.yaml");
    await writeFile(
      file,
      JSON.stringify({ kind: "List", items: [pool("new", ["192.0.2.4/31"]), pool("fine", ["203.0.113.0/24"])] }),
    );
    const check = (...args: readonly string[]) =>
      runWith(HERE, [projectFile("packages/metallb/bin/metallb"), "check", file, ...args], { env: bench.env });
    try {
      expect(await check()).toContain("nothing wrong");
      await expect(check("--against-cluster")).rejects.toThrow(
        /pools\.yaml:1: IPAddressPool new: spec\.addresses\[0\]: .*overlaps/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("ends at once on SIGTERM, and hands the lead over", async () => {
    expect(await controller.stop()).toBe(0);
    const lease = await client.get(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" });
    expect((lease.spec as { holderIdentity?: string }).holderIdentity ?? "").toBe("");
  });

  it("tells wrong inputs apart", async () => {
    const wrong = await bench.start("--nope");
    await eventually(
      () => wrong.exitCode(),
      (code) => code === 2,
      { what: "no usage error" },
    );
    expect(wrong.output()).toContain("flag provided but not defined: -nope");
    const lost = await startProgram(HERE, [projectFile("packages/metallb/bin/controller"), "--namespace=x"], {
      ...bench.env,
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

describe("the controller on the embedded API", () => suite("embedded"));
describeWith(["kubernetes"], "the controller on a real Kubernetes", () => suite("real"));
