import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn } from "../support/programs.ts";
import { failover, Lan, VIP, VIP6 } from "./lan.ts";

const TAKEN = "172.20.0.150";

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

  const conflict = () => {
    const reason = "jsonpath={.status.conditions[?(@.type=='metallb.io/AddressConflict')].reason}";
    return lan.cluster.kubectl("get", "service", "taken", "-o", reason);
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

  it("that is new is probed for: a foreign host that has it keeps it, and the Service says so", async () => {
    const { router } = lan.cluster.network;
    await runIn(router, "ip", "address", "add", `${TAKEN}/24`, "dev", "eth0");
    await lan.serve("taken", [TAKEN]);
    await eventually(
      () => lan.cluster.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
      (text) => text.includes(`address ${TAKEN} is not announced: the host`),
      { what: "the event addressConflict" },
    );
    await eventually(conflict, (reason) => reason === "AddressInUse", { what: "the condition AddressConflict" });
    // The host is given up after a minute, which the other tests take: the last one looks.
    await runIn(router, "ip", "address", "delete", `${TAKEN}/24`, "dev", "eth0");
  });

  it.each([VIP, VIP6])(
    "%s goes on at another node when its cable is cut, and all agree again when it is healed",
    async (address) => {
      const owner = await lan.owner(address);
      const traffic = await lan.during(address, () => lan.cluster.network.cut(owner));
      const { took, by } = failover(traffic, owner);
      console.info(`cut: ${took} ms until ${by} answered`);
      expect(took).toBeLessThan(1_000);
      const { neighbors } = await lan.state(by ?? "");
      const told = neighbors.find((each) => each.address === address)?.failover;
      expect(told?.from).toBe(owner);
      // As a client sees it, but for the last heartbeat before the cut and the time that traffic takes.
      expect(Math.abs((told?.milliseconds ?? 0) - took)).toBeLessThan(150);
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

  it("that was taken is announced when the foreign host has been silent for a minute", async () => {
    await eventually(conflict, (reason) => reason === "", { what: "the condition goes", limit: 90_000 });
    expect(await lan.owner(TAKEN)).toBeDefined();
  });
});
