import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn } from "../support/programs.ts";
import { failover, Lan, VIP, VIP6 } from "./lan.ts";

describeWith(["root", "namespaces", "bird", "kubectl"], "an address on a LAN of three nodes", () => {
  let lan: Lan;

  beforeAll(async () => {
    lan = await Lan.open(3);
    await lan.startSpeakers();
    await lan.serve("web", [VIP]);
    await lan.serve("six", [VIP6]);
  });
  afterAll(() => lan?.close());
  afterEach(async () => {
    for (const name of lan.names) {
      await lan.cluster.network.heal(name);
      await runIn(lan.cluster.node(name), "ip", "link", "set", "eth0", "up");
    }
  });

  const statuses = async () => {
    const { items } = JSON.parse(
      await lan.cluster.kubectl("get", "servicel2statuses", "-n", "metallb-system", "-o", "json"),
    ) as { items: { status?: { node?: string; serviceName?: string } }[] };
    return items.map(({ status }) => `${status?.serviceName} ${status?.node}`).sort();
  };

  it("is announced by one node, on which all agree, with an event and one status object", async () => {
    const owner = await lan.owner(VIP);
    expect(await lan.owner(VIP6)).toBeDefined();
    const { answers } = await lan.during(VIP, () => {}, 500);
    expect(new Set(answers.map(({ node }) => node))).toEqual(new Set([owner]));
    const six = await lan.owner(VIP6);
    await eventually(statuses, (all) => all.join() === `six ${six},web ${owner}`, { what: "one status object each" });
    await eventually(
      () => lan.cluster.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
      (text) => text.includes(`announcing from node "${owner}" with protocol "layer2"`),
      { what: "the event nodeAssigned" },
    );
  });

  it.each([VIP, VIP6])(
    "%s goes on at another node when its cable is cut, and all agree again when it is healed",
    async (address) => {
      const owner = await lan.owner(address);
      const traffic = await lan.during(address, () => lan.cluster.network.cut(owner));
      const { took, by } = failover(traffic, owner);
      console.info(`cut: ${took} ms until ${by} answered`);
      expect(took).toBeLessThan(1_000);
      await lan.cluster.network.heal(owner);
      const again = await lan.owner(address);
      await eventually(
        () => lan.believed(address),
        (name) => name === again,
        { what: "the router believes the owner" },
      );
    },
  );

  it("moves when the owner's speaker is killed, frozen or stopped, and no packet is lost", async () => {
    for (const signal of ["SIGKILL", "SIGSTOP", "SIGTERM"] as const) {
      const owner = await lan.settled(VIP);
      const traffic = await lan.during(VIP, () => void process.kill(lan.speaker(owner).pid, signal));
      const { took, by } = failover(traffic, owner);
      const lost = traffic.sent - traffic.answers.length;
      console.info(`${signal}: ${took} ms until ${by} answered, ${lost} of ${traffic.sent} lost`);
      expect(took).toBeLessThan(signal === "SIGTERM" ? 500 : 1_000);
      // The node still forwards what it gets.
      expect(lost).toBe(0);
      if (signal === "SIGSTOP") process.kill(lan.speaker(owner).pid, "SIGCONT");
      else {
        await lan.speaker(owner).stop();
        await lan.startSpeaker(owner);
      }
      await eventually(
        async () => (await lan.state(owner)).services["default/web"]?.layer2.reason ?? "announced",
        (reason) => reason === "announced" || reason === "ownedByOther",
        { what: "it takes part again" },
      );
    }
  });

  it("moves when the owner's interface goes down", async () => {
    const owner = await lan.settled(VIP);
    const traffic = await lan.during(VIP, async () => {
      await runIn(lan.cluster.node(owner), "ip", "link", "set", "eth0", "down");
    });
    const { took, by } = failover(traffic, owner);
    console.info(`link down: ${took} ms until ${by} answered`);
    expect(took).toBeLessThan(1_000);
  });

  it("that is new is probed for: a foreign host that has it keeps it, and the Service says so", async () => {
    const address = "172.20.0.150";
    const { router } = lan.cluster.network;
    await runIn(router, "ip", "address", "add", `${address}/24`, "dev", "eth0");
    await lan.serve("taken", [address]);
    await eventually(
      () => lan.cluster.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
      (text) => text.includes(`address ${address} is not announced: the host`),
      { what: "the event addressConflict" },
    );
    const condition = () =>
      lan.cluster.kubectl(
        ...[
          "get",
          "service",
          "taken",
          "-o",
          "jsonpath={.status.conditions[?(@.type=='metallb.io/AddressConflict')].reason}",
        ],
      );
    await eventually(condition, (reason) => reason === "AddressInUse", { what: "the condition AddressConflict" });
    await runIn(router, "ip", "address", "delete", `${address}/24`, "dev", "eth0");
    await eventually(condition, (reason) => reason === "", { what: "the condition goes", limit: 60_000 });
  });
});
