import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { metallbObject, NAMESPACE } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, runWith } from "../support/programs.ts";
import { failover, Lan, macOf, VIP } from "./lan.ts";

describeWith(["root", "namespaces", "bird", "kubectl", "iptables"], "a LAN of three nodes with Leases", () => {
  let lan: Lan;
  let owner = "";

  beforeAll(async () => {
    lan = await Lan.open(3, ["--l2-lease-duration=4"]);
    const object = metallbObject("L2Advertisement", "lan", { ipAddressPools: ["lan"] });
    await lan.cluster.apply({
      ...object,
      metadata: { ...object.metadata, annotations: { "metallb.io/l2-fencing": "lease" } },
    });
    await lan.startSpeakers();
    await lan.serve("web", [VIP]);
    owner = await whole();
  });
  afterAll(() => lan?.close());
  afterEach(async () => {
    await mend();
    expect(await whole()).toBe(owner);
  });

  /** All hold their Lease; gives the owner. */
  const whole = async () => {
    const wanted = lan.names.map((_, i) => (i === 0 ? "announced" : "ownedByOther"));
    await eventually(said, (all) => all.toSorted().join() === wanted.join(), {
      what: "all take part",
      limit: 90_000,
    });
    return await lan.settled(VIP);
  };

  const said = () =>
    Promise.all(
      lan.names.map(async (name) => (await lan.state(name)).services["default/web"]?.layer2.reason ?? "announced"),
    );
  const others = () => lan.names.filter((name) => name !== owner);
  const nft = (node: string, rules: string) => runWith(lan.cluster.node(node), ["nft", "-f", "-"], { input: rules });
  const mend = async (table?: "api" | "lan") => {
    const flush = (kind: string, name: string) => `table ${kind} ${name}\ndelete table ${kind} ${name}\n`;
    for (const name of lan.names) {
      if (table !== "lan") await nft(name, flush("inet", "api"));
      if (table !== "api") await nft(name, flush("netdev", "lan"));
    }
  };
  /** The node's speaker reaches the API no more. */
  const cutFromApi = async (node: string) => {
    const { kubeconfig } = lan.cluster;
    const server = await runWith(lan.cluster.node(node), ["grep", "-o", "127.0.0.1:[0-9]*", kubeconfig], {});
    await nft(
      node,
      `table inet api { chain out { type filter hook output priority 0; tcp dport ${server.trim().split(":")[1]} drop; }; }`,
    );
  };
  /** No node hears another any more; the router hears all. */
  const partLan = async () => {
    const macs = await Promise.all(lan.names.map((name) => macOf(lan.cluster.node(name))));
    for (const [i, name] of lan.names.entries()) {
      const foreign = macs.filter((_, j) => j !== i).join(", ");
      await nft(
        name,
        `table netdev lan { chain in { type filter hook ingress device "eth0" priority 0; ether saddr { ${foreign} } drop; }; }`,
      );
    }
    const alive = async (name: string) =>
      (await lan.state(name)).members.filter(({ state }) => state === "alive").length;
    await eventually(
      () => Promise.all(lan.names.map(alive)),
      (counts) => counts.every((count) => count <= 1),
      { what: "no speaker hears another" },
    );
  };
  /** The node that announces, when it is this one alone of those that are asked. */
  const announces = (node: string) =>
    eventually(
      async () => (await lan.state(node)).layer2.some(({ address }) => address === VIP),
      (does) => does,
      { what: `${node} announces`, limit: 30_000 },
    );
  const silentWith = (node: string, reason: string) =>
    eventually(
      async () => (await lan.state(node)).services["default/web"]?.layer2.reason,
      (found) => found === reason,
      { what: `${node} is silent: ${reason}`, limit: 30_000 },
    );
  /** Whose turn it was to answer ARP while `act` ran, in order: two owners at a time take turns again and again. */
  const answering = async (act: () => Promise<unknown>): Promise<readonly string[]> =>
    (await lan.asking(VIP, act)).turns;
  const renewals = async () => {
    const path = "jsonpath={.items[*].spec.renewTime}";
    const text = await lan.cluster.kubectl(
      "get",
      "leases",
      "-n",
      NAMESPACE,
      "-l",
      "metallb.io/lease=speaker",
      "-o",
      path,
    );
    return text.split(" ");
  };

  it("each speaker holds one, which goes with its Pod", async () => {
    const text = await lan.cluster.kubectl(
      "get",
      "leases",
      "-n",
      NAMESPACE,
      "-l",
      "metallb.io/lease=speaker",
      "-o",
      "json",
    );
    const { items } = JSON.parse(text) as {
      items: { metadata: { name: string; ownerReferences: { name: string }[] }; spec: { holderIdentity: string } }[];
    };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(lan.names.map((name) => `speaker-${name}`));
    for (const { metadata, spec } of items) {
      const [, node = ""] = metadata.name.split("speaker-");
      expect(metadata.ownerReferences.map(({ name }) => name)).toEqual([`speaker-${node}`]);
      expect(spec.holderIdentity).toMatch(new RegExp(`^${node}_`));
    }
  });

  it("speakers that hear the API and not each other go on as before: one owner", async () => {
    const turns = await answering(async () => {
      await partLan();
      const before = await renewals();
      await eventually(
        async () => (await renewals()).filter((each) => before.includes(each)),
        (old) => old.length === 0,
        { what: "all have renewed since" },
      );
      expect(await said()).toEqual(lan.names.map((name) => (name === owner ? "announced" : "ownedByOther")));
    });
    expect(turns).toEqual([owner]);
  });

  it("one that hears the others and not the API falls silent before another takes over, and comes back", async () => {
    const turns = await answering(async () => {
      await cutFromApi(owner);
      await silentWith(owner, "noLease");
      await lan.owner(VIP, others());
    });
    expect(turns.filter((name) => name === owner)).toEqual([owner]);
    expect(turns[0]).toBe(owner);
  });

  it("one that hears neither falls silent too, and once it has the API back there is never more than one owner", async () => {
    const turns = await answering(async () => {
      await partLan();
      await cutFromApi(owner);
      await silentWith(owner, "noLease");
      const next = await lan.owner(VIP, others());
      await mend("api");
      await silentWith(next, "ownedByOther");
      await announces(owner);
    });
    expect(turns, `${turns.join()}`).toHaveLength(3);
    expect([turns[0], turns[2], turns[1] !== owner]).toEqual([owner, owner, true]);
  });

  it("one whose process stood still for longer than its Lease answers nothing when it goes on", async () => {
    const turns = await answering(async () => {
      process.kill(lan.speaker(owner).pid, "SIGSTOP");
      await lan.owner(VIP, others());
      process.kill(lan.speaker(owner).pid, "SIGCONT");
      await silentWith(owner, "noLease");
    });
    expect(turns.filter((name) => name === owner)).toEqual([owner]);
  });

  it("one that is stopped gives its Lease up: another takes over at once, and nothing is lost", async () => {
    const traffic = await lan.during(VIP, () => void process.kill(lan.speaker(owner).pid, "SIGTERM"));
    expect(failover(traffic, owner).took).toBeLessThan(2_000);
    expect(traffic.sent - traffic.answers.length).toBe(0);
    await lan.speaker(owner).stop();
    await lan.startSpeaker(owner);
    await announces(owner);
  });
});
