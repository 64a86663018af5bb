import { type KubeObject, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, type Program } from "../support/programs.ts";
import { type ApiKind, ControllerBench, ipsOf, NAMESPACE } from "./bench.ts";

const OBJECT = { namespace: NAMESPACE, name: "metallb-kept-addresses" };

interface Line {
  readonly addresses: readonly string[];
  readonly pool: string;
  readonly until: string;
}

function suite(kind: ApiKind): void {
  let bench: ControllerBench;
  let controller: Program;

  beforeAll(async () => {
    bench = await ControllerBench.create(kind);
    await bench.client.patch(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" }, "merge", {
      metadata: { annotations: { "metallb.io/keep-after-deletion": "1h" } },
      spec: { addresses: ["192.0.2.0/31"] },
    });
  });
  afterAll(() => bench?.close());

  const keeps = async (time: string) =>
    bench.client.patch(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" }, "merge", {
      metadata: { annotations: { "metallb.io/keep-after-deletion": time } },
    });
  const object = () => bench.client.get(RESOURCES.configmaps, OBJECT).catch(() => null);
  const written = (...names: readonly string[]) =>
    eventually(
      async () => ((await object())?.data ?? {}) as Readonly<Record<string, string>>,
      (data) => Object.keys(data).sort().join() === names.join(),
      { what: `the object does not hold ${names.join() || "nothing"}` },
    );
  const refused = (name: string) =>
    eventually(
      async () => (await bench.get(name)) as KubeObject & { status?: { conditions?: readonly { reason?: string }[] } },
      ({ status }) => (status?.conditions ?? []).some(({ reason }) => reason === "exhausted"),
      { what: `${name} is not told that nothing is free` },
    );

  it("writes no object before something is kept, then who had which address and until when", async () => {
    controller = await bench.start();
    await bench.create("a");
    await bench.served("a", "192.0.2.0");
    expect(await object()).toBeNull();
    await bench.remove("a");
    const { "default.a": line = "" } = await written("default.a");
    const { addresses, pool, until } = JSON.parse(line) as Line;
    expect([addresses, pool]).toEqual([["192.0.2.0"], "first"]);
    expect(Math.abs(Date.parse(until) - Date.now() - 3_600_000)).toBeLessThan(120_000);
    await bench.create("b");
    await bench.served("b", "192.0.2.1");
    await controller.stop("SIGKILL");
  });

  it("keeps it through a crash and a restart for who comes back, also while the controller is away", async () => {
    controller = await bench.start();
    await bench.create("waits");
    await refused("waits");
    await bench.create("a");
    await bench.served("a", "192.0.2.0");
    await written();
    await bench.remove("b");
    await written("default.b");
    await controller.stop("SIGTERM");
    await bench.create("b");
    controller = await bench.start();
    await bench.served("b", "192.0.2.1");
    await written();
    expect(ipsOf(await bench.get("waits"))).toEqual([]);
  });

  it("keeps it at a hand-over to another replica, and puts right what somebody made of the object", async () => {
    await bench.remove("b");
    await written("default.b");
    const data = { "default.b": null, "default.a": "nonsense", "x.y": "{}" };
    await bench.client.patch(RESOURCES.configmaps, OBJECT, "merge", { data });
    await bench.remove("a");
    // Both are written anew.
    await written("default.a", "default.b");
    const heir = await bench.start("--pod-name=controller-1");
    await controller.stop("SIGTERM");
    controller = heir;
    await refused("waits");
    await bench.create("a");
    await bench.served("a", "192.0.2.0");
    expect([ipsOf(await bench.get("waits")), heir.output()]).toEqual([
      [],
      expect.not.stringContaining("cannot be read"),
    ]);
  });

  it("ignores what cannot be read at a start, and says so", async () => {
    await controller.stop("SIGTERM");
    await bench.client.patch(RESOURCES.configmaps, OBJECT, "merge", { data: { "default.b": "nonsense" } });
    controller = await bench.start();
    await bench.served("waits", "192.0.2.1");
    expect(controller.output()).toContain("cannot be read");
    await written();
  });

  it("gives it to who waits when the time is over, with nothing else going on", async () => {
    await keeps("3s");
    await bench.create("last");
    await bench.remove("a");
    await bench.served("last", "192.0.2.0");
    await written();
  });
}

describe("addresses of deleted Services, on the embedded API", () => suite("embedded"));
describeWith(["kubernetes"], "addresses of deleted Services, on a real kube-apiserver", () => suite("real"));
