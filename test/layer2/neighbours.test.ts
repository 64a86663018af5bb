import { createNamespaceNetwork, type LabNetwork, type Place } from "@metallb-ts/lab/network";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn } from "../support/programs.ts";
import { AnsweringNode } from "./answering-node.ts";

const VIP = "172.20.0.100";
const VIP6 = "fd00:172:20::100";

describeWith(["root", "namespaces", "arping", "ndisc6"], "ARP and NDP on a LAN of namespaces", () => {
  let network: LabNetwork;
  let one: AnsweringNode;
  let two: AnsweringNode;

  beforeAll(async () => {
    network = await createNamespaceNetwork({ nodes: 2 });
    one = new AnsweringNode(node(0));
    two = new AnsweringNode(node(1));
    await Promise.all([one, two].map((each) => each.until("eth0 is used", ({ link }) => link === "eth0")));
  });
  afterAll(async () => {
    await Promise.all([one?.stop(), two?.stop()]);
    await network?.close();
  });

  const node = (index: number): Place => {
    const found = network.nodes[index];
    if (!found) throw new Error(`no node ${index}`);
    return found;
  };
  const asker = (...argv: readonly string[]) => runIn(network.router, ...argv);
  const macOf = async (place: Place): Promise<string> =>
    (await runIn(place, "cat", "/sys/class/net/eth0/address")).trim();
  /** What the router's kernel believes. */
  const believed = async (address: string): Promise<string> => {
    const [entry] = JSON.parse(await asker("ip", "-j", "neigh", "show", "to", address)) as {
      lladdr?: string;
      state?: string[];
    }[];
    return entry?.lladdr ?? "";
  };
  /** Has the router's kernel ask by sending something there. */
  const knock = (address: string) =>
    asker(
      "sh",
      "-c",
      `curl -s --connect-timeout 0.3 -g "http://${address.includes(":") ? `[${address}]` : address}/" || true`,
    );

  beforeEach(async () => {
    for (const each of [one, two])
      for (const address of [VIP, VIP6])
        await each.command({ kind: "withdraw", holder: "test", address, release: "at-once" });
    await asker("ip", "neigh", "flush", "all");
  });

  it("answers the kernel, arping and ndisc6", async () => {
    await one.announce(VIP);
    await one.announce(VIP6);
    const mac = await macOf(node(0));
    await asker("ip", "neigh", "flush", "all");
    expect((await asker("arping", "-c", "1", "-I", "eth0", VIP)).toLowerCase()).toContain(mac);
    expect((await asker("arping", "-D", "-c", "1", "-I", "eth0", VIP).catch(String)).toLowerCase()).toContain(mac);
    expect((await asker("ndisc6", "-1", VIP6, "eth0")).toLowerCase()).toContain(mac);
    for (const address of [VIP, VIP6]) {
      await knock(address);
      await eventually(
        () => believed(address),
        (at) => at === mac,
        { what: `the kernel believes in ${address}` },
      );
    }
  });

  it("answers the kernel's unicast probes, so that a neighbour stays reachable", async () => {
    await one.announce(VIP);
    await one.announce(VIP6);
    const mac = await macOf(node(0));
    for (const address of [VIP, VIP6]) {
      // A permanent entry that is set to PROBE is asked for by unicast alone.
      await asker("ip", "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "probe");
      const state = async () => {
        const [entry] = JSON.parse(await asker("ip", "-j", "neigh", "show", "to", address)) as { state?: string[] }[];
        return entry?.state?.join() ?? "gone";
      };
      await eventually(state, (at) => at === "REACHABLE", { what: `${address} stays reachable`, limit: 5_000 });
    }
  });

  it("moves a neighbour's entry at once when another node takes the address", async () => {
    for (const address of [VIP, VIP6]) {
      await one.announce(address);
      await knock(address);
      const [first, second] = [await macOf(node(0)), await macOf(node(1))];
      await eventually(
        () => believed(address),
        (at) => at === first,
        { what: "learnt of the first" },
      );
      await one.command({ kind: "withdraw", holder: "test", address, release: "at-once" });
      await two.announce(address);
      await eventually(
        () => believed(address),
        (at) => at === second,
        { what: "learnt of the second", limit: 1_000 },
      );
    }
  });

  it("keeps a host from taking an address that is announced (RFC 4862)", async () => {
    await one.announce(VIP6);
    await asker(
      "sh",
      "-c",
      "echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_dad; echo 1 > /proc/sys/net/ipv6/conf/all/accept_dad; echo 1 > /proc/sys/net/ipv6/conf/eth0/dad_transmits",
    );
    await asker("ip", "address", "add", `${VIP6}/64`, "dev", "eth0");
    const flags = () => asker("ip", "-6", "address", "show", "dev", "eth0");
    await eventually(flags, (text) => text.includes("dadfailed"), { what: "duplicate address detection failed" });
    await asker("ip", "address", "delete", `${VIP6}/64`, "dev", "eth0");
  });

  it("does not take an address that a host has, says who has it, and takes it when the host is gone", async () => {
    const claim = { claim: "probe-first" };
    for (const [address, length] of [
      [VIP, 24],
      [VIP6, 64],
    ] as const) {
      await asker(
        "ip",
        "address",
        "add",
        `${address}/${length}`,
        "dev",
        "eth0",
        ...(address === VIP6 ? ["nodad"] : []),
      );
      const from = await one.announce(address, claim);
      const conflict = await one.until("a conflict", ({ state }) => state === "conflict", from);
      expect(conflict).toMatchObject({ address, foreign: { mac: await macOf(network.router), interface: "eth0" } });
      await asker("ip", "address", "delete", `${address}/${length}`, "dev", "eth0");
      await one.command({ kind: "withdraw", holder: "test", address, release: "at-once" });
      const again = await one.announce(address, claim);
      await one.until("announced", ({ state }) => state === "announced", again, 3_000);
    }
  });

  it("tells of a host that claims the address later, and does not fight it", async () => {
    const from = await one.announce(VIP);
    await asker("ip", "address", "add", `${VIP}/24`, "dev", "eth0");
    await asker("arping", "-A", "-c", "1", "-I", "eth0", VIP).catch(() => "");
    await asker("ip", "address", "delete", `${VIP}/24`, "dev", "eth0");
    const told = await one.until("a claim", ({ foreign }) => foreign != null, from);
    expect(told).toMatchObject({ state: "announced", foreign: { mac: await macOf(network.router) } });
  });

  describe("an interface", () => {
    it("that is renamed, gets another MAC, goes down and comes up is seen at once, and neighbours are told", async () => {
      await two.announce(VIP);
      await knock(VIP);
      const place = node(1);
      const from = two.told.length;
      await runIn(place, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:77");
      await eventually(
        () => believed(VIP),
        (at) => at === "02:00:00:00:00:77",
        { what: "the new MAC is believed", limit: 2_000 },
      );
      await runIn(place, "ip", "link", "set", "eth0", "down");
      await two.until("down", ({ usable }) => usable === false, from);
      await runIn(place, "ip", "link", "set", "eth0", "name", "lan0");
      await runIn(place, "ip", "link", "set", "lan0", "up");
      await two.until("up under its new name", ({ link, usable }) => link === "lan0" && usable === true, from);
      await asker("ip", "neigh", "flush", "all");
      expect(await asker("arping", "-c", "1", "-I", "eth0", VIP)).toContain("1 response");
      await runIn(place, "ip", "link", "set", "lan0", "down");
      await runIn(place, "ip", "link", "set", "lan0", "name", "eth0");
      await runIn(place, "ip", "link", "set", "eth0", "up");
    });

    it("that comes late is used, its groups are joined, and it is left when it is enslaved", async () => {
      const place = node(0);
      await one.announce(VIP6);
      const from = one.told.length;
      await runIn(place, "ip", "link", "add", "late0", "type", "veth", "peer", "name", "veth-late");
      await runIn(place, "ip", "link", "set", "veth-late", "up");
      await runIn(place, "ip", "link", "set", "late0", "up");
      await one.until("late0 is used", ({ link, usable }) => link === "late0" && usable === true, from);
      const groups = () => runIn(place, "ip", "-6", "maddress", "show", "dev", "late0");
      await eventually(groups, (text) => text.includes("ff02::1:ff00:100"), { what: "the group is joined" });
      expect(one.told.some(({ link }) => link === "veth-late")).toBe(false);
      await runIn(place, "ip", "link", "add", "br9", "type", "bridge");
      await runIn(place, "ip", "link", "set", "late0", "master", "br9");
      await one.until("late0 is left", ({ removed }) => removed !== undefined, from);
      await runIn(place, "ip", "link", "delete", "br9");
      await runIn(place, "ip", "link", "delete", "late0");
    });

    it.each([
      ["macvlan", "ip link add link eth0 name seg0 type macvlan mode bridge"],
      ["bridge", "ip link add seg0 type bridge; ip link set eth0 master seg0"],
    ])(
      "that is a %s answers where it alone is named, and tells neighbours when it comes back under another index",
      async (_, make) => {
        const place = node(0);
        const shell = (...commands: readonly string[]) => runIn(place, "sh", "-ec", commands.join("; "));
        const indexes = new Set<number>();
        try {
          for (const mac of ["02:00:00:00:01:01", "02:00:00:00:01:02"]) {
            const from = one.told.length;
            await shell(make, `ip link set seg0 address ${mac}`, "ip link set seg0 up");
            await one.until("it is used", ({ link, usable }) => link === "seg0" && usable === true, from);
            const isFirst = indexes.size === 0;
            if (isFirst) for (const address of [VIP, VIP6]) await one.announce(address, { interfaces: ["seg0"] });
            // The first time the kernel asks; then it has an entry, and is told.
            for (const address of [VIP, VIP6])
              await eventually(
                () => (isFirst ? knock(address).then(() => believed(address)) : believed(address)),
                (at) => at === mac,
                { what: `the kernel believes that ${mac} has ${address}` },
              );
            const index = Number(await runIn(place, "cat", "/sys/class/net/seg0/ifindex"));
            indexes.add(index);
            // So that the next does not get the same number.
            if (isFirst) await shell("ip link add between0 type bridge");
            await shell("ip link delete seg0");
            await one.until("it is left", ({ removed }) => removed === index, from);
          }
          expect(indexes.size).toBe(2);
        } finally {
          await shell("ip link delete between0 || true", "ip link delete seg0 2>/dev/null || true");
        }
      },
    );
  });
});
