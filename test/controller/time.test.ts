import { type KubeObject, RESOURCES } from "metallb/kube";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Asked, Fault, FaultyApi } from "../support/faulty-api.ts";
import { eventually, type Program } from "../support/programs.ts";
import { Warp } from "../support/warp.ts";
import { ControllerBench, ipsOf, NAMESPACE, pool } from "./bench.ts";

const HOUR = 3_600_000;

/** What takes an hour, or goes back by one: the process with clocks of its own. */
describe("the controller, and time", () => {
  let bench: ControllerBench;
  let api: FaultyApi;
  let warp: Warp;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    bench = await ControllerBench.create("embedded");
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    await bench.createPool(pool("p", ["192.0.2.0/26"]));
    const faulty = await bench.faultyApi();
    api = faulty.api;
    env = faulty.env;
  });
  afterAll(() => bench?.close());

  const programs: Program[] = [];
  beforeEach(async () => {
    warp = await Warp.open();
  });
  afterEach(async () => {
    api.rule = () => null;
    await Promise.all(programs.splice(0).map((program) => program.stop("SIGKILL")));
    await warp.close();
    const { items = [] } = await bench.client.list(RESOURCES.services, { namespace: "default" });
    for (const { metadata } of items as readonly KubeObject[])
      if (metadata?.name !== "kubernetes") await bench.remove(metadata?.name ?? "");
    await bench.client
      .remove(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" })
      .catch(() => undefined);
  });

  const start = async (clock: Warp | null, ...more: readonly string[]): Promise<Program> => {
    const program = await bench.startIn({ ...env, ...clock?.env }, "--webhook-mode=disabled", ...more);
    programs.push(program);
    return program;
  };
  const served = (name: string, ip: string) => bench.served(name, ip);
  const version = async (name: string) => (await bench.get(name)).metadata?.resourceVersion;

  /** Leads without a Lease, which nothing takes from it then: what happens to its watches can be waited for. */
  async function startAlone(rule: (asked: Asked) => Fault | null): Promise<Program> {
    api.rule = (asked) => (asked.url.includes("/leases") ? { status: 403 } : rule(asked));
    await warp.speed(20);
    const program = await start(warp);
    await eventually(
      () => program.output(),
      (text) => text.includes("initial sync complete"),
      { what: "it does not lead alone" },
    );
    return program;
  }

  it("notices that its watches are half open: they stay, and tell nothing any more", async () => {
    let frozen = false;
    const opened: string[] = [];
    const program = await startAlone(({ isServiceWatch, url }) => {
      if (!isServiceWatch) return null;
      opened.push(url);
      // The one that is open when the way is cut; those that come after it are carried.
      const before = !frozen;
      return { lines: async (line) => (frozen && before ? new Promise<never>(() => {}) : [line]) };
    });
    await bench.create("a");
    await served("a", "192.0.2.0");
    frozen = true;
    await bench.remove("a");
    await bench.create("b");
    await served("b", "192.0.2.0");
    expect(program.exitCode()).toBeNull();
    expect(opened.length).toBeGreaterThan(1);
  });

  it("is without the API for an hour, and goes on where it was", async () => {
    let asked = 0;
    let away = false;
    const program = await startAlone(() => {
      asked++;
      return away ? { breaks: "unheard" } : null;
    });
    await bench.create("a");
    await bench.create("b");
    await served("b", "192.0.2.1");
    away = true;
    api.cut();
    asked = 0;
    await warp.speed(1_200);
    await bench.remove("a");
    await bench.create("c");
    const before = await version("b");
    await warp.pass(HOUR);
    await warp.speed(20);
    expect(program.exitCode()).toBeNull();
    // With each watch and each write tried every 30 s at most.
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(3_000);
    away = false;
    await served("c", "192.0.2.0");
    expect(await version("b")).toBe(before);
  });

  it("sees the clock on the wall jump an hour and back, leads on and writes nothing over it", async () => {
    const leader = await start(warp, "--pod-name=one");
    await bench.create("a");
    await served("a", "192.0.2.0");
    const standby = await start(null, "--pod-name=two");
    const before = await version("a");
    const where = { namespace: NAMESPACE, name: "metallb-controller" };
    const lease = async () =>
      (await bench.client.get(RESOURCES.leases, where)).spec as {
        readonly holderIdentity?: string;
        readonly renewTime?: string;
      };
    for (const [name, ip, jump] of [
      ["b", "192.0.2.1", HOUR],
      ["c", "192.0.2.2", -HOUR],
      ["d", "192.0.2.3", 0],
    ] as const) {
      await warp.jump(jump);
      await bench.create(name);
      await served(name, ip);
      const { renewTime } = await lease();
      // It is renewed by the clock that jumped, and the standby goes by its own.
      const renewed = await eventually(lease, (now) => now.renewTime !== renewTime, {
        what: "the Lease is not renewed",
      });
      expect(renewed.holderIdentity).toBe("one");
    }
    expect([leader.exitCode(), standby.exitCode()]).toEqual([null, null]);
    expect(await version("a")).toBe(before);
    await warp.jump(HOUR);
    expect(await leader.stop()).toBe(0);
    await bench.remove("b");
    await bench.create("e");
    await served("e", "192.0.2.1");
    expect(ipsOf(await bench.get("a"))).toEqual(["192.0.2.0"]);
  });
});
