import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { metallbObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, projectFile } from "../support/programs.ts";
import { type Answering, Lan, type Traffic, VIP, VIP6 } from "./lan.ts";

const MOVES = 10;
const SHARED = "172.20.0.130";
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
        // Services that share an address each say so.
        if ((found.get(address) ?? name) !== name) return null;
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

  const others = (owner: string): readonly string[] => lan.names.filter((name) => name !== owner);

  /** Counted at both addresses, and asked for all the while, so that no moment goes by when nobody answers. */
  const counted = async (act: () => Promise<unknown>): Promise<void> => {
    const seen: { six?: Traffic; answering?: Answering } = {};
    const four = await lan.counting(VIP, async () => {
      seen.six = await lan.counting(VIP6, async () => {
        seen.answering = await lan.asking(VIP, act, 5);
      });
    });
    const { six, answering } = seen;
    const lost = [...four.lost, ...(six?.lost ?? [])];
    console.info(`${four.sent} and ${six?.sent} datagrams; ${answering?.asked} questions`);
    expect({ lost, unanswered: answering?.unanswered }).toEqual({ lost: [], unanswered: 0 });
  };
  const gone = (owner: string, vip: string) =>
    eventually(
      () => lan.owner(vip, others(owner)),
      (name) => name !== owner,
      { what: `another node than ${owner} announces ${vip}` },
    );

  it(`loses nothing in ${MOVES} moves`, async () => {
    await lan.serve("web", [VIP]);
    await lan.serve("six", [VIP6]);
    await Promise.all([VIP, VIP6].map((vip) => lan.settled(vip)));
    await counted(async () => {
      for (let i = 0; i < MOVES; i++) {
        const [vip, name] = i % 2 === 0 ? [VIP, "web"] : [VIP6, "six"];
        const owner = await lan.owner(vip);
        const to = others(owner)[i % 4 < 2 ? 0 : 1] ?? "";
        const { stdout } = await metallb("l2", "move", name, to);
        expect(stdout).toBe(`node ${to} announces default/${name}\n`);
        expect(await lan.owner(vip)).toBe(to);
      }
    });
  });

  it("loses nothing when the owner's node is drained, and when it is back", async () => {
    const owner = await lan.owner(VIP);
    await metallb("l2", "move", "six", owner);
    await counted(async () => {
      await lan.cluster.kubectl("annotate", "node", owner, "metallb.io/drain=true");
      await Promise.all([VIP, VIP6].map((vip) => gone(owner, vip)));
      const at = await lan.owner(VIP);
      expect(at).not.toBe(owner);
      await lan.cluster.kubectl("annotate", "node", owner, "metallb.io/drain-");
      await metallb("l2", "move", "web", owner);
      expect(await lan.owner(VIP)).toBe(owner);
    });
  });

  it("loses nothing when the owner's speaker is stopped (SIGTERM), and when it starts again", async () => {
    const owner = await lan.owner(VIP);
    await metallb("l2", "move", "six", owner);
    await counted(async () => {
      await lan.speaker(owner).stop("SIGTERM");
      await Promise.all([VIP, VIP6].map((vip) => gone(owner, vip)));
      await lan.startSpeaker(owner);
      await lan.settled(VIP);
    });
  });

  it("is level after one command, which moves no more than it must and loses nothing; sharers move as one", async () => {
    const share = { "metallb.io/allow-shared-ip": "k" };
    await lan.serve("shared-a", [SHARED], share);
    await lan.serve("shared-b", [SHARED], share);
    const full = await lan.owner(SHARED);
    const of = async (name: string) => (await lan.state(name)).layer2;
    const services = ["shared-b", "web", ...VIPS.map((_, i) => `web-${i}`), "later"];
    for (const name of services) await metallb("l2", "move", name, full);
    const had = async () => (await of(full)).filter(({ address }) => address.includes("."));
    expect((await had()).length).toBe(services.length + 1);
    const dry = await metallb("l2", "balance", "--dry-run");
    const lines = dry.stdout.trim().split("\n");
    // Nine addresses, of which three stay.
    expect(lines).toHaveLength(6);
    expect((await had()).length).toBe(services.length + 1);
    await counted(async () => {
      const { stdout } = await metallb("l2", "balance");
      expect(stdout.trim().split("\n").slice(0, 6)).toEqual(lines);
      expect(stdout.match(/^node .* announces /gm)).toHaveLength(6);
    });
    const holding = await Promise.all(lan.names.map(of));
    const counts = holding.map(
      (all) => new Set(all.map(({ address }) => address).filter((each) => each.includes("."))),
    );
    expect(counts.map(({ size }) => size)).toEqual([3, 3, 3]);
    const sharing = holding.map((all) => all.filter(({ address }) => address === SHARED).length);
    expect(sharing.toSorted((a, b) => a - b)).toEqual([0, 0, 2]);
    expect((await metallb("l2", "balance")).stdout).toBe("the nodes are level: nothing is to be moved\n");
  });

  it("says that there is no such node to move one to", async () => {
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
