import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createNamespaceNetwork, type LabNetwork, type Place } from "@metallb-ts/lab/network";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn, runWith } from "../support/programs.ts";
import { AnsweringNode } from "./answering-node.ts";

const VIP = "172.20.0.100";
const VIP6 = "fd00:172:20::100";
/** More news than the kernel keeps for a process that does not read them. */
const NEWS = 3_000;

describeWith(["root", "namespaces", "arping"], "a node where something runs out", () => {
  let network: LabNetwork;
  let answering: AnsweringNode;
  let node: Place;

  beforeAll(async () => {
    network = await createNamespaceNetwork({ nodes: 1 });
    node = network.nodes[0] as Place;
    answering = new AnsweringNode(node);
    await answering.until("eth0 is used", ({ link }) => link === "eth0");
  });
  afterAll(async () => {
    await answering?.stop();
    await network?.close();
  });

  const ask = () => runIn(network.router, "arping", "-c", "1", "-w", "5", "-I", "eth0", VIP);

  it("file descriptors: what is announced is answered for, and interfaces and groups are caught up on later", async () => {
    const { pid } = answering;
    const limit = (soft: number) => execFileSync("prlimit", ["--pid", String(pid), `--nofile=${soft}:`]);
    await answering.announce(VIP);
    const highest = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
    // Descriptors are given by number: this many are there, and those that are free among them are few.
    limit(Math.min(highest, 8));
    const from = await answering.announce(VIP6);
    await answering.until("the group is not joined", ({ message }) => String(message).includes("EMFILE"), from);
    await runIn(node, "ip", "link", "add", "late0", "type", "veth", "peer", "name", "veth-late");
    await runIn(node, "ip", "link", "set", "veth-late", "up");
    await runIn(node, "ip", "link", "set", "late0", "up");
    await answering.until("late0 is not listened on", ({ subject }) => subject === "late0", from);
    expect(await ask()).toContain("1 response");
    limit(1_000);
    const groups = (link: string) => runIn(node, "ip", "-6", "maddress", "show", "dev", link);
    for (const link of ["eth0", "late0"])
      await eventually(
        () => groups(link),
        (text) => text.includes("ff02::1:ff00:100"),
        { what: `the group is joined on ${link}`, limit: 30_000 },
      );
    await runIn(node, "ip", "link", "delete", "late0");
    await answering.command({ kind: "withdraw", holder: "test", address: VIP6, release: "at-once" });
  });

  it("room for news of interfaces (ENOBUFS): what happened meanwhile is asked for", async () => {
    process.kill(answering.pid, "SIGSTOP");
    const line = (i: number) => `address ${i % 2 === 0 ? "add" : "delete"} 192.0.2.${1 + ((i >> 1) % 200)}/32 dev lo\n`;
    await runWith(node, ["ip", "-batch", "-"], { input: Array.from({ length: NEWS }, (_, i) => line(i)).join("") });
    await runIn(node, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:55");
    const from = answering.told.length;
    process.kill(answering.pid, "SIGCONT");
    await answering.until("its new MAC address is seen", ({ mac }) => mac === "02:00:00:00:00:55", from);
    expect(await ask()).toContain("02:00:00:00:00:55".toUpperCase());
  });

  it("room in the queue of the interface (ENOBUFS): neighbours are told again later", async () => {
    const entry = async () => {
      const [told] = JSON.parse(await runIn(network.router, "ip", "-j", "neigh", "show", "to", VIP)) as {
        lladdr?: string;
      }[];
      return told?.lladdr;
    };
    const mac = (await runIn(node, "cat", "/sys/class/net/eth0/address")).trim();
    await answering.command({ kind: "withdraw", holder: "test", address: VIP, release: "at-once" });
    // A queue that takes nothing: an octet a second, and room for less than a frame.
    const queue = ["qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", "8bit", "burst", "10", "limit", "1"];
    await runIn(node, "tc", ...queue);
    await runIn(
      network.router,
      "ip",
      "neigh",
      "replace",
      VIP,
      "lladdr",
      "02:00:00:00:00:99",
      "dev",
      "eth0",
      "nud",
      "stale",
    );
    const from = await answering.announce(VIP);
    const unsent = () =>
      answering
        .command({ load: true, kind: "load" })
        .then((at) => answering.until("unsent", (told) => "unsent" in told, at));
    await eventually(unsent, (told) => Number(told.unsent) > 0, { what: "frames were not sent" });
    expect(await entry()).toBe("02:00:00:00:00:99");
    await runIn(node, "tc", "qdisc", "delete", "dev", "eth0", "root");
    await eventually(entry, (told) => told === mac, { what: "the router is told", limit: 6_000 });
    expect(answering.told.slice(from).filter(({ state }) => state === "announced")).toHaveLength(1);
  });
});
