import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { metallbObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, projectFile } from "../support/programs.ts";
import { Lan } from "./lan.ts";

const VIPS = Array.from({ length: 6 }, (_, i) => `172.20.0.${101 + i}`);

describeWith(["root", "namespaces", "bird", "kubectl"], "a LAN of three nodes", () => {
  let lan: Lan;

  const advertise = async (annotations: Readonly<Record<string, string>>): Promise<void> => {
    const object = metallbObject("L2Advertisement", "lan", { ipAddressPools: ["lan"] });
    await lan.cluster.apply({ ...object, metadata: { ...object.metadata, annotations } });
  };
  const metallb = (...args: readonly string[]) =>
    promisify(execFile)(projectFile("packages/metallb/bin/metallb"), args, {
      env: { ...process.env, KUBECONFIG: lan.cluster.kubeconfig },
    });

  beforeAll(async () => {
    lan = await Lan.open(3);
    await advertise({ "metallb.io/l2-placement": "balanced" });
    await lan.startSpeakers();
    for (const [i, vip] of VIPS.entries()) await lan.serve(`web-${i}`, [vip]);
  });
  afterAll(() => lan?.close());

  /** Addresses by the one node that announces each; null while one has none or several. */
  const owners = async (among = lan.names): Promise<ReadonlyMap<string, string> | null> => {
    const found = new Map<string, string>();
    for (const name of among)
      for (const { address } of (await lan.state(name)).layer2) {
        if (found.has(address)) return null;
        found.set(address, name);
      }
    return VIPS.every((vip) => found.has(vip)) ? found : null;
  };
  const countsOf = (found: ReadonlyMap<string, string> | null) =>
    lan.names.map((name) => [...(found?.values() ?? [])].filter((owner) => owner === name).length);

  it("has two of six balanced addresses on each node; a lost node's go to the others evenly, and stay there", async () => {
    const even = await eventually(owners, (found) => countsOf(found).join() === "2,2,2", { what: "two each" });
    const lost = "node-2";
    await lan.speaker(lost).stop("SIGKILL");
    const others = lan.names.filter((name) => name !== lost);
    const after = await eventually(
      () => owners(others),
      (found) => countsOf(found).join() === "3,0,3",
      { what: "three each" },
    );
    for (const [vip, owner] of even ?? []) if (owner !== lost) expect(after?.get(vip)).toBe(owner);
    await lan.startSpeaker(lost);
    await eventually(
      () => Promise.all(lan.names.map(async (name) => (await lan.state(name)).members)),
      (all) => all.every((members) => members.filter(({ state }) => state === "alive").length === 3),
      { what: "all see it back" },
    );
    await lan.serve("later", ["172.20.0.120"]);
    await eventually(
      () => lan.owner("172.20.0.120"),
      (owner) => owner === lost,
      { what: "a new address goes to the emptiest node" },
    );
    const then = await eventually(owners, (found) => found !== null, { what: "one owner each" });
    expect(VIPS.map((vip) => then?.get(vip))).toEqual(VIPS.map((vip) => after?.get(vip)));
  });

  it("moves one by the command, and says so", async () => {
    const vip = VIPS[0] as string;
    const from = (await owners())?.get(vip);
    const to = lan.names.find((name) => name !== from) ?? "";
    const { stdout } = await metallb("l2", "move", "web-0", to);
    expect(stdout).toBe(`node ${to} announces default/web-0\n`);
    expect((await owners())?.get(vip)).toBe(to);
    await expect(metallb("l2", "move", "web-0", "nowhere")).rejects.toThrow("there is no node 'nowhere'");
  });

  it("that is fenced is silent where fewer than half of the speakers are seen", async () => {
    await advertise({ "metallb.io/l2-fencing": "majority" });
    await lan.cluster.network.cut("node-3");
    const refused = async (name: string) => (await lan.state(name)).services["default/web-0"]?.layer2.reason;
    await eventually(
      () => refused("node-3"),
      (reason) => reason === "noMajority",
      { what: "the lone node falls silent" },
    );
    expect((await lan.state("node-3")).layer2).toEqual([]);
    await eventually(
      () => owners(["node-1", "node-2"]),
      (found) => found !== null,
      { what: "the two others announce all" },
    );
    await lan.cluster.network.heal("node-3");
    await eventually(
      () => refused("node-3"),
      (reason) => reason !== "noMajority",
      { what: "it takes part again", limit: 90_000 },
    );
  });
});
