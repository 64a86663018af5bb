import { type KubeObject, RESOURCES } from "metallb/kube";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Fault, FaultyApi } from "../support/faulty-api.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, type Program } from "../support/programs.ts";
import { type ApiKind, ControllerBench, ipsOf, NAMESPACE, pool } from "./bench.ts";

const NAMES = ["a", "b", "c", "d"] as const;

/** `kill -9` before and after each write: no address is given twice, and who holds one keeps it. */
function suite(kind: ApiKind): void {
  let bench: ControllerBench;
  let api: FaultyApi;
  let env: NodeJS.ProcessEnv;
  let controller: Program | null = null;

  beforeAll(async () => {
    bench = await ControllerBench.create(kind);
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    await bench.createPool(pool("p", ["192.0.2.0/26"]));
    ({ api, env } = await bench.faultyApi());
  });
  afterAll(() => bench?.close());
  afterEach(async () => {
    await controller?.stop("SIGKILL");
    api.rule = () => null;
    for (const name of NAMES) await bench.remove(name).catch(() => undefined);
  });

  /** Service → address, of those that have one. */
  const holdings = async (): Promise<ReadonlyMap<string, string>> => {
    const { items = [] } = await bench.client.list(RESOURCES.services, { namespace: "default" });
    const all = (items as readonly KubeObject[]).map((each): [string, string] => [
      each.metadata?.name ?? "",
      ipsOf(each).join(),
    ]);
    return new Map(all.filter(([, ip]) => ip !== ""));
  };
  const start = async (): Promise<Program> => {
    controller = await bench.startIn(env, "--webhook-mode=disabled");
    return controller;
  };

  it.each(["before", "after"] as const)("is killed %s each of its writes", async (when) => {
    for (const name of NAMES) await bench.create(name);
    let held: ReadonlyMap<string, string> = new Map();
    for (let kills = 0; kills < NAMES.length; kills++) {
      const killed = Promise.withResolvers<void>();
      let first = true;
      api.rule = ({ isServiceWrite }): Fault | null => {
        if (!isServiceWrite) return null;
        if (!first) return { breaks: "unheard" };
        first = false;
        const kill = async () => {
          await controller?.stop("SIGKILL");
          api.cut();
          killed.resolve();
        };
        return when === "after" ? { after: kill } : { before: kill().then(() => Promise.reject(new Error("killed"))) };
      };
      const running = await start();
      await killed.promise;
      expect(running.exitCode()).toBeNull();
      const now = await holdings();
      for (const [name, ip] of held) expect([name, now.get(name)]).toEqual([name, ip]);
      held = now;
    }
    expect([...held.values()]).toHaveLength(when === "after" ? NAMES.length : 0);
    api.rule = () => null;
    await start();
    const all = await eventually(holdings, (now) => now.size === NAMES.length, {
      what: "not everybody is served",
      limit: 40_000,
    });
    expect(new Set(all.values()).size).toBe(NAMES.length);
    for (const [name, ip] of held) expect([name, all.get(name)]).toEqual([name, ip]);
  });
}

describe("a controller that is killed, on the embedded API", () => suite("embedded"));
describeWith(["kubernetes"], "a controller that is killed, on a real Kubernetes", () => suite("real"));
